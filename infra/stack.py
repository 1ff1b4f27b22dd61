"""The stack: what is kept, the functions with what each may do, and the doors to them."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api import Api
from infra.asset import build_asset
from infra.data import Data
from infra.function import Function
from infra.observability import Observability
from infra.stage import Stage
from infra.sweep import Sweep


class KeywrightStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id, termination_protection=stage.retain)
        self._stage = stage
        asset = build_asset(stage.platform)
        self._code = lambda_.Code.from_asset(str(asset.path), asset_hash=asset.hash)
        self._data = Data(self, "Data", stage=stage)

        served = {
            "create_order": self._create_order(),
            "catalog": self._catalog(),
            "records": self._records(),
            "documents": self._function("Documents", module="functions.documents", memory=512),
        }
        swept = self._sweep()
        api = Api(self, "Api", stage=stage, functions=served)
        sweep = Sweep(self, "Sweep", function=swept)
        Observability(
            self, "Observability", api=api, functions=served | {"sweep": swept}, sweep=sweep
        )
        self._outputs(api)

    def _function(
        self, construct_id: str, *, module: str, timeout: int = 25, memory: int = 1024
    ) -> Function:
        return Function(
            self,
            construct_id,
            stage=self._stage,
            code=self._code,
            module=module,
            timeout=timeout,
            memory=memory,
        )

    def _create_order(self) -> Function:
        data = self._data
        create_order = self._function("CreateOrder", module="functions.create_order")
        create_order.may("GetItem", "UpdateItem", on=data.access)
        create_order.may("BatchGetItem", "GetItem", "ConditionCheckItem", on=data.catalog)
        create_order.may("BatchGetItem", "PutItem", on=data.customers)
        create_order.may(
            "BatchGetItem",
            "GetItem",
            "Query",
            "PutItem",
            "DeleteItem",
            "ConditionCheckItem",
            on=data.orders,
        )
        create_order.may("BatchGetItem", "GetItem", "PutItem", "DeleteItem", on=data.licenses)
        create_order.function.add_environment(
            "STRICT_DUPLICATE_ORDERS", str(self._stage.strict_duplicate_orders).lower()
        )
        return create_order

    def _catalog(self) -> Function:
        data = self._data
        catalog = self._function("Catalog", module="functions.catalog")
        catalog.may("GetItem", "UpdateItem", on=data.access)
        catalog.may("GetItem", "Query", "PutItem", "ConditionCheckItem", on=data.catalog)
        return catalog

    def _records(self) -> Function:
        data = self._data
        records = self._function("Records", module="functions.records")
        records.may("GetItem", "UpdateItem", on=data.access)
        records.may("BatchGetItem", "GetItem", "Query", on=data.catalog)
        records.may("BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem", on=data.customers)
        records.may("BatchGetItem", "GetItem", "Query", on=data.orders)
        records.may("Query", on=data.orders, indexes=("by_created", "by_customer"))
        records.may("BatchGetItem", "GetItem", "UpdateItem", on=data.licenses)
        records.may("Query", on=data.licenses, indexes=("by_product",))
        return records

    def _sweep(self) -> Function:
        data = self._data
        sweep = self._function("SweepOrders", module="functions.sweep", timeout=60, memory=512)
        sweep.may("Query", "GetItem", "DeleteItem", "PutItem", "UpdateItem", on=data.orders)
        sweep.may("Query", on=data.orders, indexes=("by_created",))
        sweep.may("BatchGetItem", "GetItem", "DeleteItem", on=data.licenses)
        sweep.may("GetItem", "DeleteItem", on=data.customers)
        return sweep

    def _outputs(self, api: Api) -> None:
        """What an operator, a developer's tools and the tests read back from CloudFormation."""
        data = self._data
        CfnOutput(self, "ApiUrl", value=api.url)
        CfnOutput(self, "ConsoleUrl", value=f"{api.url}/")
        CfnOutput(self, "UploadsBucket", value=data.uploads.bucket_name)
        CfnOutput(self, "AccessTable", value=data.access.table.table_name)
        CfnOutput(self, "CatalogTable", value=data.catalog.table.table_name)
        CfnOutput(self, "CustomersTable", value=data.customers.table.table_name)
        CfnOutput(self, "OrdersTable", value=data.orders.table.table_name)
        CfnOutput(self, "LicensesTable", value=data.licenses.table.table_name)
