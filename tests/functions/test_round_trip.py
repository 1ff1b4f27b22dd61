"""Free JSON is read back as in the first response, or refused at its pointer."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.catalog_requests import NewFeature, NewPolicy, NewProduct
from shared.customers import CustomerRequest, NewCustomer, UserRequest
from shared.licenses import LicenseRequest
from shared.orders import OrderItemRequest, OrderRequest
from tests.functions.shop import Shop, fault_codes

EDGES: tuple[Any, ...] = (
    *(1.0, -0.0, 1e2, 1e22, 1.5e300, 5e-324, 1e-128, 1e-129, 1e125, 1.1e125, 0.1, 1 / 3, 2.0**53),
    *(2.0**63, -(2.0**63), 2**53 + 1, 2**63 - 1, -(2**63), "", " ", "\x00", "\u2028", "😀", "1.0"),
    *(None, True, {}, [], {"": 1}, {"a": ""}, {"a": {}}, {"a": []}, {"a": None}, [[], {}, ""]),
    *({"a b.c#:": 1}, {"\x00": 1}, {"N": "1"}, {"S": 1.0}),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**6), 10**6).map(float)
    | st.text(max_size=20)
)
VALUES = st.sampled_from(EDGES) | st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
NUMBERS = count()
"""So that no two examples name the same record."""


def some(examples: int) -> settings:
    unsafe = HealthCheck.function_scoped_fixture  # the shop may have been used before
    return settings(max_examples=examples, deadline=None, suppress_health_check=[unsafe])


def fits(value: Any) -> bool:
    """Whether the store takes a value: names of at least one character, and DynamoDB's numbers.

    AWS: "Positive range: 1E-130 to 9.9999999999999999999999999999999999999E+125". The product
    ends a little before.
    """
    match value:
        case dict():
            return "" not in value and all(map(fits, value.values()))
        case list():
            return all(map(fits, value))
        case float():
            return value == 0 or 1e-128 <= abs(value) <= 1e125
    return True


def spelled(value: Any) -> str:
    """Tells 1 from 1.0 and True, which are equal in Python."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("as_text", [False, True], ids=["object", "text"])
@some(30)
@given(value=VALUES)
def test_metadata_of_an_order_is_read_back_as_it_was_answered_first(
    shop: Shop, as_text: bool, value: Any
) -> None:
    number = next(NUMBERS)
    metadata = json.dumps({"v": value}) if as_text else {"v": value}
    body = {
        "id": f"o-{number}",
        "metadata": metadata,
        "customer": {"email": f"a{number}@x.test", "metadata": metadata},
        "items": [{"product_code": "kp", "licenses": [{"metadata": metadata}]}],
    }

    first = shop.order(**body)

    if not fits(value):
        places = {"/metadata", "/customer/metadata", "/items/0/licenses/0/metadata"}
        assert (first.status, set(fault_codes(first.json()))) == (400, places)
        return
    assert first.status == 200, first.text
    again, later = shop.order(**body), shop.get(f"/orders/{first.json()['id']}/")
    customer = shop.get(f"/customers/{first.json()['customer']['id']}/")
    assert again.headers["idempotent-replayed"] == "true"
    assert customer.status == 200, customer.text
    shown = [customer.json()["metadata"]]
    for order in (reply.json() for reply in (first, again, later)):
        shown += [order["metadata"], order["order_items"][0]["licenses"][0]["metadata"]]
    assert {spelled(each) for each in shown} == {spelled(shown[0])}
    assert shown[0] == {"v": value}


@pytest.mark.parametrize(
    ("path", "body", "free"),
    [
        ("/products", {"product_name": "A"}, ("metadata", "custom_fields")),
        (
            "/license-templates",
            {"name": "A", "product": "kp"},
            ("metadata", "license_custom_field_templates"),
        ),
        (
            "/product-features",
            {"name": "A", "product": "kp", "feature_type": "activation"},
            ("metadata",),
        ),
        ("/customers", {}, ("metadata",)),
    ],
)
@some(20)
@given(value=VALUES)
def test_a_record_is_read_back_as_it_was_answered_first(
    shop: Shop, path: str, body: dict[str, Any], free: tuple[str, ...], value: Any
) -> None:
    sent = {name: {"v": value} if name == "metadata" else [{"v": value}] for name in free}
    name = f"new-{next(NUMBERS)}"
    named = {
        "/products": {"short_code": name, "authorization_method": "license-key"},
        "/customers": {"email": f"{name}@x.test"},
    }.get(path, {"code": name})

    first = shop.post(f"{path}/", {**body, **named, **sent})

    if not fits(value):
        places = {f"/{name}" if name == "metadata" else f"/{name}/0" for name in free}
        assert (first.status, set(fault_codes(first.json()))) == (400, places)
        return
    assert first.status == 201, first.text
    later = shop.get(f"{path}/{first.json()['id']}/").json()
    for name in free:
        assert spelled(later[name]) == spelled(first.json()[name])
        assert first.json()[name] == sent[name]


