"""What a row of an import changes of an existing record."""

from datetime import timedelta
from typing import Any

import pytest

from shared.catalog import FeatureGrant
from shared.customers import Customer
from shared.differences import cells_digest
from shared.row_entries import CustomerEntry, FeatureEntry, LicenseEntry
from shared.row_updates import (
    MOST_APPLIED,
    MOST_BEFORE,
    RowChange,
    RowRefused,
    applied,
    changed_from,
    customer_change,
    feature_change,
    license_change,
    part_warnings,
)
from tests.shared.value_import import NOW, read_rows
from tests.shared.value_shop import ValueShop

HEADER = "license__license_key,product__short_code"
LATER = NOW + timedelta(minutes=1)
SHOP = ValueShop()


def license_entry(product: str = "kp", **cells: str) -> LicenseEntry:
    header, values = [HEADER, *cells], [f"K-1,{product}", *cells.values()]
    text = f"{','.join(header)}\n{','.join(values)}\n"
    (entry,) = read_rows(text, on_existing="update")
    assert isinstance(entry, LicenseEntry), entry
    return entry


def stored(**license: Any) -> dict[str, Any]:
    """A license as it is read from the table."""
    items = [{"product_code": "kp", "licenses": [{"key": "K-1", **license}]}]
    (lic,) = SHOP.plan(items=items).licenses
    item: dict[str, Any] = lic.model_dump(mode="json", exclude_defaults=True)
    return item


def change(entry: LicenseEntry, item: dict[str, Any]) -> RowChange | None:
    return license_change(entry, item, SHOP.products["kp"], LATER, {})


def codes(entry: LicenseEntry, item: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(RowRefused) as refused:
        change(entry, item)
    return [(fault["column"], fault["code"]) for fault in refused.value.faults]


def test_only_fields_that_differ_are_changed() -> None:
    entry = license_entry(license__note="new", license__max_activations="3")

    found = change(entry, stored(note="old", max_activations=3))

    assert found is not None
    assert found.before == {"note": "old"}
    assert {name: found.fields[name] for name in found.before} == {"note": "new"}
    assert found.fields["updated_at"] == LATER


@pytest.mark.parametrize(
    ("cells", "license"),
    [
        ({}, {"note": "old"}),
        ({"license__max_activations": "1"}, {}),
        ({"license__enabled": "yes", "license__is_trial": "0"}, {}),
        ({"license__note": "\\N", "license__metadata": "\\N"}, {}),
        ({"license__validity_period": "2030-01-01"}, {"validity_period": "2030-01-01"}),
        ({"license__metadata": '"{""a"": 1}"'}, {"metadata": {"a": 1}}),
        ({"license__license_type": "perpetual"}, {}),
        (
            {"license__valid_duration": "1y", "license__validity_period": "2030-01-01"},
            {
                "license_type": "time-limited",
                "valid_duration": "1y",
                "validity_period": "2030-01-01",
            },
        ),
    ],
)
def test_a_license_with_these_values_is_unchanged(
    cells: dict[str, str], license: dict[str, Any]
) -> None:
    assert change(license_entry(**cells), stored(**license)) is None


LONG = [{"code": "credits", "max_consumption": 7}, "f1"]


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("f1;credits", None),
        ('"[""f1"", {""code"": ""credits"", ""max_consumption"": 7}]"', None),
        ('"[""f1"", {""code"": ""credits"", ""max_consumption"": 8}]"', ["f1", "credits"]),
        ("f1", ["f1"]),
        ("f2;credits", ["f2", "credits"]),
        ("\\N", []),
    ],
)
def test_a_row_replaces_the_list_of_features(cell: str, codes: list[str] | None) -> None:
    entry = license_entry(license__product_features=cell)

    found = change(entry, stored(product_features=LONG))

    if codes is None:
        assert found is None
        return
    assert found is not None
    features = found.fields["product_features"] or ()
    assert [each["code"] for each in features] == codes
    assert [each["code"] for each in found.before["product_features"]] == ["credits", "f1"]
    kept = next((each for each in features if each["code"] == "credits"), None)
    assert kept is None or kept["max_consumption"] == (8 if "8" in cell else 7)


def test_a_row_replaces_custom_fields_that_differ_as_json() -> None:
    item = stored(custom_fields=[{"name": "seat", "value": 1}])
    same = '"[{""name"": ""seat"", ""value"": 1}]"'
    other = '"[{""name"": ""seat"", ""value"": true}]"'

    assert change(license_entry(license__custom_fields=same), item) is None
    found = change(license_entry(license__custom_fields=other), item)
    cleared = change(license_entry(license__custom_fields="\\N"), item)

    assert found is not None
    assert cleared is not None
    assert found.fields["custom_fields"] == ({"name": "seat", "value": True},)
    assert cleared.fields["custom_fields"] is None
    assert found.before == cleared.before == {"custom_fields": item["custom_fields"]}


