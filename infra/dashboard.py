"""The CloudWatch dashboard of a stage: alarms, API, orders, imports and infrastructure."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.api import Api
from infra.data import Data
from infra.function import Function
from infra.observability import product_metric
from infra.stage import Stage

_PERIOD = Duration.minutes(5)


class Dashboard(Construct):
    """Alarms at the top, then one row each for the API, orders, imports and infrastructure."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        api: Api,
        data: Data,
        functions: Mapping[str, Function],
        queues: Mapping[str, sqs.Queue],
        alarms: Sequence[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        stack = Stack.of(self)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=stack.stack_name,
            default_interval=Duration.hours(12),
            widgets=[
                [cloudwatch.AlarmStatusWidget(alarms=alarms, title="Alarms", width=24, height=3)],
                self._api_row(api),
                self._orders_row(functions["create_order"]),
                self._imports_row(queues, functions["publish_events"], functions["index_search"]),
                self._infrastructure_row(data, functions),
            ],
        )
        console = f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
        self.url = f"{console}?region={stack.region}#dashboards/dashboard/{stack.stack_name}"

    def _api_row(self, api: Api) -> list[cloudwatch.IWidget]:
        http = api.http
        return _row(
            _graph(
                "API requests and errors",
                [
                    http.metric_count(label="requests"),
                    http.metric_client_error(label="4xx", statistic="Sum"),
                    http.metric_server_error(label="5xx", statistic="Sum"),
                ],
            ),
            _graph(
                "API latency (ms)",
                [
                    http.metric_latency(label=percentile, statistic=percentile)
                    for percentile in ("p50", "p90", "p99")
                ],
            ),
            _graph("Rejected requests by error code", [self._by_dimension("Refused", "code")]),
        )

    def _orders_row(self, create_order: Function) -> list[cloudwatch.IWidget]:
        return _row(
            _graph(
                "Orders",
                [
                    self._metric("OrderPlaced", "placed"),
                    self._metric("OrderReplayed", "replayed"),
                    self._metric("OrderUndone", "rolled back"),
                ],
            ),
            _graph("Licenses issued", [self._metric("LicenseIssued", "issued")]),
            _graph(
                "Order duration (ms)",
                [
                    create_order.function.metric_duration(label=percentile, statistic=percentile)
                    for percentile in ("p50", "p99")
                ],
            ),
        )

    def _imports_row(
        self,
        queues: Mapping[str, sqs.Queue],
        publish_events: Function,
        index_search: Function,
    ) -> list[cloudwatch.IWidget]:
        dead_letters = [
            queue.metric_approximate_number_of_messages_visible(label=name)
            for name, queue in queues.items()
        ]
        return _row(
            _graph(
                "Imports by final state; files of unknown companies",
                [self._by_dimension("ImportEnded", "state")],
                [self._metric("UnknownCompany", "unknown company")],
            ),
            _graph("Rows by result", [self._by_dimension("Rows", "outcome")]),
            _graph(
                "Exports by final state; exported rows",
                [self._by_dimension("ExportEnded", "state")],
                [self._metric("ExportedRows", "rows")],
            ),
            _graph(
                "Age of the oldest running import (s); dead-letter queues",
                [product_metric(self._stage, "OldestImportAge", "Maximum").with_(label="age")],
                dead_letters,
            ),
            _graph(
                "Events published; age of the oldest unpublished change (ms)",
                [self._metric("EventPublished", "published")],
                [
                    publish_events.function.metric(
                        "IteratorAge", statistic="Maximum", label="age", period=_PERIOD
                    )
                ],
            ),
            _graph(
                "Entries of the search index; age of the oldest change that is not indexed (ms)",
                [self._metric("SearchIndexed", "indexed")],
                [
                    index_search.function.metric(
                        "IteratorAge", statistic="Maximum", label="search age", period=_PERIOD
                    )
                ],
            ),
            _graph(
                "Rows per second",
                [product_metric(self._stage, "RowsPerSecond", "Average").with_(label="rows/s")],
            ),
        )

    def _infrastructure_row(
        self, data: Data, functions: Mapping[str, Function]
    ) -> list[cloudwatch.IWidget]:
        all_functions = functions.values()
        return _row(
            _graph(
                "Concurrent executions by function",
                [
                    each.function.metric(
                        "ConcurrentExecutions", statistic="Maximum", label=each.node.id
                    )
                    for each in all_functions
                ],
            ),
            _graph(
                "Function errors and throttles",
                [
                    _sum([each.function.metric_errors() for each in all_functions], "failed"),
                    _sum([each.function.metric_throttles() for each in all_functions], "throttled"),
                ],
            ),
            _graph(
                "Consumed write units by table",
                [
                    store.table.metric_consumed_write_capacity_units(
                        label=store.table.node.id, period=_PERIOD
                    )
                    for store in data.stores
                ],
            ),
            _graph(
                "Throttled writes by table",
                [
                    store.table.metric(
                        "WriteThrottleEvents",
                        statistic="Sum",
                        dimensions_map={"TableName": store.table.table_name},
                        label=store.table.node.id,
                    )
                    for store in data.stores
                ],
            ),
        )

    def _metric(self, name: str, label: str) -> cloudwatch.Metric:
        return product_metric(self._stage, name).with_(label=label)

    def _by_dimension(self, name: str, dimension: str) -> cloudwatch.MathExpression:
        """Return an expression with one line for each value of the dimension."""
        schema = f'{{Keywright,service,{dimension}}} MetricName="{name}"'
        service = f'service="keywright-{self._stage.name}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{schema} {service}', 'Sum', {int(_PERIOD.to_seconds())})",
            using_metrics={},
            label="",
            period=_PERIOD,
        )


def _row(*graphs: dict[str, Any]) -> list[cloudwatch.IWidget]:
    return [cloudwatch.GraphWidget(width=24 // len(graphs), height=6, **graph) for graph in graphs]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
) -> dict[str, Any]:
    return {"title": title, "left": list(left), "right": list(right)}


def _sum(metrics: Sequence[cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """Return the sum, counting missing values as 0; `label` is one word, unique in its graph."""
    using = {f"{label}{at}": metric for at, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=f"SUM([{', '.join(using)}])",
        using_metrics=using,
        label=label,
        period=_PERIOD,
    )
