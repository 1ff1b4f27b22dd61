"""Dates that end in the year: how they are read, and which order a file of them suggests."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.columns import KINDS, faults_of_row
from shared.day_order import DATE_FAULTS, Dates, DayOrder, date_fault, iso_day
from shared.row_entries import InvalidRecord, LicenseEntry
from tests.shared.value_import import read_rows

HEADER = "license__license_key,product__short_code,license__validity_period\n"


@pytest.mark.parametrize(
    ("cell", "dates", "day"),
    [
        ("31.12.2027", "dmy", "2027-12-31"),
        (" 1.2.2027 ", "dmy", "2027-02-01"),
        ("01/02/2027", "mdy", "2027-01-02"),
        ("1-2-2027", "dmy", "2027-02-01"),
        ("31. 12. 2027", "dmy", "2027-12-31"),
        ("31.12.2027 23:59", "dmy", "2027-12-31"),
        ("12/31/2027 0:00", "mdy", "2027-12-31"),
        ("12/31/2027 11:59:59 PM", "mdy", "2027-12-31"),
        ("29.02.2028", "dmy", "2028-02-29"),
        ("01.01.0001", "dmy", "0001-01-01"),
    ],
)
def test_a_date_that_ends_in_its_year_is_read_in_the_requested_order(
    cell: str, dates: Dates, day: str
) -> None:
    assert iso_day(cell, dates) == day


@pytest.mark.parametrize("dates", ["iso", "dmy", "mdy"])
@pytest.mark.parametrize(
    "cell",
    [
        *("31.12.27", "31.12", "2027-12-31", "31.12/2027", "32.13.2027", "31.12.2027 25:00"),
        *("31.12.2027x", "٣١.12.2027", "30.02.2027", "0.1.2027", "00.00.0000", "", "31122027"),
    ],
)
def test_anything_else_is_not_such_a_date(cell: str, dates: Dates) -> None:
    assert iso_day(cell, dates) is None


@pytest.mark.parametrize(
    ("cell", "dates", "name"),
    [
        ("31.12.2027", "iso", "dmy"),
        ("12/31/2027", "iso", "mdy"),
        ("01.02.2027", "iso", "either"),
        ("12/31/2027", "dmy", "not_dmy"),
        ("30.02.2027", "dmy", "not_dmy"),
        ("31.12.2027", "mdy", "not_mdy"),
        ("31.31.2027", "iso", None),
        ("2027-02-30", "dmy", None),
        ("soon", "iso", None),
    ],
)
def test_a_fault_names_the_option_that_helps(cell: str, dates: Dates, name: str | None) -> None:
    assert date_fault(cell, dates) == (DATE_FAULTS[name] if name else None)


@pytest.mark.parametrize(
    ("cells", "suggested", "example"),
    [
        (["31.12.2027", "01.02.2027"], "dmy", "31.12.2027"),
        (["01/02/2027", "12/31/2027"], "mdy", "12/31/2027"),
        (["", "2027-12-31", "31.12.2027"], "dmy", "31.12.2027"),
        (["01.02.2027", "03.04.2027"], None, "01.02.2027"),
        (["31.12.2027", "12/31/2027"], None, "31.12.2027"),
        (["31.31.2027", "2027-12-31", "soon"], None, None),
        ([], None, None),
    ],
)
def test_an_order_is_suggested_if_all_dates_of_a_file_fit_only_this_one(
    cells: list[str], suggested: Dates | None, example: str | None
) -> None:
    order = DayOrder()

    for cell in cells:
        order.feed(cell)

    assert (order.suggested, order.example) == (suggested, example)


def test_a_row_is_read_in_the_order_of_its_file() -> None:
    rows = "".join(f"K-{at},kp,{cell}\n" for at, cell in enumerate(("31.12.2027", "2027-12-31")))

    found = read_rows(HEADER + rows, dates="dmy")

    assert [str(row.model.validity_period) for row in found if isinstance(row, LicenseEntry)] == [
        "2027-12-31",
        "2027-12-31",
    ]


def test_a_row_of_another_order_shows_its_cell_as_it_is_written() -> None:
    (row,) = read_rows(f"{HEADER}K-1,kp,12/31/2027\n", dates="dmy")

    assert isinstance(row, InvalidRecord)
    assert [(fault["value"], fault["message"]) for fault in row.faults] == [
        ("12/31/2027", DATE_FAULTS["not_dmy"])
    ]


def test_no_other_cell_of_a_row_is_changed() -> None:
    part = KINDS["license-features"].parts["feature"]
    cells = {"license_key": "31.12.2027", "code": "1.2.2027", "expiry_date": "31.12.2027"}

    row: Any = part.read(cells, "dmy")

    assert (row.license_key, row.code) == ("31.12.2027", "1.2.2027")
    assert str(row.expiry_date) == "2027-12-31"
    with pytest.raises(ValidationError) as caught:
        part.read(cells)
    assert [fault["column"] for fault in faults_of_row(caught.value, part)] == ["expiry_date"]
