"""Error codes that all operations share, each tested on each operation.

`tests/refusals` compares what is raised here and elsewhere with the OpenAPI document.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions import documents
from functions.web.auth import forget_keys
from tests.functions.importer import Importer, form, part
from tests.functions.operations import OPERATIONS, Operation
from tests.functions.shop import Shop
from tests.http_event import Reply
from tests.wiretap import answer, tapped

KEYED = [each for each in OPERATIONS if each.scope]
WITH_JSON = [each for each in OPERATIONS if isinstance(each.body, dict | list)]
WITH_ID = [each for each in OPERATIONS if each.ids]
WITH_FILE = [each for each in OPERATIONS if isinstance(each.body, bytes)]
WITH_ASSET = [each for each in OPERATIONS if each.path == "/openapi.json"]
_HEAVY = {"text": "x" * 15_900}
"""As much as one object of metadata may have; 25 of them are more than a record may have."""


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=str)


def assert_refused(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.json()["code"]) == (status, code), reply.text


@pytest.fixture
def failing_store(api_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lets each GetItem fail with an error code of DynamoDB, beginning with that of the API key."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    forget_keys()
    with tapped() as tap:

        def fail(code: str) -> None:
            kind = f"com.amazonaws.dynamodb.v20120810#{code}"
            for nth in range(1, 10):
                tap.on("GetItem", lambda sent: answer(sent, 400, {"__type": kind}), nth=nth)

        yield fail


@each(KEYED)
def test_a_throttled_store_is_unavailable(
    operation: Operation, api_key: str, failing_store: Any
) -> None:
    failing_store("ThrottlingException")

    assert_refused(operation.send(api_key), 503, "unavailable")


@each(KEYED)
def test_a_store_that_fails_unexpectedly_is_an_internal_error(
    operation: Operation, api_key: str, failing_store: Any
) -> None:
    failing_store("AccessDeniedException")

    assert_refused(operation.send(api_key), 500, "internal_error")


@each(WITH_ASSET)
def test_an_asset_that_is_missing_is_an_internal_error(
    operation: Operation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents.forget_assets()
    monkeypatch.setattr(documents, "ASSETS", tmp_path)

    assert_refused(operation.send(None), 500, "internal_error")


@each(WITH_JSON)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [("{", 400, "invalid_json"), (" " * 1_048_577, 413, "body_too_large")],
    ids=["invalid_json", "body_too_large"],
)
def test_a_body_that_is_no_json_or_too_large_is_refused(
    operation: Operation, api_key: str, body: str, status: int, code: str
) -> None:
    reply = replace(operation, body=body).send(api_key, query=operation.needed)
    assert_refused(reply, status, code)


@each(WITH_JSON)
def test_a_field_that_no_model_has_is_refused(operation: Operation, api_key: str) -> None:
    """In a list of objects too; a list of ids has no objects."""
    fields = {"no_such_field": 1}
    body = fields if isinstance(operation.body, dict) else [fields]

    reply = replace(operation, body=body).send(api_key, query=operation.needed)

    assert_refused(reply, 400, "validation_error")


@each(KEYED)
def test_a_query_parameter_that_no_route_has_is_refused(operation: Operation, api_key: str) -> None:
    query = f"{operation.needed}&no_such_parameter=1"

    assert_refused(operation.send(api_key, query=query), 400, "validation_error")


@each(WITH_ID)
def test_an_id_that_no_record_can_have_is_not_found(operation: Operation, api_key: str) -> None:
    reply = operation.send(api_key, id=2**53, query=operation.needed)

    assert_refused(reply, 404, "not_found")


@each(WITH_FILE)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form()[:-20], 400, "invalid_multipart"),
        (form(part(name="other", file_name=None)), 400, "file_required"),
        (form(part(), part()), 400, "one_file_only"),
        (form(part(b"x" * 4_500_000)), 413, "file_too_large"),
    ],
    ids=["invalid_multipart", "file_required", "one_file_only", "file_too_large"],
)
def test_a_form_that_is_none_is_refused(
    operation: Operation, importer: Importer, body: bytes, status: int, code: str
) -> None:
    assert_refused(replace(operation, body=body).send(importer.key), status, code)


@each(WITH_FILE)
def test_a_file_without_a_form_is_refused(operation: Operation, importer: Importer) -> None:
    sent = operation.send(importer.key, headers={"content-type": "text/csv"})

    assert_refused(sent, 400, "not_multipart")


@each(WITH_FILE)
def test_an_unknown_option_of_a_form_is_refused(operation: Operation, importer: Importer) -> None:
    assert_refused(operation.send(importer.key, query="dry_run=maybe"), 400, "validation_error")


@each(WITH_FILE)
def test_an_idempotency_key_of_another_file_is_refused(
    operation: Operation, importer: Importer
) -> None:
    headers = {"idempotency-key": "nightly"}
    assert operation.send(importer.key, headers=headers).status == 200

    other = replace(operation, body=form(part(b"other")))

    assert_refused(other.send(importer.key, headers=headers), 409, "external_id_reused")


@pytest.mark.parametrize("switch", ["enable", "disable"])
def test_an_id_that_is_none_is_not_found(shop: Shop, switch: str) -> None:
    assert_refused(shop.post(f"/licenses/one/{switch}/"), 404, "not_found")


def heavy_policy(shop: Shop, count: int = 23) -> Any:
    """A policy that takes most of what the record of its product may have."""
    templates = [_HEAVY] * count
    body = {"product": "kp", "code": "heavy", "name": "Heavy"}
    return shop.post("/license-templates/", {**body, "license_custom_field_templates": templates})


def found(shop: Shop, path: str, query: str) -> int:
    return int(shop.get(path, query).json()["results"][0]["id"])


def test_a_product_is_refused_wherever_it_would_outgrow_its_record(shop: Shop) -> None:
    product = found(shop, "/products/", "short_code=kp")
    feature = found(shop, "/product-features/", "product=kp&code=f1")
    assert_refused(heavy_policy(shop, 26), 400, "product_too_large")
    policy = heavy_policy(shop).json()["id"]
    too_much = {
        f"/products/{product}/": {"metadata": _HEAVY, "custom_fields": [_HEAVY] * 3},
        f"/license-templates/{policy}/": {"license_custom_field_templates": [_HEAVY] * 26},
    }
    for path, body in too_much.items():
        assert_refused(shop.patch(path, body), 400, "product_too_large")
    for n in range(3):
        body = {"product": "kp", "code": f"h{n}", "name": "H", "metadata": _HEAVY}
        last = shop.post("/product-features/", body)
    assert_refused(last, 400, "product_too_large")
    assert_refused(
        shop.patch(f"/product-features/{feature}/", {"metadata": _HEAVY}), 400, "product_too_large"
    )
    new = {"product_name": "New", "short_code": "new", "custom_fields": [_HEAVY] * 26}
    assert_refused(shop.post("/products/", new), 400, "product_too_large")


def test_a_license_that_would_outgrow_its_record_is_refused(shop: Shop) -> None:
    codes = [f"h{n}" for n in range(26)]
    for code in codes:
        shop.make("/product-features/", product="kp", code=code, name=code)
    features = [{"code": code, "metadata": _HEAVY} for code in codes]

    problem = shop.refused(license={"product_features": features})

    assert problem["code"] == "record_too_large"
    assert shop.get("/licenses/").json()["count"] == 0


def test_a_large_order_with_a_license_too_large_writes_nothing(shop: Shop) -> None:
    codes = [f"h{n}" for n in range(26)]
    for code in codes:
        shop.make("/product-features/", product="kp", code=code, name=code)
    features = [{"code": code, "metadata": _HEAVY} for code in codes]
    items = [{"product_code": "kp", "licenses": [{}] * 110 + [{"product_features": features}]}]

    with tapped() as tap:
        assert_refused(shop.order(items=items), 400, "record_too_large")

    assert tap.counted["TransactWriteItems"] == 0


@pytest.mark.parametrize(
    ("path", "more"), [("/license-templates/", {}), ("/product-features/", {})], ids=str
)
def test_a_product_has_an_end_to_its_parts(
    shop: Shop, path: str, more: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.catalog_changes.MAX_PARTS", 3)
    sent = [
        shop.post(path, {"product": "kp", "code": f"c{n}", "name": "N", **more}) for n in range(4)
    ]

    assert_refused(sent[-1], 400, "too_many")


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"max_overages": 5, "default_license_type": "perpetual"}, "consumption_only"),
        ({"floating_users": 99}, "too_many_floating_users"),
        (
            {"license_product_feature_templates": [{"product_feature": "no-such"}]},
            "unsupported_product_feature",
        ),
    ],
    ids=["consumption_only", "too_many_floating_users", "unsupported_product_feature"],
)
def test_a_policy_can_not_be_changed_to_contradict_itself(
    shop: Shop, patch: dict[str, Any], code: str
) -> None:
    policy = found(shop, "/license-templates/", "product=kp&code=policy_A")

    assert_refused(shop.patch(f"/license-templates/{policy}/", patch), 400, code)


def test_a_bundle_can_not_be_changed_to_an_invalid_one(shop: Shop) -> None:
    bundle = found(shop, "/products/", "short_code=bnd")

    reply = shop.patch(f"/products/{bundle}/", {"bundle_products": ["p1", "p1"]})

    assert_refused(reply, 400, "invalid_bundle")
