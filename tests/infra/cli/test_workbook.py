"""Workbooks become the same CSV in the console and by the command, or the same refusal."""

import io
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from infra.cli import workbook
from infra.cli.workbook import BadWorkbook, to_csv
from tests.infra.cli import corpus
from tests.infra.cli.workbooks import Writer, by_openpyxl, by_xlsxwriter, converted, random_rows

WRITERS: dict[str, Writer] = {"openpyxl": by_openpyxl, "XlsxWriter": by_xlsxwriter}
MOMENT = datetime(2027, 12, 31, 23, 59, 59)  # noqa: DTZ001
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def both(folder: Path, data: bytes, sheet: str = "") -> str:
    """What both make of a workbook."""
    (one, other) = converted(folder, {"": (data, sheet)})[""]
    assert one == other
    return one


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("mac", [False, True], ids=["1900", "1904"])
def test_cells_are_written_as_values(tmp_path: Path, write: Writer, mac: bool) -> None:
    rows = [
        ["key", "count", "share", "day", "moment", "flag", "note"],
        ["000123", 5, 0.25, date(2027, 12, 31), MOMENT, True, 'Müßig, "x"\ny'],
        ["K-2", 5.0, 1e-7, date(1905, 1, 1), datetime(2027, 1, 1), False, "=1+1"],  # noqa: DTZ001
        ["K-3", 123456789012345000, None, None, None, None, "-5"],
        [None, None],
        ["K-4"],
    ]

    assert both(tmp_path, write(rows, mac=mac)) == (
        "key,count,share,day,moment,flag,note\n"
        '000123,5,0.25,2027-12-31,2027-12-31T23:59:59,true,"Müßig, ""x""\ny"\n'
        "K-2,5,0.0000001,1905-01-01,2027-01-01,false,'=1+1\n"
        "K-3,123456789012345000,,,,,-5\n"
        ",,,,,,\n"
        "K-4,,,,,,\n"
    )


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_sheet_can_be_chosen_and_the_first_visible_one_is_the_default(
    tmp_path: Path, write: Writer
) -> None:
    data = write([["a"]], **{"Kunden & <Co>": [["b"]]})

    assert both(tmp_path, data) == "a\n"
    assert both(tmp_path, data, "Kunden & <Co>") == "b\n"
    with pytest.raises(BadWorkbook, match=r"no sheet C\. Its sheets: Table, Kunden & <Co>"):
        to_csv(tmp_path / "0.xlsx", "C")


def test_a_hidden_sheet_is_not_the_default(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(by_openpyxl([["a"]], Second=[["b"]])))
    book["Table"].sheet_state = "hidden"

    assert both(tmp_path, saved(book)) == "b\n"


def saved(book: Any) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def with_cell(value: Any, **about: Any) -> bytes:
    """A workbook of openpyxl with this in B2."""
    book = openpyxl.load_workbook(io.BytesIO(by_openpyxl([["a", "b"], ["c", "d"]])))
    book["Table"]["B2"] = value
    for name, setting in about.items():
        setattr(book["Table"]["B2"], name, setting)
    return saved(book)


def formula_of_xlsxwriter(value: Any) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet("Table")
        sheet.write_formula(0, 0, "=1+1", None, value)
    return data.getvalue()


def merged() -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(by_openpyxl([["a"], ["b"], [None]])))
    book["Table"].merge_cells("A2:A3")
    return saved(book)


def rezipped(data: bytes, **changed: bytes | None) -> bytes:
    """A workbook with other parts; None removes a part."""
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            part = changed.get(Path(name).stem, old.read(name))
            if part is not None:
                archive.writestr(name, part)
    return new.getvalue()


