"""The OpenAPI document says what the routes do."""

import subprocess
import sys
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from functions import documents
from functions.web.api import Api
from functions.web.error_codes import CODES
from functions.web.openapi import codes_of, document, example
from tests.functions import sample_api
from tests.http_event import send


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The document of the sample routes."""
    return document([sample_api.api, documents.api])


def test_it_is_valid_openapi_3_1(made: dict[str, Any]) -> None:
    assert made["openapi"] == "3.1.0"
    validate(made)


def test_every_route_is_in_it_under_its_own_name(made: dict[str, Any]) -> None:
    names = [each["operationId"] for path in made["paths"].values() for each in path.values()]

    assert sorted(names) == sorted(
        each.name for each in (*sample_api.api.operations, *documents.api.operations)
    )


def test_an_operation_says_what_its_docstring_says(made: dict[str, Any]) -> None:
    operation = made["paths"]["/api/v1/things/"]["post"]

    assert operation["summary"] == "Make a thing"
    assert operation["description"] == "It is made once for each `Idempotency-Key`."
    assert operation["tags"] == ["Things"]


def test_an_operation_names_its_scope_and_a_public_one_needs_no_key(made: dict[str, Any]) -> None:
    post = made["paths"]["/api/v1/things/"]["post"]

    assert post["security"] == [{"ApiKey": ["catalog:write"]}]
    assert post["x-required-scope"] == "catalog:write"
    assert made["paths"]["/healthz"]["get"]["security"] == []


def test_parameters_are_those_of_path_query_and_header(made: dict[str, Any]) -> None:
    def parameters(path: str, method: str) -> list[tuple[str, str]]:
        return [(p["in"], p["name"]) for p in made["paths"][path][method]["parameters"]]

    assert parameters("/api/v1/things/{id}/", "get") == [("path", "id")]
    assert parameters("/api/v1/things/", "get") == [("query", "limit"), ("query", "kind__iexact")]
    assert parameters("/api/v1/things/", "post") == [("header", "Idempotency-Key")]


def test_the_request_example_is_the_models_own_and_works(
    made: dict[str, Any], api_key: str
) -> None:
    content = made["paths"]["/api/v1/things/"]["post"]["requestBody"]["content"]

    sample = content["application/json"]["example"]

    assert sample == {"kind": "small", "parts": [{"name": "lid"}]}
    reply = send(sample_api.handler, "POST", "/api/v1/things/", body=sample, key=api_key)
    assert reply.status == 201


def test_every_operation_has_an_example_of_its_answer_and_of_every_refusal(
    made: dict[str, Any],
) -> None:
    for path in made["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                ((kind, content),) = response["content"].items()
                if kind == "application/problem+json":
                    for code in content["examples"]:
                        sample = made["components"]["examples"][code]["value"]
                        assert (sample["code"], sample["status"]) == (code, int(status))
                        assert int(status) == CODES[code][0]
                elif kind == "application/json":
                    assert content["example"] is not None


def test_refusals_follow_from_what_a_route_takes() -> None:
    codes = {each.name: set(codes_of(each)) for each in sample_api.api.operations}

    assert {"order_id_exists", "invalid_json", "body_too_large"} < codes["create_thing"]
    assert "not_found" in codes["get_thing"]
    assert "validation_error" in codes["list_things"]
    assert {"not_authenticated", "permission_denied", "unavailable"} < codes["list_names"]
    assert codes["pick_thing"] == {
        "invalid_json", "validation_error", "body_too_large", "internal_error"
    }  # fmt: skip


def test_an_undocumented_error_code_is_an_error_at_build_time() -> None:
    api = Api("X")

    @api.get("/x/", public=True, refusals=("out_of_tea",))
    def get_tea() -> list[str]:
        """Get tea."""
        raise NotImplementedError

    with pytest.raises(ValueError, match="out_of_tea"):
        document([api])


def test_two_operations_of_one_name_are_an_error_at_build_time() -> None:
    with pytest.raises(ValueError, match="get_health"):
        document([documents.api, documents.api])


def test_the_query_model_is_not_a_schema_and_the_request_model_is(made: dict[str, Any]) -> None:
    names = set(made["components"]["schemas"])

    assert {"ThingRequest", "Part", "Thing", "Page_Thing_", "Problem", "ProblemFault"} <= {
        name.removesuffix("-Input").removesuffix("-Output") for name in names
    }
    assert "ThingFilter" not in names


def test_an_example_is_made_of_the_parts_that_are_needed() -> None:
    class Inner(BaseModel):
        day: str
        tags: list[int]

    class Outer(BaseModel):
        inner: Inner
        spare: str | None = None

    schema = Outer.model_json_schema(ref_template="#/components/schemas/{model}")

    assert example(schema, schema["$defs"]) == {"inner": {"day": "text", "tags": [1]}}


def test_nothing_of_the_generator_is_loaded_by_a_handler() -> None:
    code = (
        "import sys, functions.documents\n"
        "heavy = ('functions.web.openapi', 'boto3', 'aws_xray_sdk',"
        " 'aws_lambda_powertools.event_handler.openapi.params')\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or None)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
