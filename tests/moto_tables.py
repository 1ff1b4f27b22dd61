"""The tables, the bucket and the environment of the synthesized template, made in moto."""

import json
from copy import deepcopy
from decimal import Decimal
from functools import cache
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from infra.stamp import BUILD, ROOT, build_once, digest

_made: dict[str, Table] = {}
_TABLE_SETTINGS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")


class _Plain(JSONSerializer):
    """DynamoDB's answers have the names of the wire already.

    Moto looks for each name under others too, for a tenth of the time of handlers' tests.
    """

    def get_value(self, value: Any, key: str, shape: Any) -> Any:
        return value.get(key) if isinstance(value, dict) else super().get_value(value, key, shape)


SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": _Plain}


def spelled_by_dynamodb(number: str) -> str:
    """A number as DynamoDB answers it, which keeps its value and not its spelling.

    AWS: "Leading and trailing zeroes are trimmed." Numbers of more than 38 digits keep an exponent
    here, because moto itself reads none that is longer.
    """
    value = Decimal(number).normalize()
    return format(value, "f") if abs(value.adjusted()) < 38 else str(value)


_init = DynamoType.__init__


def _init_as_dynamodb(self: DynamoType, type_as_dict: Any) -> None:
    """Have moto keep a number as DynamoDB does."""
    _init(self, type_as_dict)
    if self.type == "N":
        self.value = spelled_by_dynamodb(self.value)


DynamoType.__init__ = _init_as_dynamodb  # type: ignore[method-assign]  # moto has no setting for it


def local_template() -> dict[str, Any]:
    """The template of the local stage, whose tables the tests have."""
    return kept_template("local")


@cache
def kept_template(stage: str) -> dict[str, Any]:
    """The template of `local` or `prod`; synthesized again only when infra has changed."""
    folder = BUILD / "tests"
    sources = [ROOT / "cdk.json", ROOT / "uv.lock", *sorted((ROOT / "infra").glob("*.py"))]
    with build_once(folder / "templates.stamp", digest(*sources)) as stale:
        if stale:
            for name in ("local", "prod"):
                (folder / f"{name}.template.json").write_text(json.dumps(_synthesized(name)))
    template: dict[str, Any] = json.loads((folder / f"{stage}.template.json").read_text())
    return template


def _synthesized(stage: str) -> dict[str, Any]:
    # Here, since most runs of tests need none of it, and it takes longer than they do.
    import aws_cdk as cdk

    from infra.app import add_stack

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": stage})
    stack = add_stack(app)
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def make_tables(client: DynamoDBClient) -> None:
    """Every table, empty; they are made by requests once a run, and copied from then on."""
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][client.meta.region_name]
    if not _made:
        _make_tables(client)
        _made.update(deepcopy(backend.tables))
    backend.tables = deepcopy(_made)


def _make_tables(client: DynamoDBClient) -> None:
    """As the stack would make them, named by their logical ids."""
    for name, resource in local_template()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            settings = {key: resource["Properties"].get(key) for key in _TABLE_SETTINGS}
            given = {key: value for key, value in settings.items() if value}
            client.create_table(TableName=name, **given)


def make_bucket(client: S3Client) -> None:
    """The uploads bucket, which keeps every version."""
    client.create_bucket(Bucket="uploads")
    client.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})


def table_names() -> dict[str, str]:
    """What the functions find in their environment: `ORDERS_TABLE` and the like."""
    names: dict[str, str] = {}
    for resource in local_template()["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            told = resource["Properties"].get("Environment", {}).get("Variables", {})
            names |= {env: value["Ref"] for env, value in told.items() if env.endswith("_TABLE")}
    return names
