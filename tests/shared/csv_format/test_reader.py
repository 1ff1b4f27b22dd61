"""Rows of a planned file: lines, faults, spreadsheet damage, and failed.csv."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csv_format.dialect import detect
from shared.csv_format.header import REPORT_COLUMNS
from shared.csv_format.planner import plan
from shared.csv_format.reader import (
    Record,
    failed_row,
    report_header,
    spreadsheet_damage,
    suspected_damage,
)
from tests.shared.csv_format.whole_file import read, rows_of

HEADER = "key,name,note\n"


def test_blank_lines_and_rows_of_delimiters_are_no_rows_but_lines() -> None:
    rows = read("\n,,\n" + HEADER + '\n1,a,b\r\n,,,,,\n"", ,\r\r2\n   \n')

    assert [(r.row, r.line, r.fields) for r in rows] == [
        (1, 5, ["1", "a", "b"]),
        (2, 9, ["2", "", ""]),
    ]


def test_surplus_cells_are_a_fault_unless_they_are_blank() -> None:
    rows = read(HEADER + "1,a,b,c\n2,a,b,,\n3\n")

    assert [(r.fields, r.fault) for r in rows] == [
        (["1", "a", "b", "c"], "extra_fields"),
        (["2", "a", "b"], None),
        (["3", "", ""], None),
    ]


def test_text_after_a_closing_quote_is_a_fault_of_its_row_alone() -> None:
    rows = read(HEADER + '1,"5" nail",x\n2,5" nail,x\n3,"5"" nail",x\n')

    assert [(r.line, r.fields[1], r.fault) for r in rows] == [
        (2, '5 nail"', "stray_quote"),
        (3, '5" nail', None),
        (4, '5" nail', None),
    ]


def test_only_lf_and_cr_end_a_line() -> None:
    rows = read(HEADER + "1,a\u2028b\x0b\x0c\x1c\x85c,\n2\n")

    assert [(r.line, r.fields[1]) for r in rows] == [(2, "a\u2028b\x0b\x0c\x1c\x85c"), (3, "")]


def test_cells_under_a_header_without_a_name_are_ignored() -> None:
    (row,) = read("key,,name,\nk,lost,n,called twice\n")

    assert (row.fields, row.fault) == (["k", "lost", "n", "called twice"], None)


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1))
def test_failed_rows_are_read_back_as_they_were(cells: list[str]) -> None:
    dialect = detect(b"key;name;note;_Row\r\n1\r\n")
    record = Record(7, 9, ["=k", *cells, "", ""], None)

    data = report_header(dialect) + failed_row(dialect, record, ["bad", "worse"], ["a;b", 'c"d'])

    planned = plan([data], encoding="windows-1252")
    again = rows_of(data, planned)[0]
    assert planned.dialect.columns == ("key", "name", "note", *REPORT_COLUMNS)
    assert planned.dialect.line_end == "CRLF"
    assert again.fields[:6] == [*record.fields[:3], "7", "bad worse", 'a;b c"d']
    surplus = record.fields[4:]
    assert again.fields[6:] == (surplus if again.fault else [])


@pytest.mark.parametrize(
    ("cell", "damage"),
    [
        ("1.9E+18", "scientific_number"),
        ("1,23457E+15", "scientific_number"),
        ("########", "column_too_narrow"),
        ("#REF!", "formula_error"),
        ("#N/A", "formula_error"),
        ("#NAME?", "formula_error"),
        ("#BEZUG!", "formula_error"),
        ("#NV", "formula_error"),
        ("Err:502", "formula_error"),
        ("ABCD-1E5-23", None),
        ("4000123412341230", None),
        ("#1", None),
        ("", None),
    ],
)
def test_spreadsheet_damage_is_recognized(cell: str, damage: str | None) -> None:
    assert spreadsheet_damage(cell) == damage


@pytest.mark.parametrize(
    ("cell", "damage"),
    [
        ("482913374650128000", "lost_digits"),
        (" 1900000000000000000", "lost_digits"),
        ("#VIP!", "formula_error"),
        ("#ÜBER?", "formula_error"),
        ("4000123412341230", None),
        ("482913374650128001", None),
        ("#nofilter", None),
        ("#1!", None),
        ("#A", None),
    ],
)
def test_what_may_be_damage_is_only_suspected(cell: str, damage: str | None) -> None:
    assert suspected_damage(cell) == damage
    assert spreadsheet_damage(cell) is None
