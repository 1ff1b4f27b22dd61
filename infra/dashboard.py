"""One page that tells at a glance whether orders and imports are well."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.api import Api
from infra.data import Data
from infra.function import Function
from infra.observability import own_metric
from infra.stage import Stage

_PERIOD = Duration.minutes(5)


class Dashboard(Construct):
    """Alarms on top; then a row each for callers, orders, imports, and what they stand on."""

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
                self._callers(api),
                self._orders(functions["create_order"]),
                self._imports(queues),
                self._ground(data, functions),
            ],
        )
        console = f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
        self.url = f"{console}?region={stack.region}#dashboards/dashboard/{stack.stack_name}"

    def _callers(self, api: Api) -> list[cloudwatch.IWidget]:
        http = api.http
        return _row(
            _graph(
                "Calls and their errors",
                [
                    http.metric_count(label="calls"),
                    http.metric_client_error(label="4xx", statistic="Sum"),
                    http.metric_server_error(label="5xx", statistic="Sum"),
                ],
            ),
            _graph(
                "How long a call takes, in ms",
                [
                    http.metric_latency(label=percentile, statistic=percentile)
                    for percentile in ("p50", "p90", "p99")
                ],
            ),
            _graph("Refusals by code", [self._each("Refused", "code")]),
        )

    def _orders(self, create_order: Function) -> list[cloudwatch.IWidget]:
        return _row(
            _graph(
                "Orders",
                [
                    self._own("OrderPlaced", "placed"),
                    self._own("OrderReplayed", "answered again"),
                    self._own("OrderUndone", "taken back"),
                ],
            ),
            _graph("Licenses issued", [self._own("LicenseIssued", "issued")]),
            _graph(
                "How long an order takes, in ms",
                [
                    create_order.function.metric_duration(label=percentile, statistic=percentile)
                    for percentile in ("p50", "p99")
                ],
            ),
        )

    def _imports(self, queues: Mapping[str, sqs.Queue]) -> list[cloudwatch.IWidget]:
        waiting = [
            queue.metric_approximate_number_of_messages_visible(label=name)
            for name, queue in queues.items()
        ]
        return _row(
            _graph(
                "Imports by how they ended; files of unknown companies",
                [self._each("ImportEnded", "state")],
                [self._own("UnknownCompany", "unknown company")],
            ),
            _graph("Rows by what became of them", [self._each("Rows", "outcome")]),
            _graph(
                "Oldest import at work, in seconds; failed events",
                [own_metric(self._stage, "OldestImportAge", "Maximum").with_(label="age")],
                waiting,
            ),
            _graph(
                "Rows a second",
                [own_metric(self._stage, "RowsPerSecond", "Average").with_(label="rows/s")],
            ),
        )

    def _ground(self, data: Data, functions: Mapping[str, Function]) -> list[cloudwatch.IWidget]:
        made = functions.values()
        return _row(
            _graph(
                "Functions at work",
                [
                    each.function.metric(
                        "ConcurrentExecutions", statistic="Maximum", label=each.node.id
                    )
                    for each in made
                ],
            ),
            _graph(
                "Functions that failed or found no room",
                [
                    _summed([each.function.metric_errors() for each in made], "failed"),
                    _summed([each.function.metric_throttles() for each in made], "throttled"),
                ],
            ),
            _graph(
                "Write units by table",
                [
                    store.table.metric_consumed_write_capacity_units(
                        label=store.table.node.id, period=_PERIOD
                    )
                    for store in data.stores
                ],
            ),
            _graph(
                "Writes that a table had no room for",
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

    def _own(self, name: str, label: str) -> cloudwatch.Metric:
        return own_metric(self._stage, name).with_(label=label)

    def _each(self, name: str, dimension: str) -> cloudwatch.MathExpression:
        """A line for each value of the dimension, whichever there are."""
        which = f'{{Keywright,service,{dimension}}} MetricName="{name}"'
        service = f'service="keywright-{self._stage.name}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{which} {service}', 'Sum', {int(_PERIOD.to_seconds())})",
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


def _summed(metrics: Sequence[cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    """By SUM, which takes what is missing for nothing; `label` is one word, unique in a graph."""
    using = {f"{label}{at}": metric for at, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=f"SUM([{', '.join(using)}])",
        using_metrics=using,
        label=label,
        period=_PERIOD,
    )
