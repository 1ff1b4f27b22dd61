"""The function, events and state machine of imports, and their dead-letter queue."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from constructs import Construct

from infra.data import RESULTS, UPLOADED, Data
from infra.function import Function, add_failed_queue, add_log_group
from infra.stage import Stage
from infra.state_machine import Machine, invoke_on_failure, machine_arn


class Imports(Construct):
    """A `.csv` in the bucket invokes `function`, which starts the state machine for a large file.

    Events that the function could not process in three attempts go to the queue `failed`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        data: Data,
        function: Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._key = key
        self._data = data
        self._function = function
        self.failed = add_failed_queue(self, key=key)
        self._grant_access()
        self.machine = Machine(self, "Machine", stage=stage, key=key, data=data, function=function)
        function.send_failures_to(self.failed, max_age=Duration.hours(6), retries=2)
        self._invoke_on_upload()
        invoke_on_failure(self, function, machine_arn(Stack.of(self)), self.failed)

    def _grant_access(self) -> None:
        data, function, stage = self._data, self._function, self._stage
        function.may("Query", on=data.access, indexes=("by_company",))
        function.may("Query", on=data.catalog)
        function.may("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", on=data.imports)
        function.may("BatchGetItem", "PartiQLInsert", "UpdateItem", "DeleteItem", on=data.licenses)
        self._grant_undo()
        function.may("BatchGetItem", "GetItem", "PartiQLInsert", on=data.customers)
        function.may("PutItem", "UpdateItem", "DeleteItem", on=data.customers)
        function.may(
            "BatchGetItem", "GetItem", "PartiQLInsert", "PutItem", "UpdateItem", on=data.orders
        )
        # An abandoned pending order that holds the key of a row is rolled back.
        function.may("DeleteItem", "ConditionCheckItem", on=data.orders)
        function.may_on_files("GetObjectVersion", on=data, under=UPLOADED)
        function.may_on_files("GetObject", "PutObject", on=data, under=[RESULTS])
        function.may_list("ListBucket", on=data)
        arn = machine_arn(Stack.of(self))
        function.may_do("states:StartExecution", on=[arn])
        for name, value in (
            ("IMPORT_STATE_MACHINE", arn),
            ("IMPORT_INLINE_BYTES", str(stage.import_inline_bytes)),
            ("IMPORT_CHUNK_BYTES", str(stage.import_chunk_bytes)),
        ):
            function.function.add_environment(name, value)

    def _grant_undo(self) -> None:
        """Grant what an undo does in addition: delete records, and start imports that wait."""
        data, function = self._data, self._function
        function.may("BatchGetItem", "ConditionCheckItem", on=data.imports)
        function.may("GetItem", "PutItem", on=data.licenses)
        function.may("Query", on=data.customers)
        function.may("Query", on=data.orders)
        function.may("Query", on=data.orders, indexes=("by_customer",))

    def _invoke_on_upload(self) -> None:
        data = self._data
        data.notifier.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:PutBucketNotification"], resources=[data.uploads.bucket_arn]
            )
        )
        for suffix in (".csv", ".CSV"):
            data.uploads.add_event_notification(
                s3.EventType.OBJECT_CREATED,
                notifications.LambdaDestination(self._function.live),
                s3.NotificationKeyFilter(suffix=suffix),
            )
        self._set_log_of_notifier()

    def _set_log_of_notifier(self) -> None:
        """Give the CDK's function a log group of the stack instead of one that never expires.

        Its default managed policy would allow it to write to every log group.
        """
        (handler,) = (
            resource
            for child in Stack.of(self).node.children
            if child.node.id.startswith("BucketNotificationsHandler")
            for resource in child.node.find_all()
            if getattr(resource, "cfn_resource_type", "")
            == lambda_.CfnFunction.CFN_RESOURCE_TYPE_NAME
        )
        log_group = add_log_group(self, stage=self._stage, key=self._key)
        log_group.grant_write(self._data.notifier)
        handler.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
        handler.node.add_dependency(self._data.notifier)