def test_the_policy_of_a_license_stays() -> None:
    item = stored(policy_code="policy_A")

    assert change(license_entry(license__policy_code="policy_A"), item) is None
    entry = license_entry(license__policy_code="default")
    assert codes(entry, item) == [("license__policy_code", "immutable")]


def test_an_unknown_policy_does_not_matter_where_the_license_exists() -> None:
    entry = license_entry(license__policy_code="gone", license__note="new")

    assert [fault["code"] for fault in entry.unissued] == ["unknown_policy"]
    assert codes(entry, stored()) == [("license__policy_code", "immutable")]


def test_metadata_is_compared_as_json() -> None:
    found = change(license_entry(license__metadata='"{""a"": true}"'), stored(metadata={"a": 1}))

    assert found is not None
    assert found.before == {"metadata": {"a": 1}}


def test_an_end_date_replaces_the_duration() -> None:
    item = stored(license_type="time-limited", valid_duration="1y")

    found = change(license_entry(license__validity_period="2030-01-01"), item)

    assert found is not None
    assert found.before == {"valid_duration": "1y", "validity_period": None}
    assert found.fields["valid_duration"] is None


def test_a_change_of_one_end_must_agree_with_the_other_in_the_row() -> None:
    cells = {"license__valid_duration": "2y", "license__validity_period": "2030-01-01"}
    item = stored(license_type="time-limited", validity_period="2030-01-01")

    assert codes(license_entry(**cells), item) == [("license__validity_period", "term_conflict")]


def test_another_product_or_type_is_refused() -> None:
    assert codes(license_entry("cp"), stored()) == [("product__short_code", "product_differs")]
    entry = license_entry(license__license_type="subscription")
    assert codes(entry, stored()) == [("license__license_type", "immutable")]


def test_a_row_that_could_not_create_the_license_has_the_reasons() -> None:
    entry = license_entry("none", license__license_type="time-limited")

    assert [fault["code"] for fault in entry.unissued] == ["unknown_product"]


def test_a_customer_keeps_what_the_row_does_not_name() -> None:
    text = "email,first_name,city,phone\nana@x.test,Anna,\\N,\n"
    (entry,) = read_rows(text, "customers", on_existing="update")
    assert isinstance(entry, CustomerEntry)
    customer = Customer(
        id=1,
        email="ana@x.test",
        first_name="Ana",
        city="Jaca",
        phone="1",
        created_at=NOW,
        updated_at=NOW,
    )
    item = customer.model_dump(mode="json", exclude_defaults=True)

    found = customer_change(entry, item, LATER)

    assert found is not None
    assert found.before == {"first_name": "Ana", "city": "Jaca"}
    assert found.fields == {"first_name": "Anna", "city": None, "updated_at": LATER}
    assert customer_change(entry, {**item, "first_name": "Anna", "city": None}, LATER) is None


def test_a_default_of_a_feature_is_no_change() -> None:
    text = "license_key,code,max_consumption,expiry_date,allow_overages\nK-1,credits,0,\\N,no\n"
    (entry,) = read_rows(text, "license-features", on_existing="update")
    assert isinstance(entry, FeatureEntry)

    assert feature_change(entry, FeatureGrant(code="credits")) is None
    changed = feature_change(entry, FeatureGrant(code="credits", max_consumption=5))
    assert changed == FeatureGrant(code="credits")


def test_a_record_remembers_its_last_rows() -> None:
    rows = [f"import {n}#1" for n in range(MOST_APPLIED)]

    assert applied(rows, "import 9#4") == [*rows[1:], "import 9#4"]


def test_earlier_values_have_a_limit() -> None:
    assert changed_from(7, {"note": None}) == {"job": 7, "fields": {"note": None}}
    with pytest.raises(RowRefused) as refused:
        changed_from(7, {"note": "x" * MOST_BEFORE})
    assert refused.value.faults[0]["code"] == "record_too_large"


def test_order_and_customer_columns_that_differ_are_warnings() -> None:
    entry = license_entry(
        order__store_id="o-2",
        order__type="normal",
        order__language="es",
        customer__email="b@x.test",
    )

    found = part_warnings(entry, {"store_id": "o-1"}, {"email": "a@x.test"})

    assert [(each["column"], each["code"]) for each in found] == [
        ("order__store_id", "not_changed_here"),
        ("order__language", "not_changed_here"),
        ("customer__email", "not_changed_here"),
    ]
    assert "'o-1', which stays" in found[0]["message"]


def test_rows_that_ask_for_the_same_have_one_digest() -> None:
    blank, default = license_entry(), license_entry(license__max_activations="1")

    assert cells_digest(blank) == cells_digest(license_entry(license__note=""))
    assert cells_digest(blank) != cells_digest(default)
    assert cells_digest(blank) != cells_digest(license_entry(license__note="\\N"))
