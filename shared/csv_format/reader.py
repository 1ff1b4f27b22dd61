"""Read the records of a chunk, and write failed rows as CSV again."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from shared.csv_format.cells import escape_formula, is_blank, unescape_formula
from shared.csv_format.dialect import Dialect
from shared.csv_format.encoding import Encoding
from shared.csv_format.header import REPORT_COLUMNS
from shared.values import FORMAT

type RecordFault = Literal["extra_fields", "stray_quote"]

_BLANK_AND_QUOTE = re.compile(rf'(?:{FORMAT.pattern}|\s)"')
_LATE_QUOTE = re.compile(rf'(?:{FORMAT.pattern}|\s)+"')
"""Blanks or invisible characters before a quote; a file that was joined of two has marks inside."""
_UNNEST = str.maketrans({'"': '""'})

_ERRORS = "|".join(
    (
        *("REF", "VALUE", "NAME", "NUM", "NULL", "DIV/0", "SPILL", "CALC", "FIELD", "BLOCKED"),
        *("CONNECT", "UNKNOWN", "BUSY", "EXTERNAL", "PYTHON", "TIMEOUT"),
        *("BEZUG", "WERT", "ZAHL", "ÜBERLAUF"),  # German
        *("VALEUR", "NOM", "NOMBRE", "NUL", "PROPAGATION"),  # French
        *("VALOR", "NULO", "DESBORDAMIENTO", "NOME", "NÚM"),  # Spanish, Portuguese
        *("RIF", "VALORE", "NULLO"),  # Italian
        *("VERW", "WAARDE", "NAAM", "DEEL/0", "GETAL", "LEEG"),  # Dutch
        *("ADR", "ARG", "NAZWA", "DZIEL/0", "LICZBA", "ZERO"),  # Polish
        *(
            "REFERENS",
            "VÄRDEFEL",
            "NAMN",
            "DIVISION/0",
            "OGILTIGT",
            "SKÄRNING",
            "SAKNAS",
        ),  # Swedish
    )
)
"""Spreadsheet error values, between `#` and `!` or `?`."""
DAMAGE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{2,3}"), "scientific_number"),
    (re.compile(r"#{3,}"), "column_too_narrow"),
    (
        re.compile(rf"#[¡¿]?(?:{_ERRORS})[!?]|#(?:N/[ABD]|NV|GETTING_DATA)|Err:[0-9]{{3}}"),
        "formula_error",
    ),
)
SUSPECT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[1-9][0-9]{14}0{3,}"), "lost_digits"),
    (re.compile(r"#[¡¿]?[^\W\da-z_][^\Wa-z_]{1,14}[!?]"), "formula_error"),
)
"""Possible damage: a correct number can end in zeros, and a company can be called `#VIP!`."""
QUOTES = "'\"`\u00b4\u2018-\u201f\u00ab\u00bb\u2039\u203a"
_IN_QUOTES = re.compile(rf"\s*[{QUOTES}].*[{QUOTES}]\s*", re.DOTALL)
MAYBE_DAMAGED = re.compile(r"\s*(?:#|Err:|[1-9][0-9]{14}000|[+-]?[0-9](?:[.,][0-9]+)?[Ee]\+)")
"""The start of all damaged cells; most cells are ruled out by this pattern alone."""


class Record(NamedTuple):
    """A row: its number among the data rows, and the physical line of its start, both from 1.

    `fields` has at least one cell per header: short rows are padded with blank cells. The fault
    `extra_fields` means that the row has more cells than headers. `stray_quote` means text after a
    closing quote, or a space before an opening quote; the cells are then read leniently. Rows with
    a fault can't be imported.
    """

    row: int
    line: int
    fields: list[str]
    fault: RecordFault | None


def records(data: bytes, dialect: Dialect, *, first_row: int, first_line: int) -> Iterator[Record]:
    """Iterate over the rows of a chunk in order.

    Cells that were escaped against formula injection are unescaped and not changed otherwise.
    `first_row` and `first_line` are the numbers of the first row and of the first physical line.
    """
    width, delimiter = len(dialect.columns), dialect.delimiter
    unescaping = _may_be_escaped(data)
    lines = iter(_lines(data, dialect.encoding))
    row, line = first_row, first_line
    for text in lines:
        start = line
        fault: RecordFault | None = None
        if '"' not in text:
            fields, line = text.rstrip("\r\n").split(delimiter), line + 1
        else:
            kept = [text]
            fields, fault = _quoted(kept, lines, delimiter)
            line += len(kept)
            if fault is None and _is_spaced(fields, kept):
                fault = "stray_quote"
        if fault is None and (not fields[0] or fields[0].isspace()) and is_blank(fields):
            continue
        if len(fields) < width:
            fields += [""] * (width - len(fields))
        elif len(fields) > width:
            if fault is None and not is_blank(fields[width:]):
                fault = "extra_fields"
            elif fault is None:
                del fields[width:]
        if unescaping:
            fields = [unescape_formula(cell) for cell in fields]
        yield Record(row, start, fields, fault)
        row += 1


def spreadsheet_damage(cell: str) -> str | None:
    """The certain kind of damage by a spreadsheet that a cell shows, or None.

    `scientific_number` (`1.9E+18`), `column_too_narrow` (`########`) or `formula_error` (`#REF!` in
    any language, `Err:502`).
    """
    return _matching(DAMAGE, cell)


def suspected_damage(cell: str) -> str | None:
    """The possible kind of damage by a spreadsheet that a cell shows, or None.

    `lost_digits` (18 digits or more, zeros after the 15th) or `formula_error` (`#VIP!`).
    """
    return _matching(SUSPECT, cell)


def is_in_quotes(cell: str) -> bool:
    """Whether a cell, after CSV's own quotes are removed, begins and ends with quotes."""
    return _IN_QUOTES.fullmatch(cell) is not None


