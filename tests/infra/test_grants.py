"""Least privilege: each function has exactly the verbs listed here, on exactly these tables."""

from typing import Any

from infra.key import DECRYPT, ENCRYPT
from tests.infra.reading import Template, as_list, functions, resources, table_names

ACCESS = {"GetItem", "UpdateItem"}
GRANTS: dict[str, dict[str, set[str]]] = {
    "functions.create_order": {
        "Access": ACCESS,
        "Catalog": {"BatchGetItem", "GetItem", "ConditionCheckItem"},
        "Customers": {"BatchGetItem", "PutItem", "DeleteItem"},
        "Orders": {
            "BatchGetItem",
            "GetItem",
            "Query",
            "PutItem",
            "DeleteItem",
            "ConditionCheckItem",
        },
        "Licenses": {"BatchGetItem", "GetItem", "PutItem", "DeleteItem"},
    },
    "functions.catalog": {
        "Access": ACCESS,
        "Catalog": {"GetItem", "Query", "PutItem", "ConditionCheckItem"},
    },
    "functions.records": {
        "Access": ACCESS,
        "Catalog": {"BatchGetItem", "GetItem", "Query"},
        "Customers": {"BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem"},
        "Orders": {"BatchGetItem", "GetItem", "Query"},
        "Orders/index/by_created": {"Query"},
        "Orders/index/by_customer": {"Query"},
        "Licenses": {"BatchGetItem", "GetItem", "UpdateItem"},
        "Licenses/index/by_product": {"Query"},
    },
    "functions.console.handler": {},
    "functions.documents": {},
    "functions.start_import": {
        "Access": ACCESS,
        "Imports": {"GetItem", "Query", "PutItem", "UpdateItem"},
    },
    "functions.job_status": {
        "Access": ACCESS,
        "Imports": {"GetItem", "Query", "PutItem", "DeleteItem"},
    },
    "functions.import_csv": {
        "Access/index/by_company": {"Query"},
        "Catalog": {"Query"},
        "Customers": {"BatchGetItem", "GetItem", "PartiQLInsert", "PutItem"},
        "Orders": {
            "BatchGetItem",
            "GetItem",
            "PartiQLInsert",
            "PutItem",
            "BatchWriteItem",
            "UpdateItem",
        },
        "Licenses": {"BatchGetItem", "PartiQLInsert", "UpdateItem"},
        "Imports": {"GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"},
    },
    "functions.sweep": {
        "Access/index/by_company": {"Query"},
        "Orders": {"Query", "GetItem", "DeleteItem", "PutItem", "UpdateItem"},
        "Orders/index/by_created": {"Query"},
        "Licenses": {"BatchGetItem", "GetItem", "DeleteItem"},
        "Customers": {"BatchGetItem", "DeleteItem"},
        "Imports": {"BatchGetItem", "GetItem", "Query", "PutItem", "DeleteItem"},
    },
}
UPLOADED = {"/*/licenses/*", "/*/customers/*", "/*/license-features/*"}
RESULTS = {"/_results/*"}
BUCKET = {""}
FILES: dict[str, dict[str, set[str]]] = {
    "functions.start_import": {"PutObject": UPLOADED, "AbortMultipartUpload": UPLOADED},
    "functions.job_status": {
        "GetObject": RESULTS,
        "GetObjectVersion": UPLOADED,
        "ListBucket": BUCKET,
    },
    "functions.import_csv": {
        "GetObject": UPLOADED | RESULTS,
        "GetObjectVersion": UPLOADED,
        "PutObject": RESULTS,
        "ListBucket": BUCKET,
    },
    "functions.sweep": {
        "GetObject": UPLOADED,
        "ListBucket": BUCKET,
        "ListBucketVersions": BUCKET,
    },
}
"""On which keys of the uploads bucket a function has an S3 verb; `""` is the bucket itself."""

KEPT = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
BESIDE = {
    "functions.import_csv": KEPT | {"states:StartExecution"},
    "functions.job_status": {
        "lambda:InvokeFunction",
        "states:RedriveExecution",
        "states:StopExecution",
    },
    "functions.sweep": KEPT
    | {"lambda:InvokeFunction", "states:DescribeExecution", "states:RedriveExecution"},
}
"""What a function may do besides DynamoDB, S3 and its own log."""

TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
TRACES_OF_MACHINE = TRACES | {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
"""Where Lambda traces; X-Ray knows no resources, so these are on everything."""
ERASES = {"s3:DeleteObject*", "s3:GetBucket*", "s3:List*", "s3:PutBucketPolicy"}
"""What CDK's own function may do with the bucket of a stage that leaves nothing behind."""


def beside(template: Template, module: str) -> set[str]:
    traced = "TracingConfig" in functions(template)[module]["Properties"]
    encrypted = GRANTS[module] and resources(template, "AWS::KMS::Key")
    return (
        BESIDE.get(module, set())
        | (TRACES if traced else set())
        | ({*ENCRYPT, *DECRYPT} if encrypted else set())
    )


def role_of(function: dict[str, Any]) -> str:
    (role, _) = function["Properties"]["Role"]["Fn::GetAtt"]
    return str(role)


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """Everything that a role may do; managed policies would hide from this, so there are none."""
    assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]
    assert "Policies" not in template["Resources"][role]["Properties"]
    return [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def granted(template: Template, function: dict[str, Any]) -> tuple[dict[str, set[str]], set[str]]:
    """DynamoDB verbs by table or index, and every other action."""
    names = table_names(template)
    verbs: dict[str, set[str]] = {}
    others: set[str] = set()
    for statement in statements(template, role_of(function)):
        for action in as_list(statement["Action"]):
            service, _, verb = action.partition(":")
            if service == "s3":
                continue
            if service != "dynamodb":
                others.add(action)
                continue
            for resource in as_list(statement["Resource"]):
                parts = resource["Fn::Join"][1] if "Fn::Join" in resource else [resource, ""]
                (table, _) = parts[0]["Fn::GetAtt"]
                verbs.setdefault(names[table] + parts[1], set()).add(verb)
    return verbs, others


def test_every_function_has_its_verbs_and_no_others(template: Template) -> None:
    found = {module: granted(template, made) for module, made in functions(template).items()}

    assert {module: verbs for module, (verbs, _) in found.items()} == GRANTS
    log = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {module: others - log for module, (_, others) in found.items()} == {
        module: beside(template, module) for module in GRANTS
    }


def test_every_function_has_its_verbs_on_its_keys_of_the_bucket_and_on_no_others(
    template: Template,
) -> None:
    (bucket,) = resources(template, "AWS::S3::Bucket")
    for module, function in functions(template).items():
        found: dict[str, set[str]] = {}
        for statement in statements(template, role_of(function)):
            for action in as_list(statement["Action"]):
                if action.startswith("s3:"):
                    keys = found.setdefault(action.removeprefix("s3:"), set())
                    keys |= {below(bucket, each) for each in as_list(statement["Resource"])}
        assert found == FILES.get(module, {})


def below(bucket: str, resource: dict[str, Any]) -> str:
    """What stands behind the bucket's ARN."""
    parts = resource["Fn::Join"][1] if "Fn::Join" in resource else [resource, ""]
    assert parts[0] == {"Fn::GetAtt": [bucket, "Arn"]}
    return str(parts[1])


def test_every_function_is_told_of_the_tables_it_may_use_and_of_no_others(
    template: Template,
) -> None:
    names = table_names(template)
    for module, function in functions(template).items():
        told = {
            name: names[value["Ref"]]
            for name, value in function["Properties"]["Environment"]["Variables"].items()
            if name.endswith("_TABLE")
        }
        tables = {grant.partition("/")[0] for grant in GRANTS[module]}
        assert told == {f"{table.upper()}_TABLE": table for table in tables}


def test_nothing_is_allowed_on_everything(template: Template) -> None:
    """No action and no resource is a wildcard, but for traces and ERASES."""
    known = (TRACES, TRACES_OF_MACHINE, ERASES)
    for name, resource in template["Resources"].items():
        document = resource.get("Properties", {}).get("PolicyDocument", {})
        for statement in document.get("Statement", []):
            if statement["Effect"] == "Deny" or set(statement["Action"]) in known:
                continue
            assert not [each for each in as_list(statement["Action"]) if "*" in each], name
            assert "*" not in as_list(statement.get("Resource", [])), name
            assert statement.get("Principal") not in ("*", {"AWS": "*"}), name


def test_only_the_api_the_bucket_and_rules_may_invoke_functions(template: Template) -> None:
    permissions = resources(template, "AWS::Lambda::Permission").values()

    callers = [permission["Properties"]["Principal"] for permission in permissions]
    assert sorted(callers) == [
        *["apigateway.amazonaws.com"] * 7,
        *["events.amazonaws.com"] * 2,
        "s3.amazonaws.com",
    ]
    assert all("SourceArn" in permission["Properties"] for permission in permissions)