@pytest.mark.parametrize(
    "value",
    [1.0, -0.0, -5, -5.0, 0, 1e2, 1.5, 2**53 + 1, -(2**63), 2**63 - 1, "1.0", "", True, None],
)
def test_a_custom_field_is_read_back_as_it_was_answered_first(shop: Shop, value: Any) -> None:
    field = {"name": "f", "value": value}

    issued = shop.order_one(license={"custom_fields": [field]})

    shown = shop.get(f"/licenses/{issued['id']}/").json()
    assert spelled(shown["custom_fields"]) == spelled(issued["custom_fields"])
    assert issued["custom_fields"][0]["value"] == value


@pytest.mark.parametrize("number", ["1" * 39, "-" + "9" * 400, "9223372036854775808", "1e999"])
def test_a_number_that_nothing_can_hold_is_refused_at_its_place(shop: Shop, number: str) -> None:
    metadata = f'{{"metadata": {{"n": [0, {number}]}}}}'
    body = f'{{"items": [{{"product_code": "kp", "licenses": [{metadata}]}}]}}'

    problem = shop.post("/orders/create_order/", body).json()

    assert problem["code"] == "invalid_json"
    assert list(fault_codes(problem)) == ["/items/0/licenses/0/metadata/n/1"]


@pytest.mark.parametrize(
    "value", ['1, "a": 2', "NaN", "1e999", '"\\ud800"', "9" * 39, "[" * 100_000, ""]
)
def test_metadata_as_text_is_read_as_strictly_as_a_body(shop: Shop, value: str) -> None:
    problem = shop.refused(metadata=f'{{"a": {value}}}')

    assert list(fault_codes(problem)) == ["/metadata"]


def test_numbers_that_are_equal_are_one_order_however_they_are_spelled(shop: Shop) -> None:
    body = '{"id": "o", "items": [{"product_code": "kp", "licenses": [{}]}], "metadata": {"n": %s}}'

    first, *others = (
        shop.post("/orders/create_order/", body % number)
        for number in ("100", "1e2", "100.0", "1E+2", "1000e-1")
    )

    assert first.status == 200
    for other in others:
        assert (other.status, other.json()["metadata"]) == (200, {"n": 100})
        assert other.headers["idempotent-replayed"] == "true"


def blank(model: type[BaseModel], text: str, **needed: Any) -> dict[str, Any]:
    """A body with this blank text in every field of a model that takes one."""
    body = dict(needed)
    for name in model.model_fields.keys() - needed.keys() - {"company", "product"}:
        try:
            model.model_validate({**needed, name: text})
        except ValidationError:
            continue
        body[name] = text
    return body


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Places that two answers both have, with another value."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() & other.keys():
            yield from differences(one[name], other[name], f"{path}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif spelled(one) != spelled(other):
        yield f"{path}: {one!r}, then {other!r}"


@pytest.mark.parametrize("text", ["", " "])
def test_blank_texts_of_an_order_are_read_back_as_they_were_answered_first(
    shop: Shop, text: str
) -> None:
    user = blank(UserRequest, text, email="eva@x.test")
    license = blank(LicenseRequest, text, users=[user])
    item = blank(OrderItemRequest, text, product_code="up", licenses=[license])
    customer = blank(CustomerRequest, text, email="ana@x.test")
    body = blank(OrderRequest, text, id="o-1", items=[item], customer=customer)
    assert {"note", "subscription_id"} <= license.keys() & item.keys()
    assert {"reference", "language", "campaign_params", "download_id"} <= body.keys()

    answer = shop.order(**body).ok()

    again, later = shop.order(**body), shop.get(f"/orders/{answer['id']}/")
    for other in (again, later):
        found = [*differences(answer, other.json())]
        assert [place for place in found if "password" not in place] == []  # shown only once


@pytest.mark.parametrize("text", ["", " "])
@pytest.mark.parametrize(
    ("path", "model", "needed"),
    [
        (
            "/products",
            NewProduct,
            {"short_code": "n", "product_name": "N", "authorization_method": "license-key"},
        ),
        ("/license-templates", NewPolicy, {"product": "kp", "code": "n", "name": "N"}),
        (
            "/product-features",
            NewFeature,
            {"product": "kp", "code": "n", "name": "N", "feature_type": "activation"},
        ),
        ("/customers", NewCustomer, {"email": "n@x.test"}),
    ],
)
def test_blank_texts_of_a_record_are_read_back_as_they_were_answered_first(
    shop: Shop, path: str, model: type[BaseModel], needed: dict[str, Any], text: str
) -> None:
    body = blank(model, text, **needed)

    answer = shop.post(f"{path}/", body).ok(201)

    id = answer["id"]
    assert [*differences(answer, shop.get(f"{path}/{id}/").json())] == []
    changed = shop.patch(f"{path}/{id}/", body)
    assert changed.status == 200, changed.text
    assert [*differences(changed.json(), shop.get(f"{path}/{id}/").json())] == []
