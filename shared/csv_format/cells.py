"""Cells of CSV files: blank cells, and escaping against formula injection."""

import re
from collections.abc import Sequence

_BLANK = re.compile(r"[^\S\r\n]+")
_RISKY = re.compile(r"(?!-[0-9]+(?:\.[0-9]+)?\Z)'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def is_blank(fields: Sequence[str]) -> bool:
    """Whether all cells of a record are empty or white space on one line: it is not a row."""
    if fields and fields[0] and not fields[0].isspace():
        return False
    return not any(cell and not _BLANK.fullmatch(cell) for cell in fields)


def escape_formula(cell: str) -> str:
    """Escape a cell that a spreadsheet would evaluate as a formula; see `unescape_formula`.

    An apostrophe is put before `= + - @` (also in full width), tab and CR. Plain negative numbers
    are not changed.
    """
    return f"'{cell}" if _RISKY.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`."""
    return cell[1:] if _ESCAPED.match(cell) else cell
