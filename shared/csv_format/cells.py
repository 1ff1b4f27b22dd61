"""Cells of CSV files: which are blank, and how one is kept from running in a spreadsheet."""

import re
from collections.abc import Sequence

_BLANK = re.compile(r"[^\S\r\n]+")
_RISKY = re.compile(r"(?!-[0-9]+(?:\.[0-9]+)?\Z)'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def is_blank(fields: Sequence[str]) -> bool:
    """Whether all cells are empty or white space on one line: such a record is no row."""
    if fields and fields[0] and not fields[0].isspace():
        return False
    return not any(cell and not _BLANK.fullmatch(cell) for cell in fields)


def escape_formula(cell: str) -> str:
    """A cell that a spreadsheet will show and not run; exactly undone by `unescape_formula`.

    An apostrophe goes before `= + - @`, also in full width, tab and CR; a plain negative number is
    left alone.
    """
    return f"'{cell}" if _RISKY.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The cell that `escape_formula` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell
