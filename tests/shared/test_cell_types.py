"""Cells with lists and objects: how they are read, and the faults of the rest."""

import pytest

from shared.licenses import FeatureRequest
from shared.row_entries import InvalidRecord, LicenseEntry
from tests.shared.value_import import read_rows


def row(**cells: str) -> LicenseEntry | InvalidRecord:
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in cells.values())
    header = ",".join(["license__license_key,product__short_code", *cells])
    (entry,) = read_rows(f"{header}\nK-1,kp,{','.join(quoted)}\n")
    assert isinstance(entry, LicenseEntry | InvalidRecord)
    return entry


def read(**cells: str) -> LicenseEntry:
    entry = row(**cells)
    assert isinstance(entry, LicenseEntry), entry
    return entry


@pytest.mark.parametrize(
    "cell", ["a@x.test,b@x.test", "a@x.test b@x.test", "a@x.test;Bo <b@x.test>"]
)
def test_a_cell_of_users_says_how_they_are_separated(cell: str) -> None:
    entry = row(license__users=cell, order__store_id="o-1")

    assert isinstance(entry, InvalidRecord)
    (message,) = [f["message"] for f in entry.faults if f["column"] == "license__users"]
    assert message.endswith("separate the addresses of several users by ;")


def test_the_value_of_a_fault_of_users_has_their_managers() -> None:
    entry = row(license__users="ben@x.test;ana@x.test*", order__store_id="o-1")

    assert isinstance(entry, InvalidRecord)
    assert entry.faults[0]["value"] == "ben@x.test;ana@x.test*"


@pytest.mark.parametrize("cell", ["f1;f2", " f1 ; f2 ;", '["f1", "f2"]', "f1;\ufefff2"])
def test_features_are_codes_between_semicolons_or_a_json_list(cell: str) -> None:
    entry = read(license__product_features=cell)

    assert [grant.code for grant in entry.model.product_features] == ["f1", "f2"]


def test_a_feature_in_a_json_list_has_terms_as_in_an_order() -> None:
    cell = '["f1", {"code": "credits", "max_consumption": 7}]'

    entry = read(license__product_features=cell)

    long = FeatureRequest(code="credits", max_consumption=7)
    assert entry.terms.product_features == ("f1", long)
    assert entry.model.product_features[1].max_consumption == 7


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("license__product_features", "nothing", "unsupported_product_feature"),
        ("license__product_features", "f1;f1", "feature_repeated"),
        ("license__product_features", "[f1", "invalid_value"),
        ("license__product_features", '[{"name": "f1"}]', "required"),
        ("license__product_features", ";".join(f"f{n}" for n in range(201)), "invalid_value"),
        ("license__custom_fields", '{"seat": 1}', "invalid_value"),
        ("license__custom_fields", '[{"seat": 1}]', "required"),
        ("license__custom_fields", "\\N", "invalid_value"),
        ("license__policy_code", "gone", "unknown_policy"),
        ("license__policy_code", "#REF!", "invalid_value"),
        ("license__policy_code", "\\N", "unknown_policy"),
        ("order__metadata", "po 4711", "invalid_value"),
        ("customer__metadata", "[]", "invalid_value"),
    ],
)
def test_the_fault_of_a_list_or_object_names_its_column(column: str, cell: str, code: str) -> None:
    entry = row(**{column: cell})

    assert isinstance(entry, InvalidRecord), entry
    assert {each["column"] for each in entry.faults} == {column}
    assert entry.faults[0]["code"] == code


def test_an_empty_object_is_no_metadata() -> None:
    entry = read(customer__metadata="{}", order__metadata="{}")

    assert (entry.order.metadata, entry.customer and entry.customer.metadata) == (None, None)
