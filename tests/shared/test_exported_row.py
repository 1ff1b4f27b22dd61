"""Licenses as rows: importing the row gives a license with equal terms."""

from typing import Any

import pytest

from shared.cell_types import NO_VALUE
from shared.columns import LICENSE_COLUMNS
from shared.customers import Customer
from shared.exported_row import license_row
from shared.import_job import OnExisting
from shared.row_entries import LicenseEntry
from shared.terms import TERMS
from tests.shared.value_import import read_rows
from tests.shared.value_shop import ValueShop

SHOP = ValueShop()


def exported(product: str = "kp", license: Any = None, **order: Any) -> dict[str, str]:
    plan = SHOP.plan(items=[{"product_code": product, "licenses": [license or {}]}], **order)
    (lic,) = plan.licenses
    customer = plan.customer if isinstance(plan.customer, Customer) else None
    row = license_row(lic, plan.order, customer, SHOP.products[product])
    return dict(zip(LICENSE_COLUMNS, row, strict=True))


def cell(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("product", "license"),
    [
        ("kp", {}),
        ("kp", {"policy_code": "policy_A"}),
        ("kp", {"license_type": "subscription", "valid_duration": "1m", "prevent_vm": True}),
        ("kp", {"license_type": "perpetual", "is_trial": True, "trial_days": 9}),
        ("cp", {"max_consumptions": 5, "allow_overages": True, "max_overages": 2}),
        ("kp", {"metadata": {"a": [1, True, "ü"]}, "note": 'n,"q"', "max_transfers": -1}),
    ],
)
def test_an_exported_row_is_read_as_the_same_license(product: str, license: Any) -> None:
    (lic,) = SHOP.plan(items=[{"product_code": product, "licenses": [license]}]).licenses
    row = exported(product, license)

    (entry,) = read_rows(f"{','.join(row)}\n{','.join(map(cell, row.values()))}\n")

    assert isinstance(entry, LicenseEntry), entry
    names = (*TERMS, "license_type", "is_trial", "metadata", "validity_period")
    assert {name: getattr(entry.model, name) for name in names} == {
        name: getattr(lic, name) for name in names
    }
    assert (entry.key, entry.note) == (lic.license_key, lic.note)


@pytest.mark.parametrize("mode", ["keep", "update"])
@pytest.mark.parametrize("text", ["\\N", "'\\N", "''\\N", "\\n", "a\\N", "\\N\\N"])
def test_a_text_that_is_the_sign_for_no_value_stays_a_text(text: str, mode: OnExisting) -> None:
    row = exported(
        "kp",
        {"key": text, "note": text, "subscription_id": text, "metadata": {"a": text}},
        id=f"{text}-1",
        language=text,
        customer={"email": "ana@x.test", "company_name": text},
    )

    text_of_file = f"{','.join(row)}\n{','.join(map(cell, row.values()))}\n"
    (entry,) = read_rows(text_of_file, on_existing=mode)

    assert isinstance(entry, LicenseEntry), entry
    assert entry.order is not None
    assert entry.customer is not None
    read = (entry.key, entry.note, entry.subscription_id, entry.order.language)
    assert (*read, entry.customer.company_name) == (text,) * 5


def test_a_term_without_a_value_is_explicit_where_the_policy_has_one() -> None:
    shop = ValueShop()
    shop.change_policy("kp", "default", valid_duration="1y")
    license = {"license_type": "time-limited", "validity_period": "2030-12-31"}
    plan = shop.plan(
        items=[{"product_code": "kp", "licenses": [license | {"valid_duration": None}]}]
    )
    (lic,) = plan.licenses

    row = license_row(lic, plan.order, None, shop.products["kp"])

    cells = dict(zip(LICENSE_COLUMNS, row, strict=True))
    assert lic.valid_duration is None
    assert (cells["license__valid_duration"], cells["license__validity_period"]) == (
        NO_VALUE,
        "2030-12-31",
    )


def test_flags_are_words_and_what_is_absent_is_blank() -> None:
    row = exported(license={"prevent_vm": True})

    assert (row["license__prevent_vm"], row["license__is_floating"]) == ("true", "false")
    assert (row["license__note"], row["customer__email"], row["license__metadata"]) == ("", "", "")
