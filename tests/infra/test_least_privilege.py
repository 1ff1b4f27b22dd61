"""What holds for all policies; what each function may do is proved by tests/grants."""

from collections.abc import Callable

import pytest

from tests.grants.recorder import MODULES
from tests.grants.template import Deployment, Grant
from tests.infra.reading import Template, as_list, functions, resources, tables

TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
TRACES_OF_MACHINE = TRACES | {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
"""Where Lambda traces; X-Ray knows no resources, so these are on everything."""
ERASES = {"s3:DeleteObject*", "s3:GetBucket*", "s3:List*", "s3:PutBucketPolicy"}
"""What CDK's own function may do with the bucket of a stage that leaves nothing behind."""


def test_the_proof_knows_every_function(template: Template) -> None:
    assert set(MODULES) == set(functions(template))


def test_every_function_has_the_names_of_the_tables_it_may_use_and_no_others(
    template: Template,
) -> None:
    deployment = Deployment(template)
    names = {f"{name.upper()}_TABLE" for name in tables(template)}
    for module, granted in deployment.grants.items():
        documented = {
            deployment.arn(value)
            for name, value in deployment.environments[module].items()
            if name in names
        }
        used = {
            grant.resource.partition("/index/")[0]
            for grant in granted
            if grant.action.startswith("dynamodb:") and "/stream/" not in grant.resource
        }
        assert documented == used, module


@pytest.mark.parametrize("name", ["dev", "local"])
def test_stages_differ_by_their_key_and_their_traces_alone(
    synthesize: Callable[[str], Template], prod: Template, name: str
) -> None:
    def without_settings(template: Template, stage: str) -> dict[str, set[Grant]]:
        return {
            module: {
                Grant(
                    grant.action,
                    grant.resource.replace(f"Keywright-{stage}-", "").removesuffix(":live"),
                )
                for grant in granted
                if not grant.action.startswith(("kms:", "xray:"))
            }
            for module, granted in Deployment(template).grants.items()
        }

    assert without_settings(synthesize(name), name) == without_settings(prod, "prod")


def test_nothing_is_allowed_on_everything(template: Template) -> None:
    """No action and no resource is a wildcard, except for traces and ERASES."""
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

    callers = {permission["Properties"]["Principal"] for permission in permissions}
    assert callers == {"apigateway.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com"}
    assert all("SourceArn" in permission["Properties"] for permission in permissions)
