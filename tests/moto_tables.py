"""The tables, the bucket and the environment of the synthesized template, made in moto.

Moto is patched where it has no setting: for what DynamoDB does otherwise, and for what would take
most of the time of handlers' tests.
"""

import json
from contextvars import ContextVar
from copy import copy, deepcopy
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import wrapt
from moto import backend_index
from moto.core import models
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.s3.models import s3_backends
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


DynamoType.__init__ = _init_as_dynamodb  # type: ignore[method-assign]


def _item(self: Item, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Moto's own, but it adds up the sizes of all attributes once and not for each of them."""
    self.hash_key, self.range_key = hash_key, range_key
    self.attrs = LimitedSizeDict()
    for name, value in attrs.items():
        dict.__setitem__(self.attrs, name, DynamoType(value))
    if self.size() > _MOST_BYTES:
        raise ItemSizeTooLarge


Item.__init__ = _item  # type: ignore[method-assign]
_MOST_BYTES = 405_000
"""As in moto's LimitedSizeDict."""

_copied: ContextVar[dict[int, Table]] = ContextVar("copied")


def _copy_of(table: Table, memo: dict[int, Any]) -> Table:
    """A copy of a table; in a transaction always the same one, of how it was at the beginning."""
    copied = _copied.get({})
    if id(table) not in copied:
        copied[id(table)] = made = copy(table)
        vars(made).update(deepcopy(vars(table), memo))
    return copied[id(table)]


def _transact(transact: Any, _: DynamoDBBackend, args: Any, named: Any) -> Any:
    """Moto copies a whole table for each operation of a transaction, before the first one."""
    token = _copied.set({})
    try:
        return transact(*args, **named)
    finally:
        _copied.reset(token)


Table.__deepcopy__ = _copy_of  # type: ignore[attr-defined]
wrapt.wrap_function_wrapper(DynamoDBBackend, "transact_write_items", _transact)

# Each start of moto would register 1,288 addresses for the library requests; only S3 is so reached.
_reached = [each for each in backend_index.backend_url_patterns if each[0] == "s3"]
vars(models)["backend_index"] = SimpleNamespace(backend_url_patterns=_reached)


def local_template() -> dict[str, Any]:
    """The template of the local stage, whose tables the tests have."""
    return kept_template("local")


@cache
def kept_template(stage: str, *, whole: bool = False) -> dict[str, Any]:
    """The template of a stage; synthesized again only when infra has changed.

    Of a `whole` one everything is as it would be deployed, also the hash of the functions.
    """
    sources = [ROOT / "cdk.json", ROOT / "uv.lock", *sorted((ROOT / "infra").glob("*.py"))]
    if whole:
        sources += [ROOT / "functions", ROOT / "shared", ROOT / "package-lock.json"]
    kept = BUILD / "tests" / f"{stage}.{'whole' if whole else 'template'}.json"
    with build_once(kept.with_suffix(".stamp"), digest(*sources)) as stale:
        if stale:
            made = _synthesized(stage) if whole else kept_template(stage, whole=True)
            kept.write_text(json.dumps(made))
    template: dict[str, Any] = json.loads(kept.read_text())
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


def make_moto_bucket() -> None:
    """The uploads bucket in moto, as `make_bucket` makes it by requests."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.create_bucket("uploads", "us-east-1")
    backend.put_bucket_versioning("uploads", "Enabled")


def make_bucket(client: S3Client) -> None:
    """The uploads bucket, which keeps every version."""
    client.create_bucket(Bucket="uploads")
    client.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})


def table_names() -> dict[str, str]:
    """What the functions find in their environment: `ORDERS_TABLE` and the like."""
    names: dict[str, str] = {}
    for resource in local_template()["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            names |= {
                env: value["Ref"] for env, value in variables.items() if env.endswith("_TABLE")
            }
    return names
