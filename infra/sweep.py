"""The schedule that undoes orders left half-written, and the queue for runs that failed."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from infra.nag import acknowledge


class Sweep(Construct):
    """A run that could not be started, and one that crashed twice, both end in `failed`."""

    def __init__(self, scope: Construct, construct_id: str, *, function: Function) -> None:
        super().__init__(scope, construct_id)
        self.failed = sqs.Queue(
            self, "Failed", enforce_ssl=True, retention_period=Duration.days(14)
        )
        acknowledge(self.failed, "SQS3", "it is itself where what failed ends")
        function.function.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.failed),
            max_event_age=Duration.minutes(5),
            retry_attempts=1,
        )
        events.Rule(
            self,
            "Every5Minutes",
            schedule=events.Schedule.rate(Duration.minutes(5)),
            targets=[
                targets.LambdaFunction(
                    function.function,
                    dead_letter_queue=self.failed,
                    max_event_age=Duration.minutes(5),
                    retry_attempts=1,
                )
            ],
        )
