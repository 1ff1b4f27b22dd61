"""Records as the published API shows them, which has less than Keywright's own responses."""

import json
from typing import Any

import pytest

from infra.cli.licensespring import (
    Related,
    customer_row,
    feature_rows,
    license_row,
    losses,
    obstacle,
    shared_keys,
)
from shared.columns import KINDS, LICENSE_COLUMNS

LICENSE: dict[str, Any] = {
    "id": 1593781720493281,
    "license_key": "G8HA-SRRZ-A6WK-TJWB",
    "product": {"id": 1584723961091040, "product_name": "Sketch"},
    "order": 1593781720493279,
    "order_store_id": "web-1",
    "license_type": "time-limited",
    "valid_duration": "1y",
    "validity_period": "2030-09-30",
    "max_activations": 3,
    "enabled": True,
    "is_trial": False,
    "allow_overages": True,
    "metadata": {"po": "4711"},
    "customer": 620,
}
USERS = [
    {"email": "u@x.test|acme", "true_email": "u@x.test"},
    {"email": "a@x.test", "is_manager": True},
]
RELATED = Related(
    {1584723961091040: "sketch", 9: "suite"},
    {620: {"id": 620, "email": "ana@acme.example", "company_name": "Acme"}},
    {1593781720493279: {"id": 1593781720493279, "store_id": "web-1", "is_test": True}},
    frozenset({"BUNDLE"}),
    frozenset({"suite"}),
)


def row(**changes: Any) -> dict[str, str]:
    """The cells of a license that are not blank."""
    cells = zip(LICENSE_COLUMNS, license_row(LICENSE | changes, RELATED), strict=True)
    return {column: cell for column, cell in cells if cell}


def test_a_license_takes_what_it_lacks_from_the_lists() -> None:
    shown = row()

    assert shown["product__short_code"] == "sketch"
    assert (shown["order__store_id"], shown["order__is_test"]) == ("web-1", "true")
    assert shown["customer__email"] == "ana@acme.example"
    assert shown["license__metadata"] == '{"po":"4711"}'
    assert (shown["license__valid_duration"], shown["license__validity_period"]) == (
        "1y",
        "2030-09-30",
    )


def test_a_term_without_a_value_does_not_take_one_from_a_policy() -> None:
    shown = row(valid_duration=None, max_activations=None)

    assert shown["license__valid_duration"] == "\\N"
    assert shown["license__trial_days"] == "\\N"
    assert shown["license__max_activations"] == "1"


def test_custom_fields_are_a_list_of_names_and_values() -> None:
    fields = [{"id": 4, "name": "seat", "value": "12", "data_type": "text"}]

    shown = row(custom_fields=fields)

    assert shown["license__custom_fields"] == '[{"name":"seat","value":"12"}]'


def test_only_consumption_licenses_have_overages() -> None:
    assert "license__allow_overages" not in row()
    assert row(license_type="consumption")["license__allow_overages"] == "true"


def test_the_customer_of_the_order_is_that_of_a_license_without_one() -> None:
    order = {"id": 1593781720493279, "customer": {"id": 7, "email": "bo@globex.example"}}
    related = RELATED._replace(orders={1593781720493279: order})

    cells = license_row(LICENSE | {"customer": None}, related)

    assert cells[LICENSE_COLUMNS.index("customer__email")] == "bo@globex.example"
    assert cells[LICENSE_COLUMNS.index("order__store_id")] == "web-1"


def test_a_feature_is_a_row_of_its_own() -> None:
    grants = [
        {"product_feature": {"code": "credits"}, "max_consumption": 33, "expiry_date": None},
        {"product_feature": {"code": "f1"}},
    ]

    rows = list(feature_rows(LICENSE | {"product_features": grants}))

    assert [cells[:3] for cells in rows] == [
        ["G8HA-SRRZ-A6WK-TJWB", "credits", "33"],
        ["G8HA-SRRZ-A6WK-TJWB", "f1", "0"],
    ]
    assert {len(cells) for cells in rows} == {len(KINDS["license-features"].columns)}
    assert list(feature_rows(LICENSE)) == []


def test_a_license_without_key_has_its_users() -> None:
    grants = [{"product_feature": {"code": "export"}, "max_consumption": 5}]
    shown = row(license_key=None, license_users=USERS, product_features=grants)

    assert shown["license__users"] == "a@x.test*;u@x.test"
    (feature,) = json.loads(shown["license__product_features"])
    assert (feature["code"], feature["max_consumption"]) == ("export", 5)
    assert [*feature_rows(LICENSE | {"license_key": None, "product_features": grants})] == []


def test_the_rows_of_a_bundle_say_so() -> None:
    assert row(license_key="BUNDLE")["license__bundle_key"] == "BUNDLE"
    assert "license__bundle_key" not in row()


def test_a_customer_has_the_columns_of_its_file() -> None:
    cells = customer_row({"id": 1, "email": "a@x.test", "phone": None, "labels": []})

    assert cells == ["a@x.test", *[""] * 11]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"license_key": None}, "neither a key nor users"),
        ({"license_key": "BUNDLE"}, ""),
        ({"license_key": None, "license_users": USERS, "product": {"id": 9}}, "of a bundle"),
        ({"license_key": None, "license_users": USERS, "bundle_license": 1}, "of a bundle"),
        ({"license_key": None, "license_users": USERS}, ""),
        ({"product": {"id": 1}}, "not in the list of products"),
        ({}, ""),
    ],
)
def test_what_stands_in_the_way_of_a_license_is_said(changes: Any, reason: str) -> None:
    found = obstacle(LICENSE | changes, RELATED)

    assert reason in (found or "")
    assert bool(found) == bool(reason)


def test_what_is_lost_of_a_license_is_said() -> None:
    lost = {
        "total_consumptions": 5,
        "license_users": USERS,
    }

    assert [text.partition(";")[0] for text in losses(LICENSE | lost)] == [
        "total_consumptions is 5",
        "users are not imported, because the license has a key: a@x.test*",
    ]
    assert list(losses(LICENSE)) == []


def test_the_keys_of_bundles_are_those_of_several_licenses() -> None:
    keys = ("A", "B", "A", None, None)

    assert shared_keys({"license_key": key} for key in keys) == {"A"}
