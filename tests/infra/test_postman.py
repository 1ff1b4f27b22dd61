"""The Postman collection holds what the OpenAPI document does; tests/e2e runs it."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.openapi import ROUTE_MODULES, document
from infra.ops.postman import FORMS, collection
from infra.ops.tour import TOUR


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(importlib.import_module(f"functions.{name}").api for name in ROUTE_MODULES)


def requests(folder: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Method and path of each request of a folder, as the document writes them."""
    for item in folder["item"]:
        path = item["request"]["url"]["raw"].removeprefix("{{base_url}}")
        yield item["request"]["method"], path.replace("licenses.csv", "{kind}.csv")


def test_every_operation_is_in_the_folder_of_its_tag(described: dict[str, Any]) -> None:
    tour, *folders = collection(described)["item"]

    there = {each for folder in folders for each in requests(folder)}

    assert there == {
        (method.upper(), path.replace("{id}", ":id"))
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert [folder["name"] for folder in folders] == list(
        dict.fromkeys(
            operation["tags"][0]
            for methods in described["paths"].values()
            for operation in methods.values()
        )
    )
    assert [item["name"] for item in tour["item"]] == [step.name for step in TOUR]


def test_a_request_carries_the_example_of_its_operation(described: dict[str, Any]) -> None:
    _, *folders = collection(described)["item"]
    bodies = [
        json.loads(item["request"]["body"]["raw"])
        for folder in folders
        for item in folder["item"]
        if item["request"].get("body", {}).get("mode") == "raw"
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


def test_no_api_key_is_sent_to_a_route_that_wants_none(described: dict[str, Any]) -> None:
    _, *folders = collection(described)["item"]

    (service,) = (folder for folder in folders if folder["name"] == "Service")

    assert all(item["request"]["auth"] == {"type": "noauth"} for item in service["item"])
