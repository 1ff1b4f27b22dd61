"""Alarms, each with an entry in docs/runbook.md, and the topic that they notify."""

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.api import Api
from infra.function import Function
from infra.stage import Stage

_ONE_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)


def product_metric(
    stage: Stage, name: str, statistic: str = "Sum", **dimensions: str
) -> cloudwatch.Metric:
    """Return a metric that the functions log; see functions/telemetry/metrics.py."""
    return cloudwatch.Metric(
        namespace="Keywright",
        metric_name=name,
        dimensions_map={"service": f"keywright-{stage.name}", **dimensions},
        statistic=statistic,
        period=_FIVE_MINUTES,
    )


class Observability(Construct):
    """The alarms of a stage and their topic."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        api: Api,
        functions: Mapping[str, Function],
        queues: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self.topic = self._topic(key)
        self.alarms: list[cloudwatch.Alarm] = []
        self.on_crash = self._alarm(
            "Crashes",
            "A function raised an unexpected exception",
            product_metric(stage, "Crash").with_(period=_ONE_MINUTE),
        )
        self.on_error = {
            name: self._alarm(
                f"{function.node.id}Errors",
                f"{function.node.id} failed without a response, for instance by a timeout",
                function.function.metric_errors(period=_ONE_MINUTE),
                entry="FunctionErrors",
            )
            for name, function in functions.items()
        }
        self._add_api_alarms(api, functions)
        self._add_import_alarms()
        self._add_export_alarm()
        self._alarm(
            "OldEvents",
            "Events were published more than 15 minutes after their changes",
            functions["publish_events"].function.metric(
                "IteratorAge", statistic="Maximum", period=_FIVE_MINUTES
            ),
            above=15 * 60 * 1000,
        )
        self._alarm(
            "OldSearch",
            "Changes can't be found by the search 15 minutes after they were made",
            functions["index_search"].function.metric(
                "IteratorAge", statistic="Maximum", period=_FIVE_MINUTES
            ),
            above=15 * 60 * 1000,
            periods=4,
        )
        for name, queue in queues.items():
            metric = queue.metric_approximate_number_of_messages_visible()
            self._alarm(
                name, "A dead-letter queue has events that no attempt could process", metric
            )

    def _add_api_alarms(self, api: Api, functions: Mapping[str, Function]) -> None:
        """Add alarms; latency must be high for 15 minutes, or each cold start would be an alarm."""
        self._alarm(
            "ApiServerErrors",
            "The API answered requests with 5xx",
            api.http.metric_server_error(statistic="Sum"),
        )
        self._alarm(
            "SlowApi",
            "The p99 latency of the API was above 5 s for 15 minutes",
            api.http.metric_latency(statistic="p99"),
            above=5_000,
            periods=3,
        )
        self._alarm(
            "SlowOrders",
            "The p99 duration of orders was above 3 s for 15 minutes",
            functions["create_order"].function.metric_duration(statistic="p99"),
            above=3_000,
            periods=3,
        )
        for function in functions.values():
            self._alarm(
                f"{function.node.id}Throttles",
                f"Lambda throttled {function.node.id}",
                function.function.metric_throttles(),
                entry="FunctionThrottles",
            )
        self._alarm(
            "RefusedKeys",
            "More than 50 requests within 5 minutes had an invalid API key",
            product_metric(self._stage, "Refused", code="invalid_api_key"),
            above=50,
        )

    def _add_import_alarms(self) -> None:
        self._alarm(
            "FailedImports",
            "The service failed an import, for a reason other than its file",
            product_metric(self._stage, "ImportFailed"),
        )
        self._alarm(
            "UnknownCompanies",
            "A file of a company without an API key was uploaded and is not imported",
            product_metric(self._stage, "UnknownCompany"),
        )
        self._alarm(
            "OldImport",
            "An import has been running or queued for more than 2 hours",
            product_metric(self._stage, "OldestImportAge", "Maximum"),
            above=2 * 3600,
        )

    def _add_export_alarm(self) -> None:
        self._alarm(
            "FailedExports",
            "An export failed, or its execution ended without it",
            product_metric(self._stage, "ExportFailed"),
        )

    def _topic(self, key: kms.IKey | None) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        if key:
            # The CDK's property would add broader grants; see add_failed_queue.
            topic.node.default_child.kms_master_key_id = key.key_arn
        if self._stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._stage.alarm_email))
        # The policy for TLS replaces the default policy, which allows CloudWatch.
        same_account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        topic.grant_publish(
            iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=same_account)
        )
        return topic

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        above: float = 0,
        periods: int = 1,
        entry: str = "",
    ) -> cloudwatch.Alarm:
        """Add an alarm: the metric is above a threshold for this many periods in a row.

        `entry` is the heading in the runbook, if it differs from `name`.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=f"{description}. Runbook: docs/runbook.md#{(entry or name).lower()}",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.alarms.append(alarm)
        return alarm
