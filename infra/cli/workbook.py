"""Convert a sheet of an Excel workbook to CSV, like the console does (csv/workbook.js).

What a sheet can't say in CSV is refused: errors, formulas without results, merged cells, times. The
library reads them as empty cells.
"""

import html
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.csv_format.cells import escape_formula
from shared.errors import Refused

SUFFIXES = (".xlsx", ".xlsm", ".xls")
"""The ends of names of workbooks; the old ones are refused."""
MAX_FILE = 50 * 1024**2
"""Bytes of a workbook."""
MAX_PART = 256 * 1024**2
"""Bytes of a part of a workbook when it is unpacked."""
_MOST_NAMED = 5
_FIRST_YEAR = 1905
"""A number with the format of a time or a duration can be a date before this year."""

_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ERROR = re.compile(r'<(?:\w+:)?c\b([^>]*\bt="e"[^>]*)>')
_FORMULA = re.compile(
    r"<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    r"(<(?:\w+:)?v\b[^>]*/>|<(?:\w+:)?v\b[^>]*>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_MERGED = re.compile(r"<(?:\w+:)?mergeCell\b([^>]*)>")
_SHEET = re.compile(r"<(?:\w+:)?sheet\b([^>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b([^>]*)>")


class BadWorkbook(Refused):
    """A workbook that can't be converted, and what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_workbook", message)


def to_csv(path: Path, sheet: str | None = None) -> bytes:
    """Return a sheet as CSV in UTF-8; without a name, the first that is visible.

    Raises BadWorkbook.
    """
    if path.stat().st_size > MAX_FILE:
        raise BadWorkbook("The workbook is larger than 50 MB. Save the sheet as CSV UTF-8.")
    _refuse_compound(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                if not part.filename.startswith("xl/worksheets/"):
                    _refuse_large(part)
            sheets = _sheets(archive)
            name = sheet or next((name for name, _, visible in sheets if visible), "")
            parts = {each: part for each, part, _ in sheets}
            if name not in parts:
                if not sheet:
                    raise _unreadable()
                listed = ", ".join(each for each, _, visible in sheets if visible)
                raise BadWorkbook(f"The workbook has no sheet {name}. Its sheets: {listed}.")
            _refuse_cells(_text(archive, parts[name]))
        rows = _rows(path, name)
    except (zipfile.BadZipFile, KeyError, EOFError, RuntimeError, ValueError, OSError) as error:
        raise _unreadable() from error
    text = _written([[_cell(*each) for each in _placed(row, cells)] for row, cells in rows])
    if not text:
        raise BadWorkbook(f"The sheet {name} is empty. Choose another sheet.")
    return text.encode()


def _unreadable() -> BadWorkbook:
    return BadWorkbook(
        "The workbook can't be read: it is damaged, or not an .xlsx file. Save it again as .xlsx,"
        " or as CSV UTF-8."
    )


def _refuse_compound(path: Path) -> None:
    """Refuse the format of old workbooks, which is also that of workbooks with a password."""
    with path.open("rb") as file:
        if file.read(4) != b"\xd0\xcf\x11\xe0":
            return
    if "EncryptedPackage".encode("utf-16-le")[:-1] in path.read_bytes():
        raise BadWorkbook("The workbook has a password. Save it without one.")
    raise BadWorkbook(
        "The file is an old Excel workbook (.xls). Save it as .xlsx, or as CSV UTF-8."
    )


def _refuse_large(part: zipfile.ZipInfo) -> None:
    """Refuse what takes too much memory; no more is unpacked than the part announces."""
    if part.file_size > MAX_PART:
        raise BadWorkbook("The sheet is too large. Save it as CSV UTF-8.")


def _text(archive: zipfile.ZipFile, name: str) -> str:
    _refuse_large(archive.getinfo(name))
    return archive.read(name).decode("utf-8", "replace")


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str, bool]]:
    """The name and part of each sheet, and whether it is visible."""
    relations = map(_attributes, _RELATION.findall(_text(archive, "xl/_rels/workbook.xml.rels")))
    parts = {
        each["Id"]: each["Target"].removeprefix("/")
        if each["Target"].startswith("/")
        else f"xl/{each['Target']}"
        for each in relations
        if each.get("Type", "").endswith("/worksheet")
    }
    found = []
    for each in map(_attributes, _SHEET.findall(_text(archive, "xl/workbook.xml"))):
        id = next((value for key, value in each.items() if key.endswith(":id")), "")
        if id in parts:
            visible = each.get("state", "visible") == "visible"
            found.append((each["name"], parts[id], visible))
    return found


def _attributes(text: str) -> dict[str, str]:
    return {name: html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(text)}


def _refuse_cells(xml: str) -> None:
    """Raise BadWorkbook for cells that are no values."""
    if errors := _named(found[1] for found in _ERROR.finditer(xml)):
        raise BadWorkbook(
            f"The sheet has cells with errors, such as #REF!: {errors}. Correct them in the"
            " workbook, or clear them."
        )
    if formulas := _named(
        found[1]
        for found in _FORMULA.finditer(xml)
        if not found[2] or _attributes(found[1]).get("t") != "str"
    ):
        raise BadWorkbook(
            f"The sheet has formulas without results: {formulas}. Open the workbook in a"
            " spreadsheet program, save it, and choose it again."
        )
    if merged := _named(found[1] for found in _MERGED.finditer(xml)):
        raise BadWorkbook(
            "The sheet has merged cells, of which only the first has the value:"
            f" {merged}. Unmerge them, and fill each one."
        )


def _named(found: Iterable[str]) -> str:
    """The first cells or ranges with these attributes."""
    each = (_attributes(attributes) for attributes in found)
    named = (cell.get("r") or cell.get("ref", "") for cell in each)
    return ", ".join(name for _, name in zip(range(_MOST_NAMED), named, strict=False))


def _rows(path: Path, sheet: str) -> Iterable[tuple[int, list[Any]]]:
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415
    except ModuleNotFoundError:
        raise BadWorkbook(
            "Reading Excel workbooks needs the package python-calamine. Install it by"
            " pip install 'keywright[xlsx]', or save the sheet as CSV UTF-8."
        ) from None
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            return enumerate(workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False))
    except CalamineError as error:
        raise _unreadable() from error


def _placed(row: int, cells: Sequence[Any]) -> Iterator[tuple[int, int, Any]]:
    return ((row, at, cell) for at, cell in enumerate(cells))


def _cell(row: int, at: int, cell: Any) -> str:
    """The text of a cell. Raises BadWorkbook for a time or a duration."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return _number(cell)
    if not isinstance(cell, date | time | timedelta):
        return escape_formula(str(cell).replace("\r\n", "\n").replace("\r", "\n"))
    if not isinstance(cell, date) or cell.year < _FIRST_YEAR:
        raise BadWorkbook(
            f"The cell {_name(row, at)} is a time, a duration or a date before 1905. Enter it as"
            " text, or clear it."
        )
    if not isinstance(cell, datetime):
        return cell.isoformat()
    moment = (cell + timedelta(milliseconds=500)).replace(microsecond=0)
    return moment.isoformat().removesuffix("T00:00:00")


def _name(row: int, at: int) -> str:
    letters, left = "", at + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"


def _number(number: float) -> str:
    """All digits of a number, without an exponent."""
    text = format(Decimal(repr(number + 0)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(rows: Sequence[Sequence[str]]) -> str:
    """The rows as CSV, without the empty ones and columns at the ends."""
    used = [row for row, cells in enumerate(rows) if any(cells)]
    width = max((at + 1 for cells in rows for at, cell in enumerate(cells) if cell), default=0)
    return "".join(
        ",".join(_quoted(cells[at]) if at < len(cells) else "" for at in range(width)) + "\n"
        for cells in rows[: used[-1] + 1 if used else 0]
    )


def _quoted(cell: str) -> str:
    if any(character in cell for character in '",\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
