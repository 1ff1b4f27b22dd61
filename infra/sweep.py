"""The schedule that undoes orders left half-written, and the queue for runs that failed."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.function import Function, add_failed_queue


class Sweep(Construct):
    """A run that could not be started, and one that crashed twice, both end in `failed`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey | None, function: Function
    ) -> None:
        super().__init__(scope, construct_id)
        self.failed = add_failed_queue(self, key=key)
        function.fail_into(self.failed, max_age=Duration.minutes(5), retries=1)
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
