"""Entries of rows: the features that products offer, and the ids of customers."""

from datetime import UTC, datetime

from shared.csv_format.reader import Record
from shared.row_entries import (
    CustomerEntry,
    FeatureEntry,
    Import,
    feature_faults,
    granted,
    nameless_id,
    offers,
    reference_id,
    unknown_license,
)
from tests.shared.value_import import read_rows
from tests.shared.value_shop import ValueShop

JOB = Import("acme", 7, "licenses", datetime(2026, 3, 12, tzinfo=UTC), {}, file_sha256="f")


def feature(code: str) -> FeatureEntry:
    (entry,) = read_rows(f"license_key,code,max_consumption\nK-1,{code},5\n", "license-features")
    assert isinstance(entry, FeatureEntry)
    return entry


def customer(header: str, cells: str) -> CustomerEntry:
    (entry,) = read_rows(f"{header}\n{cells}\n", "customers")
    assert isinstance(entry, CustomerEntry)
    return entry


def test_a_feature_of_a_product_is_granted_with_the_terms_of_its_row() -> None:
    product = ValueShop().products["kp"]

    assert feature_faults(feature("credits"), [product]) == []
    assert granted(feature("credits"), product).max_consumption == 5


def test_a_feature_that_no_product_has_is_a_fault_that_names_the_products() -> None:
    products = [ValueShop().products[code] for code in ("up", "cp")]

    (fault,) = feature_faults(feature("credits"), products)

    assert not any(offers(feature("credits"), product) for product in products)
    assert (fault["code"], fault["column"]) == ("unsupported_product_feature", "code")
    assert "up, cp" in fault["message"]


def test_an_unknown_license_is_a_fault_of_its_key() -> None:
    (fault,) = unknown_license(feature("credits"))

    assert (fault["code"], fault["value"]) == ("license_not_found", "K-1")


def test_a_customer_is_identified_by_email_then_by_reference() -> None:
    both = customer("email,reference", "ana@acme.example,crm-1")
    other = customer("email,reference", "ana@acme.example,crm-2")
    alone = customer("reference", "crm-1")

    assert both.customer_id == other.customer_id != alone.customer_id
    assert alone.customer_id == reference_id("acme", "crm-1")


def test_a_customer_without_both_is_identified_by_order_or_by_file_and_row() -> None:
    row, next_row = (Record(n, n + 1, [], None) for n in (1, 2))

    assert nameless_id(JOB, row, 5) == nameless_id(JOB, next_row, 5)
    assert nameless_id(JOB, row, None) != nameless_id(JOB, next_row, None)
