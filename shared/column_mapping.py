"""Mappings: which columns and values of a file become which of ours.

Rows are read through a `RowMapping`, so that a mapped file has the same result as the same file
with our columns and values. Faults name the column and the value of the file.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from shared.cell_types import NO_VALUE
from shared.columns import KINDS, Part, faults_of_row
from shared.csv_format.dialect import Dialect
from shared.csv_format.header import IGNORED, OWN_COLUMNS, is_custom, squeezed, trimmed
from shared.csv_format.reader import Record
from shared.day_order import Dates
from shared.errors import Fault, Path
from shared.header_synonyms import CUSTOM_FIELDS, CUSTOM_PREFIX
from shared.import_job import Kind
from shared.values import is_unseen

MOST_BYTES = 64 * 1024
"""Bytes of a mapping as JSON."""
ANY = "*"
"""In `values`, stands for every value that is neither named nor blank."""
_REMEMBERED = 1_000
"""Converted cells per column that are remembered."""

type MappingName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), Field(examples=["old-shop"])
]


class ColumnMapping(BaseModel, frozen=True, extra="forbid"):
    """What the columns and the values of a file mean; see `mapping_faults` for its rules."""

    kind: Annotated[
        Kind | None, Field(description="Refused for files of another kind; null for any.")
    ] = None
    columns: Annotated[
        dict[str, str | None],
        Field(
            description="By header of the file: the column, or null to leave the header out. Other"
            " headers are matched by their names. Headers are compared without case, blanks, `-`"
            " and `_`.",
            examples=[{"License Key": "license__license_key", "Notes": None}],
        ),
    ] = {}
    constants: Annotated[
        dict[str, str],
        Field(
            description="By column: the value that it has in every row.",
            examples=[{"product__short_code": "sketch"}],
        ),
    ] = {}
    values: Annotated[
        dict[str, dict[str, str]],
        Field(
            description="By column: our value for values of the file. An empty name stands for"
            " blank cells, and `*` for all other values that are not named.",
            examples=[{"license__license_type": {"lifetime": "perpetual", "*": "time-limited"}}],
        ),
    ] = {}
    dates: Annotated[
        Dates | None, Field(description="For imports that have no option `dates` of their own.")
    ] = None

    @property
    def headers(self) -> dict[str, str]:
        """The columns by squeezed header, as `matched` takes them."""
        return {squeezed(header): name or IGNORED for header, name in self.columns.items()}

    def required(self, kind: str) -> tuple[str, ...]:
        """The required columns that the file itself must have."""
        return tuple(name for name in KINDS[kind].required if name not in self.constants)

    def converts(self, column: str) -> bool:
        """Whether a column can have a value that the file's bytes do not have."""
        return column in self.constants or column in self.values


NO_MAPPING = ColumnMapping()


class PinnedMapping(NamedTuple):
    """A mapping as it is stored: its JSON text, and the SHA-256 of it."""

    content: bytes
    sha256: str


def pinned(mapping: ColumnMapping) -> PinnedMapping:
    """The stored form of a mapping; equal for equal mappings."""
    fields = mapping.model_dump(exclude_defaults=True)
    content = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return PinnedMapping(content, hashlib.sha256(content).hexdigest())


def mapping_faults(mapping: ColumnMapping, kind: str, path: Path = ()) -> list[Fault]:
    """Everything for which a mapping can't be used for a kind of file.

    `path` is its place in the request.
    """
    if mapping.kind not in (None, kind):
        message = f"is a mapping for {mapping.kind}, and the file is of {kind}"
        return [Fault.at((*path, "kind"), "invalid_value", message, mapping.kind)]
    if (size := len(pinned(mapping).content)) > MOST_BYTES:
        message = f"must be at most {MOST_BYTES} bytes as JSON, and is {size}"
        return [Fault.at(path, "invalid_value", message)]
    found = (
        *_column_faults(mapping, kind),
        *_constant_faults(mapping, kind),
        *_value_faults(mapping, kind),
    )
    return [
        Fault.at((*path, *place), "invalid_value", message, value)
        for place, message, value in found
    ]


type _Found = tuple[Path, str, object]
"""The place of a fault in the mapping, its message, and the value."""


def _column_faults(mapping: ColumnMapping, kind: str) -> Iterator[_Found]:
    headers: dict[str, str] = {}
    sources: dict[str, str] = {}
    for header, column in mapping.columns.items():
        place, name = ("columns", header), squeezed(header)
        if not name:
            yield place, "must name a header: it has only blanks, - and _", header
        elif header.strip().lower() in OWN_COLUMNS:
            yield place, "is a column of failed.csv, which no import reads", header
        elif (first := headers.setdefault(name, header)) != header:
            yield place, f"is the same header as {first!r}: name it once", header
        if column is None:
            continue
        has_fields = CUSTOM_FIELDS in KINDS[kind].columns
        if column not in KINDS[kind].columns and not (has_fields and is_custom(column)):
            yield place, _unknown(column, kind), column
        elif (first := sources.setdefault(column, header)) != header:
            yield place, f"{first!r} and {header!r} are both {column}: map one of them", column