TABLE = by_openpyxl([["a"]])
REFUSED = {
    "an error of openpyxl": (with_cell("#REF!"), "cells with errors, such as #REF!: B2"),
    "an error of XlsxWriter": (formula_of_xlsxwriter("#N/A"), "errors, such as #REF!: A1"),
    "a formula without a result": (with_cell("=1+1"), "formulas without results: B2"),
    "merged cells": (merged(), "only the first has the value: A2:A3"),
    "a time": (with_cell(time(8, 30)), "The cell B2 is a time"),
    "a duration": (with_cell(timedelta(hours=36)), "The cell B2 is a time, a duration"),
    "a date before 1905": (with_cell(date(1903, 1, 1)), "or a date before 1905"),
    "an old workbook": (OLD, "is an old Excel workbook"),
    "a password": (OLD + "EncryptedPackage".encode("utf-16-le"), "has a password"),
    "half a file": (TABLE[: len(TABLE) // 2], "can't be read"),
    "no file": (b"", "can't be read"),
    "no ZIP file": (b"key,name\n", "can't be read"),
    "no workbook": (rezipped(TABLE, workbook=None), "can't be read"),
    "no sheet": (rezipped(TABLE, sheet1=None), "can't be read"),
    "a broken sheet": (rezipped(TABLE, sheet1=b"<worksheet><sheetData><row>"), "The "),
    "an empty sheet": (by_openpyxl([]), "The sheet Table is empty"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_csv_can_not_say_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    refusal = both(tmp_path, data)

    assert refusal.startswith("bad_workbook: ")
    assert message in refusal


def test_a_formula_has_the_result_of_its_last_calculation(tmp_path: Path) -> None:
    assert both(tmp_path, formula_of_xlsxwriter(2)) == "2\n"
    assert both(tmp_path, formula_of_xlsxwriter("text")) == "text\n"


def test_a_part_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(TABLE)

    monkeypatch.setattr(workbook, "MAX_PART", 2000)
    with pytest.raises(BadWorkbook, match="too large"):
        to_csv(path)
    monkeypatch.setattr(workbook, "MAX_FILE", 100)
    with pytest.raises(BadWorkbook, match="larger than 50 MB"):
        to_csv(path)


def test_a_missing_library_is_named_with_the_way_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(TABLE)
    monkeypatch.setitem(sys.modules, "python_calamine", None)

    with pytest.raises(BadWorkbook, match=r"pip install 'keywright\[xlsx\]'"):
        to_csv(path)


@pytest.mark.parametrize("seed", range(3))
def test_random_workbooks_are_converted_equally(tmp_path: Path, seed: int) -> None:
    draw = Random(seed)
    books = {
        f"{name} {number}": (write(random_rows(draw), mac=number % 2 == 1), "")
        for number in range(100)
        for name, write in WRITERS.items()
    }

    found = converted(tmp_path, books)

    assert {name: results for name, results in found.items() if results[0] != results[1]} == {}
    assert not [text for text, _ in found.values() if text.startswith("bad_workbook: The cell")]
    assert sum(text.startswith("bad_workbook") for text, _ in found.values()) < len(books) / 10


CELLS = (
    "key,count,day,moment,flag,note\n"
    '000123,5,2027-12-31,2027-12-31T08:05:00,true,"Müßig, ""x""\ny"\n'
    ",,,,,\n"
    "K-3,123456789012345,,,false,'=1+1\n"
)
SAVED_BY_LIBREOFFICE = {
    "cells": CELLS,
    "cells-1904": CELLS,
    "error": "cells with errors, such as #REF!: B2",
    "formats": "key,share,price,until\n000123,0.25,1234.5,2027-12-31\n",
    "formulas": "key,days,until,flag\nK-1,6,2027-12-31,true\n",
    "from-csv": "key,count,until,note\n000123,5,2027-12-31,Müßig\nK-2,,,\n",
    "hidden": "b\n",
    "merged": "only the first has the value: A2:A3",
    "time": "The cell A2 is a time",
}


def test_workbooks_of_libreoffice_become_the_same_csv(tmp_path: Path) -> None:
    saved = {path.stem: path.read_bytes() for path in corpus.FOLDER.glob("*.xlsx")}

    results = converted(tmp_path, {name: (data, "") for name, data in saved.items()})

    assert set(results) == set(corpus.BOOKS) == set(SAVED_BY_LIBREOFFICE)
    for name, expected in SAVED_BY_LIBREOFFICE.items():
        by_console, by_command = results[name]
        assert by_console == by_command, name
        assert expected in by_console if by_console.startswith("bad_") else by_console == expected