def _matching(patterns: Iterable[tuple[re.Pattern[str], str]], cell: str) -> str | None:
    if not MAYBE_DAMAGED.match(cell):
        return None
    return next((name for pattern, name in patterns if pattern.fullmatch(cell.strip())), None)


def report_header(dialect: Dialect, added: Sequence[str] = REPORT_COLUMNS) -> bytes:
    """The start of `failed.csv` or `results.csv`: byte order mark, original headers, `added`.

    The file is always UTF-8 with a byte order mark, which overrides any requested encoding.
    """
    columns = [dialect.columns[i] for i in dialect.original]
    return codecs.BOM_UTF8 + _written(dialect, [*columns, *added])


def failed_row(
    dialect: Dialect, record: Record, codes: Iterable[str], messages: Iterable[str]
) -> bytes:
    """A line of `failed.csv`: the cells in their order, the row number, codes and messages."""
    return report_row(dialect, record, (str(record.row), " ".join(codes), " ".join(messages)))


def report_row(dialect: Dialect, record: Record, added: Iterable[str]) -> bytes:
    """A line of `failed.csv` or `results.csv`: the cells in their order, and `added`.

    Extra cells follow at the end, so that no data is lost and the row stays invalid until it is
    corrected.
    """
    cells = [record.fields[i] for i in dialect.original]
    return _written(dialect, [*cells, *added, *record.fields[len(dialect.columns) :]])


def _lines(data: bytes, encoding: Encoding) -> Iterable[str]:
    """Physical lines with their line ends, split only at LF, CRLF and CR."""
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


def _quoted(
    kept: list[str], lines: Iterator[str], delimiter: str
) -> tuple[list[str], RecordFault | None]:
    """Read the record that begins with the line in `kept`, which then has all of its lines.

    If the record is malformed, its lines are read again leniently.
    """
    try:
        strict = csv.reader(_keeping(kept, lines), delimiter=delimiter, strict=True)
        return next(strict), None
    except csv.Error:
        return next(csv.reader(_keeping(kept, lines), delimiter=delimiter)), "stray_quote"


def _keeping(kept: list[str], lines: Iterator[str]) -> Iterator[str]:
    """Iterate over the lines in `kept` and the following ones, which are appended to it."""
    yield from tuple(kept)
    for line in lines:
        kept.append(line)
        yield line


def _may_be_escaped(data: bytes) -> bool:
    """Whether any cell can be escaped."""
    if b"\0" in data:  # UTF-16
        return b"'" in data
    return re.search(rb"'(?:[=+\-@\t\r]|\xef\xbc)", data) is not None


def _is_spaced(fields: Iterable[str], lines: list[str]) -> bool:
    """Whether a cell has a space before its opening quote, which makes the quote a character.

    The content of a properly quoted cell can begin with the same characters.
    """
    if not any(map(_BLANK_AND_QUOTE.search, lines)):
        return False
    found = [cell for cell in fields if cell[:1] != '"' and _LATE_QUOTE.match(cell)]
    raw = "".join(lines) if found else ""
    return any(f'"{cell.translate(_UNNEST)}"' not in raw for cell in found)


def _written(dialect: Dialect, cells: Iterable[str]) -> bytes:
    out = io.StringIO(newline="")
    end = "\n" if dialect.line_end == "LF" else "\r\n"
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator=end)
    writer.writerow([escape_formula(cell) for cell in cells])
    return out.getvalue().encode()
