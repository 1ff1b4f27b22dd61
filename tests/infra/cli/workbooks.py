"""Excel workbooks of two writers, and how the console and the command convert them."""

import io
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import xlsxwriter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from infra.cli.workbook import BadWorkbook, to_csv
from infra.stamp import ROOT

type Rows = Sequence[Sequence[Any]]
type Writer = Callable[..., bytes]

CONVERT = """
import { readFileSync } from "node:fs";
import { readWorkbook } from "./functions/console/static/csv/workbook.js";
const results = [];
for (const [path, sheet] of JSON.parse(process.argv[1])) {
  try {
    const { csv } = await readWorkbook(new File([readFileSync(path)], path), sheet);
    results.push(await csv.text());
  } catch (error) {
    results.push(`${error.code}: ${error.message}`);
  }
}
console.log(JSON.stringify(results));
"""
DATE_FORMATS = (
    *("dd.mm.yyyy", "d. mmmm yyyy", "m/d/yyyy", "yyyy-mm-dd", "[$-407]dd/ mmm yy", "dddd, d.m.yy"),
    *("yyyy-mm-dd hh:mm:ss", "m/d/yy h:mm", "dd.mm.yyyy\\ hh:mm", "m/d/yyyy h:mm AM/PM"),
)
NUMBER_FORMATS = (
    *("General", "0", "0.00", "#,##0", "0%", "0.00E+00", "#,##0.00 [$EUR]", '0 "days"', "@"),
    *("[Red]0.0;[Blue]-0.0", '_-* #,##0.00\\ "€"_-', "000000", '"Nr." 0', "#.##0,00"),
)


def by_openpyxl(rows: Rows, *, mac: bool = False, **sheets: Rows) -> bytes:
    """A workbook with a sheet Table, and more sheets."""
    book = openpyxl.Workbook()
    if mac:
        book.epoch = CALENDAR_MAC_1904
    for name, of in {"Table": rows, **sheets}.items():
        sheet = book.create_sheet(name)
        for at, row in enumerate(of, 1):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(at, column, value)
                if isinstance(value, str):
                    cell.data_type = "s"  # instead of a formula or an error
    del book[book.sheetnames[0]]
    return _saved(book)


def _saved(book: Any) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def by_xlsxwriter(rows: Rows, *, mac: bool = False, seed: int = 0, **sheets: Rows) -> bytes:
    """The same; dates and numbers have formats that a seed chooses."""
    data, draw = io.BytesIO(), Random(seed)
    options = {"date_1904": mac, "remove_timezone": True, "strings_to_formulas": False}
    with xlsxwriter.Workbook(data, {**options, "strings_to_urls": False}) as book:
        for name, of in {"Table": rows, **sheets}.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(of):
                for column, value in enumerate(row):
                    if isinstance(value, date):
                        form = book.add_format({"num_format": draw.choice(DATE_FORMATS)})
                        sheet.write_datetime(at, column, value, form)
                    elif isinstance(value, int | float) and not isinstance(value, bool):
                        form = book.add_format({"num_format": draw.choice(NUMBER_FORMATS)})
                        sheet.write_number(at, column, value, form)
                    elif value is not None:
                        sheet.write(at, column, value)
    return data.getvalue()


def random_rows(draw: Random) -> Rows:
    """A table of cells of all kinds."""

    def cell() -> Any:
        match draw.randrange(9):
            case 0:
                return None
            case 1:
                return draw.choice(TEXTS)
            case 2:
                return draw.randrange(-(10**6), 10**6)
            case 3:
                return draw.random() * 10 ** draw.randrange(-9, 12)
            case 4:
                return float(draw.randrange(10**15, 10**18))
            case 5:
                return draw.random() < 0.5
            case 6:
                return date(
                    draw.randrange(1905, 2100), draw.randrange(1, 13), draw.randrange(1, 29)
                )
            case 7:
                day = datetime(draw.randrange(1905, 2100), 1, 1)  # noqa: DTZ001
                return day.replace(hour=draw.randrange(24), second=draw.randrange(60))
        return f"K-{draw.randrange(10**6):06}"

    width = draw.randrange(1, 6)
    return [[cell() for _ in range(width)] for _ in range(draw.randrange(1, 12))]


TEXTS = (
    *("Müßig", "a,b", 'say "x"', "two\nlines", " spaces ", "=1+1", "'=1+1", "-5", "-x", "@home"),
    *(
        "000123",
        "1.9E+18",
        "#REF!",
        "😀",
        "_x000D_",
        "a_x0041_b",
        "<&>",
        "\u200bhidden",
        "'",
        "5,0",
    ),
    *("tab\there", "\uff1d1", "TRUE", "31.12.2027", "\u00a0"),
)


def converted(folder: Path, books: Mapping[str, tuple[bytes, str]]) -> dict[str, tuple[str, str]]:
    """What the console and the command make of workbooks, given with the name of a sheet."""
    asked, by_command = [], []
    for number, (data, sheet) in enumerate(books.values()):
        path = folder / f"{number}.xlsx"
        path.write_bytes(data)
        asked.append((str(path), sheet))
        try:
            by_command.append(to_csv(path, sheet or None).decode())
        except BadWorkbook as refused:
            by_command.append(f"{refused.code}: {refused.message}")
    run = ["node", "--input-type=module", "--eval", CONVERT, "--", json.dumps(asked)]
    done = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True)
    by_console = [text.replace("\u2019", "'") for text in json.loads(done.stdout)]
    return dict(zip(books, zip(by_console, by_command, strict=True), strict=True))
