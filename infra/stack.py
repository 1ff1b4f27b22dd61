"""The stack of a stage: data, functions with their permissions, API, events and alarms."""

from functools import partial

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api import Api
from infra.asset import build_asset
from infra.dashboard import Dashboard
from infra.data import EXPORTS, RESULTS, UPLOADED, Data
from infra.erase import Erase
from infra.events import Events
from infra.exports import Exports, may_describe_exports, may_start_exports
from infra.function import Function
from infra.imports import Imports
from infra.key import add_key
from infra.observability import Observability
from infra.release import Release
from infra.search import Search
from infra.stage import Stage
from infra.state_machine import EXECUTION_NAMES, executions_arn
from infra.sweep import Sweep


class KeywrightStack(Stack):
    """All resources of one stage."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.protect)
        self._stage = stage
        asset = build_asset(stage.platform)
        code = lambda_.Code.from_asset(str(asset.path), asset_hash=asset.hash)
        self._key = add_key(self) if stage.customer_key else None
        self._data = Data(self, "Data", stage=stage, key=self._key)
        self._function = partial(Function, self, stage=stage, key=self._key, code=code)

        import_csv = self._function(
            "ImportCsv",
            module="functions.import_csv",
            timeout=900,
            memory=2048,
            reserved=stage.import_reserved,
        )
        export_chunk = self._function(
            "ExportChunk", module="functions.export_chunk", timeout=900, memory=1769
        )
        api_functions = {
            "create_order": self._create_order(),
            "catalog": self._catalog(),
            "records": self._records(),
            "api_keys": self._api_keys(),
            "start_import": self._start_import(),
            "job_status": self._job_status(import_csv),
            "console.handler": self._console(),
            "documents": self._function("Documents", module="functions.documents", memory=512),
        }
        sweep_orders = self._sweep(import_csv)
        api = Api(self, "Api", stage=stage, key=self._key, functions=api_functions)
        self._data.allow_origins(api.origins)
        sweep = Sweep(self, "Sweep", key=self._key, function=sweep_orders)
        imports = Imports(
            self, "Imports", stage=stage, key=self._key, data=self._data, function=import_csv
        )
        exports = Exports(
            self, "Exports", stage=stage, key=self._key, data=self._data, function=export_chunk
        )
        publish_events = self._publish_events()
        events = Events(
            self,
            "Events",
            stage=stage,
            key=self._key,
            data=self._data,
            function=publish_events,
            api_url=api.url,
        )
        index_search = self._index_search()
        search = Search(self, "Search", key=self._key, data=self._data, function=index_search)
        functions = api_functions | {
            "sweep": sweep_orders,
            "import_csv": import_csv,
            "export_chunk": export_chunk,
            "publish_events": publish_events,
            "index_search": index_search,
        }
        queues = {
            "FailedSweeps": sweep.failed,
            "FailedArrivals": imports.failed,
            "FailedExportEvents": exports.failed,
            "FailedEvents": events.failed,
            "FailedSearch": search.failed,
        }
        observability = Observability(
            self,
            "Observability",
            stage=stage,
            key=self._key,
            api=api,
            functions=functions,
            queues=queues,
        )
        dashboard = Dashboard(
            self,
            "Dashboard",
            stage=stage,
            api=api,
            data=self._data,
            functions=functions,
            queues=queues,
            alarms=observability.alarms,
        )
        if stage.traffic:
            Release(
                self,
                "Release",
                stage=stage,
                functions=functions,
                on_error=observability.on_error,
                on_crash=observability.on_crash,
            )
        if stage.erase:
            Erase(self, "Erase", stage=stage)
        self._add_outputs(api, dashboard, observability, events)

    def _create_order(self) -> Function:
        data = self._data
        create_order = self._function(
            "CreateOrder", module="functions.create_order", reserved=self._stage.order_reserved
        )
        create_order.may("GetItem", "UpdateItem", on=data.access)
        create_order.may("BatchGetItem", "GetItem", "ConditionCheckItem", on=data.catalog)
        create_order.may("BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", on=data.customers)
        create_order.may(
            "BatchGetItem",
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "ConditionCheckItem",
            on=data.orders,
        )
        create_order.may("BatchGetItem", "PutItem", "DeleteItem", on=data.licenses)
        create_order.function.add_environment(
            "STRICT_DUPLICATE_ORDERS", str(self._stage.strict_duplicate_orders).lower()
        )
        create_order.function.add_environment(
            "ORDER_UPDATES_CUSTOMER", str(self._stage.order_updates_customer).lower()
        )
        return create_order

    def _catalog(self) -> Function:
        data = self._data
        catalog = self._function("Catalog", module="functions.catalog")
        catalog.may("GetItem", "UpdateItem", on=data.access)
        catalog.may("BatchGetItem", "GetItem", "Query", "PutItem", on=data.catalog)
        return catalog

    def _records(self) -> Function:
        data = self._data
        records = self._function("Records", module="functions.records")
        records.may("GetItem", "UpdateItem", on=data.access)
        records.may("BatchGetItem", "GetItem", "ConditionCheckItem", on=data.catalog)
        records.may(
            *("BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
            on=data.customers,
        )
        records.may("Query", on=data.customers, indexes=("by_created",))
        records.may(
            *("BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
            on=data.orders,
        )
        records.may("Query", on=data.orders, indexes=("by_created", "by_customer", "by_product"))
        records.may("BatchGetItem", "PutItem", on=data.licenses)
        records.may("BatchGetItem", "GetItem", "Query", "ConditionCheckItem", on=data.imports)
        records.may("Query", on=data.events)
        records.may("Query", on=data.events, indexes=("by_type",))
        records.may("Query", on=data.search)
        return records

    def _api_keys(self) -> Function:
        api_keys = self._function("ApiKeys", module="functions.api_keys", memory=512)
        api_keys.may("GetItem", "PutItem", "UpdateItem", on=self._data.access)
        api_keys.may("Query", on=self._data.access, indexes=("by_company",))
        return api_keys

    def _start_import(self) -> Function:
        data = self._data
        start_import = self._function("StartImport", module="functions.start_import")
        start_import.may("GetItem", "UpdateItem", on=data.access)
        start_import.may(
            *("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
            on=data.imports,
        )
        start_import.may_on_files("PutObject", "AbortMultipartUpload", on=data, under=UPLOADED)
        return start_import

    def _job_status(self, import_csv: Function) -> Function:
        data = self._data
        job_status = self._function("JobStatus", module="functions.job_status")
        job_status.may("GetItem", "UpdateItem", on=data.access)
        job_status.may(
            *("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
            on=data.imports,
        )
        job_status.may("ConditionCheckItem", on=data.imports)
        job_status.may_on_files("GetObject", on=data, under=[RESULTS])
        job_status.may_on_files("GetObjectVersion", on=data, under=UPLOADED)
        job_status.may_list("ListBucket", on=data)
        job_status.may_invoke(import_csv, "IMPORT_FUNCTION")
        job_status.may_do(
            "states:RedriveExecution",
            "states:StopExecution",
            on=[executions_arn(self)],
            because=EXECUTION_NAMES,
        )
        job_status.may("GetItem", on=data.catalog)
        job_status.may("GetItem", on=data.customers)
        job_status.may_on_files("GetObject", "AbortMultipartUpload", on=data, under=[EXPORTS])
        may_start_exports(job_status)
        return job_status

    def _console(self) -> Function:
        """Add the console, whose content security policy allows uploads to the bucket."""
        console = self._function("Console", module="functions.console.handler", memory=512)
        # The host of presigned URLs; see client() in shared/store/uploads.py.
        host = f"{self._data.uploads.bucket_name}.s3.{self.region}.{self.url_suffix}"
        console.function.add_environment("UPLOADS_ORIGINS", f"https://{host}")
        return console

    def _sweep(self, import_csv: Function) -> Function:
        data = self._data
        sweep = self._function("SweepOrders", module="functions.sweep", timeout=60, memory=512)
        sweep.may(
            "BatchGetItem", "GetItem", "DeleteItem", "PutItem", "ConditionCheckItem", on=data.orders
        )
        sweep.may("Query", on=data.orders, indexes=("by_created",))
        sweep.may("BatchGetItem", "DeleteItem", on=data.licenses)
        sweep.may("BatchGetItem", "DeleteItem", on=data.customers)
        sweep.may(
            *("BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
            on=data.imports,
        )
        sweep.may("Query", on=data.access, indexes=("by_company",))
        sweep.may_on_files("GetObject", on=data, under=UPLOADED)
        sweep.may_list("ListBucket", "ListBucketVersions", on=data)
        sweep.may_do(
            "states:DescribeExecution",
            "states:RedriveExecution",
            on=[executions_arn(self)],
            because=EXECUTION_NAMES,
        )
        sweep.may_invoke(import_csv, "IMPORT_FUNCTION")
        may_start_exports(sweep)
        may_describe_exports(sweep)
        return sweep

    def _publish_events(self) -> Function:
        """Add the publisher. It runs once per shard and table at a time, so it reserves nothing."""
        publish = self._function(
            "PublishEvents", module="functions.publish_events", timeout=60, memory=512
        )
        publish.may("GetItem", on=self._data.access)
        publish.may("BatchWriteItem", on=self._data.events)
        return publish

    def _index_search(self) -> Function:
        """Add the function that keeps the search index; it reads no record, only their changes."""
        index = self._function(
            "IndexSearch", module="functions.index_search", timeout=60, memory=512
        )
        index.may("PartiQLInsert", "PutItem", on=self._data.search)
        return index

    def _add_outputs(
        self, api: Api, dashboard: Dashboard, observability: Observability, events: Events
    ) -> None:
        """Add the outputs that operators, commands and tests read."""
        CfnOutput(self, "ApiUrl", value=api.url)
        CfnOutput(self, "ConsoleUrl", value=f"{api.url}/console/")
        if api.domain_target:
            CfnOutput(self, "DomainTarget", value=api.domain_target)
        CfnOutput(self, "DashboardUrl", value=dashboard.url)
        CfnOutput(self, "AlarmsTopic", value=observability.topic.topic_arn)
        CfnOutput(self, "EventBus", value=events.bus.event_bus_name)
        key_command = f".venv/bin/keywright keys create --stage {self._stage.name} --company NAME"
        CfnOutput(self, "KeyCommand", value=key_command)
        CfnOutput(self, "UploadsBucket", value=self._data.uploads.bucket_name)
        for store in self._data.stores:
            name = store.table.node.id
            CfnOutput(self, f"{name}Table", value=store.table.table_name)
