"""Rows against the records with their key: differences, duplicates and warnings."""

from typing import Any

import pytest

from shared.columns import CustomerRow
from shared.differences import (
    MOST_WARNINGS,
    Difference,
    Holder,
    content_digest,
    customer_differences,
    existing_warnings,
    license_differences,
    limited,
    repeated_fault,
)
from shared.row_entries import CustomerEntry, InvalidRecord, LicenseEntry
from tests.shared.value_import import read_rows

HEADER = "license__license_key,product__short_code"


def license_entry(**cells: str) -> LicenseEntry:
    header, values = [HEADER, *cells], ["K-1,kp", *cells.values()]
    (entry,) = read_rows(f"{','.join(header)}\n{','.join(values)}\n")
    assert isinstance(entry, LicenseEntry), entry
    return entry


def customer_entry(**cells: str) -> CustomerEntry:
    (entry,) = read_rows(f"{','.join(cells)}\n{','.join(cells.values())}\n", "customers")
    assert isinstance(entry, CustomerEntry), entry
    return entry


def metadata(text: str) -> dict[str, str]:
    return {"license__metadata": '"' + text.replace('"', '""') + '"'}


def record_of(entry: LicenseEntry, **changes: Any) -> dict[str, Any]:
    return entry.model.model_dump() | {"order_store_id": entry.store_id} | changes


def test_a_row_is_equal_to_the_license_that_it_created() -> None:
    entry = license_entry(license__max_activations="5", license__metadata='"{""a"": 1}"')

    assert license_differences(entry, Holder(1, record_of(entry))) == []


def test_a_row_of_this_file_is_compared_in_all_columns() -> None:
    entry = license_entry()

    found = license_differences(entry, Holder(1, record_of(entry, max_activations=5, note="n")))

    assert [each.column for each in found] == ["license__max_activations", "license__note"]


def test_a_record_of_another_origin_is_compared_in_filled_cells_only() -> None:
    entry = license_entry(license__max_activations="3")
    record = record_of(entry, max_activations=5, note="kept", prevent_vm=True)

    (found,) = license_differences(entry, Holder(None, record))

    assert found == Difference("license__max_activations", 3, 5)


def test_an_unset_term_and_the_system_default_are_equal() -> None:
    entry = license_entry(license__max_activations="1")

    assert license_differences(entry, Holder(None, record_of(entry, max_activations=None))) == []


FEATURES = '"[""f1"", {""code"": ""credits"", ""max_consumption"": 7}]"'


def test_features_and_custom_fields_are_compared_as_json() -> None:
    fields = '"[{""name"": ""seat"", ""value"": 1}]"'
    entry = license_entry(license__product_features=FEATURES, license__custom_fields=fields)
    record = entry.model.model_dump(mode="json", exclude_defaults=True) | {
        "order_store_id": entry.store_id
    }
    other = record | {
        "product_features": [{"code": "f1", "made_by": "import 3#1"}, {"code": "credits"}],
        "custom_fields": [{"name": "seat", "value": True}],
    }

    assert license_differences(entry, Holder(1, record)) == []
    assert license_differences(entry, Holder(None, record)) == []
    for row in (1, None):
        found = license_differences(entry, Holder(row, other))
        columns = [each.column for each in found]
        assert columns == ["license__product_features", "license__custom_fields"]
    short = license_entry(license__product_features="f1;credits")
    assert license_differences(short, Holder(None, other)) == []


def test_a_customer_is_compared_in_filled_cells_only() -> None:
    row = CustomerRow(email="ana@x.test", city="Lyon")

    found = customer_differences(row, Holder(None, {"email": "ana@x.test", "city": "Rome"}))

    assert found == [Difference("city", "Lyon", "Rome")]


def test_text_is_compared_in_its_composed_form() -> None:
    row = CustomerRow(first_name="Ame\u0301lie")

    assert customer_differences(row, Holder(1, {"first_name": "Am\u00e9lie"})) == []


def test_the_fault_of_a_duplicate_names_three_columns_and_counts_the_rest() -> None:
    differences = [Difference(f"c{n}", n, None) for n in range(5)]

    fault = repeated_fault(license_entry(), 4, differences)

    assert (fault["column"], fault["code"], fault["value"]) == (
        "license__license_key",
        "duplicate_in_file",
        "K-1",
    )
    assert fault["message"] == (
        "row 4 of this file has the same license key with other values: c0 no value instead of"
        " '0', c1 no value instead of '1', c2 no value instead of '2', 2 more"
    )


def test_a_duplicate_customer_is_named_by_email_or_else_by_reference() -> None:
    assert repeated_fault(customer_entry(email="a@x.test", reference="r"), 1)["column"] == "email"
    assert repeated_fault(customer_entry(reference="r"), 1)["column"] == "reference"


def test_a_warning_shows_the_part_of_a_long_value_that_differs() -> None:
    long = "x" * 500

    (warning,) = existing_warnings("license", [Difference("note", f"{long}new", f"{long}old")])

    assert warning["value"].endswith("new")
    assert len(warning["value"]) < 200
    assert "old" in warning["message"]


def test_the_warnings_of_a_row_are_limited_and_the_rest_is_counted() -> None:
    warnings = [{"column": str(n), "code": "c", "message": "m", "value": n} for n in range(13)]

    kept = limited(warnings)

    assert len(kept) == MOST_WARNINGS
    assert kept[-1]["message"] == "4 more columns of this row have warnings"
    assert limited(warnings[:MOST_WARNINGS]) == warnings[:MOST_WARNINGS]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (
            {"license__metadata": '"{""a"":1,""b"":2}"'},
            {"license__metadata": '"{""b"":2,""a"":1}"'},
            True,
        ),
        ({"license__note": "é"}, {"license__note": "e\u0301"}, True),
        ({"license__max_activations": "2"}, {"license__max_activations": "02"}, True),
        ({"license__max_activations": "2"}, {"license__max_activations": "3"}, False),
        ({"license__note": "a"}, {"license__note": "b"}, False),
        ({"customer__email": "A@x.test"}, {"customer__email": "a@x.test"}, True),
    ],
)
def test_equivalent_rows_have_equal_digests(
    one: dict[str, str], other: dict[str, str], equal: bool
) -> None:
    digests = content_digest(license_entry(**one)), content_digest(license_entry(**other))

    assert (digests[0] == digests[1]) is equal


def test_an_invalid_row_is_no_entry() -> None:
    (row,) = read_rows(f"{HEADER}\nK-1,nope\n")

    assert isinstance(row, InvalidRecord)
    assert [fault["code"] for fault in row.faults] == ["unknown_product"]
