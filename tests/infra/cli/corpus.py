"""Workbooks as LibreOffice saves them, which are kept in the folder libreoffice.

    python -m tests.infra.cli.corpus    # needs soffice; writes them again

Each is made by openpyxl or is a CSV file. LibreOffice opens and saves it, and writes formats,
formulas and their results in its own way.
"""

import io
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl

from tests.infra.cli.workbooks import Rows, by_openpyxl

FOLDER = Path(__file__).with_name("libreoffice")
MOMENT = datetime(2027, 12, 31, 8, 5)  # noqa: DTZ001


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    """A workbook of openpyxl, after a change of its sheet Table."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    change(book["Table"])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def with_formulas(sheet: Any) -> None:
    sheet["A2"], sheet["B2"], sheet["C2"] = '="K-"&1', "=2*3", "=DATE(2027,12,31)"
    sheet["C2"].number_format = "dd.mm.yyyy"
    sheet["D2"] = "=TRUE()"


def with_formats(sheet: Any) -> None:
    sheet["A2"].number_format = "@"
    for cell, form in (("B2", "0%"), ("C2", '#,##0.00 "€"'), ("D2", "d. mmmm yyyy")):
        sheet[cell].number_format = form


def merge(sheet: Any) -> None:
    sheet.merge_cells("A2:A3")


def hide(sheet: Any) -> None:
    sheet.sheet_state = "hidden"


KEYS: Rows = [["key", "days", "until", "flag"], [None] * 4]
FORMATS: Rows = [["key", "share", "price", "until"], ["000123", 0.25, 1234.5, date(2027, 12, 31)]]
CELLS: Rows = [
    ["key", "count", "day", "moment", "flag", "note"],
    ["000123", 5, date(2027, 12, 31), MOMENT, True, 'Müßig, "x"\ny'],
    [None] * 6,
    ["K-3", 123456789012345, None, None, False, "=1+1"],
]
CSV = "key;count;until;note\n000123;5;2027-12-31;Müßig\nK-2;;;\n"
HIDDEN: Any = {"Kunden & <Co>": [["b"]]}
BOOKS: dict[str, tuple[str, bytes]] = {
    "cells": ("xlsx", by_openpyxl(CELLS)),
    "cells-1904": ("xlsx", by_openpyxl(CELLS, mac=True)),
    "formulas": ("xlsx", changed(by_openpyxl(KEYS), with_formulas)),
    "formats": ("xlsx", changed(by_openpyxl(FORMATS), with_formats)),
    "hidden": ("xlsx", changed(by_openpyxl([["a"]], **HIDDEN), hide)),
    "error": ("xlsx", changed(by_openpyxl(KEYS), lambda sheet: sheet.__setitem__("B2", "=1/0"))),
    "merged": ("xlsx", changed(by_openpyxl([["a"], ["b"], [None]]), merge)),
    "time": ("xlsx", by_openpyxl([["a"], [time(8, 30)]])),
    "from-csv": ("csv", CSV.encode()),
}
"""The sources by name, each with the end of its name."""


def write() -> None:
    """Have LibreOffice open and save each source."""
    FOLDER.mkdir(exist_ok=True)
    filters = ["--infilter=CSV:59,34,76,1,1/2/2/1/3/5/4/1,1033"]  # ; and UTF-8; keys are text
    for name, (suffix, data) in BOOKS.items():
        with TemporaryDirectory() as folder:
            source, out = Path(folder, f"{name}.{suffix}"), Path(folder, "out")
            source.write_bytes(data)
            command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless"]
            more = filters if suffix == "csv" else []
            command += [*more, "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out)]
            subprocess.run([*command, str(source)], check=True, stdout=sys.stderr)
            (FOLDER / f"{name}.xlsx").write_bytes((out / f"{name}.xlsx").read_bytes())


if __name__ == "__main__":
    write()
