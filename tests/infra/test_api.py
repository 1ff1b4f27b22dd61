"""The HTTP API: every route of the table leads to its function."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest

from infra.api import ROUTES, route_keys
from infra.app import add_stack
from infra.stamp import ROOT
from tests.infra.reading import Template, functions, live, resources


def served(template: Template) -> dict[str, str]:
    """Which module serves each route key."""
    integrations = resources(template, "AWS::ApiGatewayV2::Integration")
    found: dict[str, str] = {}
    for route in resources(template, "AWS::ApiGatewayV2::Route").values():
        integration = integrations[route["Properties"]["Target"]["Fn::Join"][1][1]["Ref"]]
        (module,) = (
            module
            for module in functions(template)
            if integration["Properties"]["IntegrationUri"] == live(template, module)
        )
        found[route["Properties"]["RouteKey"]] = module
    return found


@pytest.mark.parametrize(("stage_name", "slash"), [("local", "/"), ("dev", ""), ("prod", "")])
def test_every_route_of_the_table_leads_to_its_function(
    synthesize: Callable[[str], Template], stage_name: str, slash: str
) -> None:
    expected = {
        key: f"functions.{name}"
        for name, routes in ROUTES.items()
        for key in route_keys(routes, slash=slash)
    }

    assert served(synthesize(stage_name)) == expected


def test_each_route_of_the_local_stage_is_there_with_its_slash_too() -> None:
    keys = route_keys(("ANY /a", "ANY /a/{proxy+}", "POST /a/{id}/{proxy+}", "$default"), slash="/")

    assert keys == [
        *("ANY /a", "ANY /a/{proxy+}", "POST /a/{id}/{proxy+}", "$default"),
        *("ANY /a/", "POST /a/{id}/"),
    ]


def test_a_route_belongs_to_one_function() -> None:
    keys = [key for routes in ROUTES.values() for key in route_keys(routes, slash="/")]

    assert len(keys) == len(set(keys))


def test_no_route_key_on_aws_ends_in_a_slash(prod: Template) -> None:
    """API Gateway refuses such a key, except for the root, and the deploy with it."""
    assert [key for key in served(prod) if key.endswith("/")] == ["ANY /"]


def test_an_api_has_far_fewer_routes_than_aws_allows(prod: Template) -> None:
    """AWS, "Quotas for HTTP APIs": 300 routes per API."""
    assert len(served(prod)) < 100


def test_what_no_route_serves_is_answered_in_our_own_words(template: Template) -> None:
    assert served(template)["$default"] == "functions.documents"


def test_routes_have_no_authorizer_because_the_key_is_checked_behind_them(
    template: Template,
) -> None:
    for route in resources(template, "AWS::ApiGatewayV2::Route").values():
        assert "AuthorizerId" not in route["Properties"]


def test_the_api_has_one_stage_without_a_prefix_and_it_is_throttled(template: Template) -> None:
    (stage,) = resources(template, "AWS::ApiGatewayV2::Stage").values()

    assert stage["Properties"]["StageName"] == "$default"
    settings = stage["Properties"]["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] >= settings["ThrottlingRateLimit"]


def test_the_access_log_names_no_header_and_no_query(template: Template) -> None:
    (stage,) = resources(template, "AWS::ApiGatewayV2::Stage").values()

    log: dict[str, Any] = stage["Properties"]["AccessLogSettings"]
    assert "$context.status" in log["Format"]
    assert "header" not in log["Format"].lower()
    assert "query" not in log["Format"].lower()


def test_functions_of_the_local_stage_know_that_paths_reach_them_without_their_beginning(
    synthesize: Callable[[str], Template], stage: str
) -> None:
    urls = {
        module: function["Properties"]["Environment"]["Variables"].get("PUBLIC_URL")
        for module, function in functions(synthesize(stage)).items()
    }

    here = "http://{host}/_aws/execute-api/keywright/$default"
    served = {f"functions.{name}": here if stage == "local" else None for name in ROUTES}
    assert {module: url for module, url in urls.items() if module in served} == served


def test_a_stage_with_a_domain_is_reached_by_it() -> None:
    arn = "arn:aws:acm:eu-central-1:000000000000:certificate/c"
    domain = {"domain_name": "licenses.example.com", "certificate_arn": arn}
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": "local"} | domain)
    stack = add_stack(app)
    template = app.synth().get_stack_by_name(stack.stack_name).template

    (name,) = resources(template, "AWS::ApiGatewayV2::DomainName").values()
    (mapping,) = resources(template, "AWS::ApiGatewayV2::ApiMapping").values()
    assert name["Properties"]["DomainName"] == domain["domain_name"]
    (configuration,) = name["Properties"]["DomainNameConfigurations"]
    assert configuration["CertificateArn"] == arn
    (api,) = resources(template, "AWS::ApiGatewayV2::Api")
    assert mapping["Properties"]["ApiId"] == {"Ref": api}
    assert template["Outputs"]["ApiUrl"]["Value"] == "https://licenses.example.com"
    assert "DomainTarget" in template["Outputs"]


def test_only_the_local_stage_pins_the_id_of_its_api(
    synthesize: Callable[[str], Template], stage: str
) -> None:
    (api,) = resources(synthesize(stage), "AWS::ApiGatewayV2::Api").values()

    tags = api["Properties"].get("Tags")
    assert tags == ({"ms-custom-id": "keywright"} if stage == "local" else None)
