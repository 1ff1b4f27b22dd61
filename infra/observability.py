"""Alarms for what an operator must look at; docs/runbook.md says of each what to do."""

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

_SOON = Duration.minutes(1)
_USUAL = Duration.minutes(5)


def own_metric(
    stage: Stage, name: str, statistic: str = "Sum", **dimensions: str
) -> cloudwatch.Metric:
    """One that the functions log; see functions/counting.py."""
    return cloudwatch.Metric(
        namespace="Keywright",
        metric_name=name,
        dimensions_map={"service": f"keywright-{stage.name}", **dimensions},
        statistic=statistic,
        period=_USUAL,
    )


class Observability(Construct):
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
            "A function met what its code does not expect",
            own_metric(stage, "Crash").with_(period=_SOON),
        )
        self.on_error = {
            name: self._alarm(
                f"{function.node.id}Errors",
                f"{function.node.id} ended without an answer",
                function.function.metric_errors(period=_SOON),
                entry="FunctionErrors",
            )
            for name, function in functions.items()
        }
        self._watch_callers(api, functions)
        self._watch_imports()
        for name, queue in queues.items():
            metric = queue.metric_approximate_number_of_messages_visible()
            self._alarm(name, "Events that no attempt could take are in a queue", metric)

    def _watch_callers(self, api: Api, functions: Mapping[str, Function]) -> None:
        """Slow and throttled must go on for a while, or every cold start would ring."""
        self._alarm(
            "ApiServerErrors",
            "Callers were answered with 5xx",
            api.http.metric_server_error(statistic="Sum"),
        )
        self._alarm(
            "SlowApi",
            "One call in a hundred takes more than 5 seconds",
            api.http.metric_latency(statistic="p99"),
            above=5_000,
            periods=3,
        )
        self._alarm(
            "SlowOrders",
            "One order in a hundred takes more than 3 seconds",
            functions["create_order"].function.metric_duration(statistic="p99"),
            above=3_000,
            periods=3,
        )
        for function in functions.values():
            self._alarm(
                f"{function.node.id}Throttles",
                f"Lambda had no room for {function.node.id}",
                function.function.metric_throttles(),
                entry="FunctionThrottles",
            )
        self._alarm(
            "RefusedKeys",
            "More than 50 calls in five minutes came with a bad API key",
            own_metric(self._stage, "Refused", code="invalid_api_key"),
            above=50,
        )

    def _watch_imports(self) -> None:
        self._alarm(
            "FailedImports",
            "An import stopped before its end, and not for what is in its file",
            own_metric(self._stage, "ImportFailed"),
        )
        self._alarm(
            "UnknownCompanies",
            "A file was dropped for a company without an API key, and is not imported",
            own_metric(self._stage, "UnknownCompany"),
        )
        self._alarm(
            "OldImport",
            "An import is at work for more than two hours",
            own_metric(self._stage, "OldestImportAge", "Maximum"),
            above=2 * 3600,
        )

    def _topic(self, key: kms.IKey | None) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        if key:
            # As for queues, not by CDK's property; see add_failed_queue.
            topic.node.default_child.kms_master_key_id = key.key_arn
        if self._stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._stage.alarm_email))
        # A topic with a policy of its own loses the one that lets CloudWatch in.
        here = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=here))
        return topic

    def _alarm(
        self,
        name: str,
        tells: str,
        metric: cloudwatch.IMetric,
        *,
        above: float = 0,
        periods: int = 1,
        entry: str = "",
    ) -> cloudwatch.Alarm:
        """Ring when the metric was above that for so many of its periods in a row.

        `entry` is the heading in the runbook, where it is not the alarm's own name.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=f"{tells}. What to do: docs/runbook.md#{(entry or name).lower()}",
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
