"""The schedule of the sweeper, which rolls back pending orders, and its dead-letter queue."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.function import Function, add_failed_queue


class Sweep(Construct):
    """A run that can't be started or crashes twice sends its event to the queue `failed`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey | None, function: Function
    ) -> None:
        super().__init__(scope, construct_id)
        self.failed = add_failed_queue(self, key=key)
        function.send_failures_to(self.failed, max_age=Duration.minutes(5), retries=1)
        events.Rule(
            self,
            "Every5Minutes",
            schedule=events.Schedule.rate(Duration.minutes(5)),
            targets=[
                targets.LambdaFunction(
                    function.live,
                    dead_letter_queue=self.failed,
                    max_event_age=Duration.minutes(5),
                    retry_attempts=1,
                )
            ],
        )
