"""Alarms for what an operator must look at, each to one topic that an operator subscribes to."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.api import Api
from infra.function import Function


class Observability(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: Api,
        functions: Mapping[str, Function],
        queues: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms = sns.Topic(self, "Alarms", enforce_ssl=True)
        self._let_alarms_publish()
        self._alarm("ApiServerErrors", api.http.metric_server_error(statistic="Sum"))
        self._alarm(
            "Crashes",
            cloudwatch.Metric(
                namespace="Keywright",
                metric_name="Crash",
                dimensions_map={"service": "keywright"},
                statistic="Sum",
            ),
        )
        for name, function in functions.items():
            self._alarm(f"Errors in {name}", function.function.metric_errors())
            self._alarm(f"Throttles of {name}", function.function.metric_throttles())
        for name, queue in queues.items():
            self._alarm(name, queue.metric_approximate_number_of_messages_visible())

    def _let_alarms_publish(self) -> None:
        """A topic with a policy of its own loses the one that lets CloudWatch in."""
        here = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.alarms.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=here))

    def _alarm(self, construct_id: str, metric: cloudwatch.IMetric) -> None:
        """Ring when the metric counted anything at all in five minutes."""
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.alarms))