def _constant_faults(mapping: ColumnMapping, kind: str) -> Iterator[_Found]:
    sources = {column: header for header, column in mapping.columns.items()}
    for column, value in mapping.constants.items():
        place = ("constants", column)
        if column not in KINDS[kind].columns:
            yield place, _unknown(column, kind), column
        elif column in sources:
            message = f"has a constant, and {sources[column]!r} is mapped to it: remove one of them"
            yield place, message, value
        elif is_unseen(value):
            yield place, "must not be blank: leave the column out instead", value
        elif wrong := _cell_fault(column, value, kind, mapping.dates):
            yield place, wrong, value


def _value_faults(mapping: ColumnMapping, kind: str) -> Iterator[_Found]:
    for column, values in mapping.values.items():
        if column not in KINDS[kind].columns:
            yield ("values", column), _unknown(column, kind), column
            continue
        if column in mapping.constants:
            message = "has a constant, so no value of the file is converted: remove one of them"
            yield ("values", column), message, column
        names: dict[str, str] = {}
        for name, value in values.items():
            place = ("values", column, name)
            if (first := names.setdefault(_plain(name), name)) != name:
                yield place, f"is the same value as {first!r}: name it once", name
            if not is_unseen(value) and (wrong := _cell_fault(column, value, kind, mapping.dates)):
                yield place, wrong, value


def _unknown(column: str, kind: str) -> str:
    near = get_close_matches(column.lower(), KINDS[kind].columns, n=1, cutoff=0.7)
    advice = f"did you mean {near[0]}?" if near else "see docs/columns.md"
    return f"there is no column {column} in files of {kind}; {advice}"


def _cell_fault(column: str, cell: str, kind: str, dates: Dates | None) -> str | None:
    """The message for a cell that no row could have in this column."""
    part = next(part for part in KINDS[kind].parts.values() if column in part.columns)
    if cell.strip() == NO_VALUE:
        return None
    order = dates or "iso"
    try:
        part.read({column: cell}, order)
    except ValidationError as error:
        return _message(error, part, column, order)
    return None


def _message(error: ValidationError, part: Part, column: str, dates: Dates) -> str | None:
    faults = faults_of_row(error, part, dates)
    return next((fault["message"] for fault in faults if fault["column"] == column), None)


def _plain(value: str) -> str:
    """A value for comparison: NFC, without blanks and invisible characters around it."""
    return trimmed(unicodedata.normalize("NFC", value))


class RowMapping:
    """Converts the rows of a file; `dialect` is that of the converted rows."""

    def __init__(self, mapping: ColumnMapping, dialect: Dialect, kind: str) -> None:
        constants = mapping.constants
        self._custom = [
            (index, name.removeprefix(CUSTOM_PREFIX))
            for index, name in enumerate(dialect.names)
            if is_custom(name)
        ]
        self.is_plain = not constants and not mapping.values and not self._custom
        """Whether converted rows have the same cells as those of the file."""
        self.dialect = dialect
        self._width = len(dialect.columns)
        self._constants = [*constants.values()]
        at = {name: index for index, name in enumerate(dialect.names)}
        self._conversions: Sequence[tuple[int, Callable[[str], str]]] = [
            (at[column], _conversion(values))
            for column, values in mapping.values.items()
            if column in at
        ]
        added = (*constants, *([CUSTOM_FIELDS] if self._custom else []))
        self._added = [""] * len(added)
        if added:
            self.dialect = dialect.model_copy(
                update={
                    "columns": (*dialect.columns, *added),
                    "names": (*dialect.names, *added),
                }
            )
        known = KINDS[kind].columns
        self._known = [
            index for index, name in enumerate(dialect.names) if name in known or is_custom(name)
        ]

    def record(self, record: Record) -> Record:
        """The row with our values and the constants; a row without any value stays blank."""
        if self.is_plain:
            return record
        fields = record.fields[: self._width]
        if all(is_unseen(fields[index]) for index in self._known):
            return record._replace(fields=fields + self._added)
        for index, convert in self._conversions:
            fields[index] = convert(fields[index])
        added = self._constants
        if self._custom:
            added = [*added, self._custom_fields(fields)]
        return record._replace(fields=fields + added)

    def _custom_fields(self, fields: Sequence[str]) -> str:
        """The cell of `CUSTOM_FIELDS` for the cells of a row; blank cells are no fields."""
        found = [
            {"name": name, "value": trimmed(fields[index])}
            for index, name in self._custom
            if not is_unseen(fields[index])
        ]
        return json.dumps(found, ensure_ascii=False) if found else ""


def _conversion(values: Mapping[str, str]) -> Callable[[str], str]:
    """A function from the cells of a column to our values."""
    known = {_plain(name): value for name, value in values.items() if name != ANY}
    other = values.get(ANY)

    @lru_cache(maxsize=_REMEMBERED)
    def convert(cell: str) -> str:
        name = "" if is_unseen(cell) else _plain(cell)
        return known.get(name, cell if other is None or not name else other)

    return convert


def written_fault(
    fault: Mapping[str, Any], mapping: ColumnMapping, dialect: Dialect, fields: Sequence[str]
) -> dict[str, Any]:
    """A fault with the file's spelling of its column, and the value that the file has there."""
    column = fault["column"]
    shown = {**fault, "column": written_column(column, dialect)}
    if not fields or fault["value"] is None:
        return shown
    if column in mapping.values and column in dialect.names:
        shown["value"] = fields[dialect.names.index(column)][:200]
    return shown


def written_column(column: str | None, dialect: Dialect) -> str | None:
    """The file's spelling of a column."""
    if not column or column not in dialect.names:
        return column
    return dialect.columns[dialect.names.index(column)]
