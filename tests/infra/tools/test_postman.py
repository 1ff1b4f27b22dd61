"""The Postman collection holds what the OpenAPI document does; tests/e2e runs it."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.web.openapi import ROUTE_MODULES, document
from infra.tools.postman import ANYWHERE, FORMS, collection, write
from infra.tools.tour import TOUR


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(importlib.import_module(f"functions.{name}").api for name in ROUTE_MODULES)


@pytest.fixture(scope="module")
def made(described: dict[str, Any]) -> dict[str, Any]:
    """The collection, which takes a second of openapi-to-postmanv2."""
    return collection(described)


def requests(folder: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Method and path of each request of a folder, as the document writes them."""
    for item in folder["item"]:
        url = item["request"]["url"]
        assert url["host"] == ["{{base_url}}"]
        yield item["request"]["method"], "/" + "/".join(url["path"]).replace("{{kind}}", "{kind}")


def test_every_operation_is_in_the_folder_of_its_tag(
    described: dict[str, Any], made: dict[str, Any]
) -> None:
    tour, *folders = made["item"]

    there = {each for folder in folders for each in requests(folder)}

    assert there == {
        (method.upper(), re.sub(r"{(?!kind)(\w+)}", r":\1", path))
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert [folder["name"] for folder in folders] == [tag["name"] for tag in described["tags"]]
    assert [item["name"] for item in tour["item"]] == [step.name for step in TOUR]


def test_a_request_carries_the_example_of_its_operation(
    described: dict[str, Any], made: dict[str, Any]
) -> None:
    _, *folders = made["item"]
    bodies = [
        json.loads(item["request"]["body"]["raw"])
        for folder in folders
        for item in folder["item"]
        if (item["request"].get("body") or {}).get("mode") == "raw"
    ]

    assert bodies
    assert all(
        content["application/json"]["example"] in bodies
        for methods in described["paths"].values()
        for operation in methods.values()
        if "application/json" in (content := operation.get("requestBody", {}).get("content", {}))
    )


def test_every_form_has_a_file_to_send(described: dict[str, Any]) -> None:
    forms = {
        operation["operationId"]
        for methods in described["paths"].values()
        for operation in methods.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }

    assert forms == set(FORMS)


@pytest.mark.parametrize("known", [True, False], ids=["a local stack", "no stack"])
def test_the_variables_are_those_of_the_local_stack(tmp_path: Path, *, known: bool) -> None:
    stack = {"api_url": "http://127.0.0.1:4640/x", "api_key": "prefix.secret"}
    file = tmp_path / "stack.json"
    if known:
        file.write_text(json.dumps(stack))

    path = write(tmp_path / "postman", file)

    made = {each["key"]: each["value"] for each in json.loads(path.read_text())["variable"]}
    expected = ("http://127.0.0.1:4640/x", "prefix.secret") if known else (ANYWHERE, "")
    assert (made["base_url"], made["api_key"]) == expected
    assert path.stat().st_mode & 0o077 == 0


def test_an_api_key_is_sent_to_every_route_but_those_that_want_none(made: dict[str, Any]) -> None:
    assert "auth" not in made, "requests without one would inherit it"
    for folder in made["item"]:
        for item in folder["item"]:
            auth = item["request"]["auth"]
            if folder["name"] == "Service":
                assert auth is None
            else:
                parts = {each["key"]: each["value"] for each in auth["apikey"]}
                assert parts == {
                    "in": "header",
                    "key": "Authorization",
                    "value": "Api-Key {{api_key}}",
                }


def test_optional_parameters_are_offered_and_not_sent(
    described: dict[str, Any], made: dict[str, Any]
) -> None:
    operations = {
        (method.upper(), re.sub(r"{(?!kind)(\w+)}", r":\1", path)): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    _, *folders = made["item"]
    for folder in folders:
        for at, item in zip(requests(folder), folder["item"], strict=True):
            sent = {each["key"]: each["disabled"] for each in item["request"]["url"]["query"]}
            assert sent == {
                each["name"]: not each["required"]
                for each in operations[at]["parameters"]
                if each["in"] == "query"
            }
