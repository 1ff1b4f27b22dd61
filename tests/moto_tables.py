"""The tables, the bucket and the environment of the synthesized template, made in moto."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.s3.models import s3_backends
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from infra.stamp import BUILD, ROOT, build_once, digest

_made: dict[str, Table] = {}
_TABLE_SETTINGS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")


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
