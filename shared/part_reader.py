"""Read the cells of a file's rows: the models of their parts, and what is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from shared.cell_patterns import RowPattern
from shared.cell_types import NO_VALUE, unescape_no_value
from shared.columns import CLEARABLE, KINDS, Part, faults_of_row
from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record, is_in_quotes, suspected_damage
from shared.row_entries import Faults, Import, Warnings, fault_of

ROW_FAULTS = {
    "extra_fields": "the row has more cells than the header; check its delimiters and quotes",
    "stray_quote": "there is text or a blank outside the quotes of a cell; remove it, or double"
    " the quotes inside the cell",
    "blank_row": "no column that is imported has a value; fill one, or remove the row",
}
_NOT_CLEARED = (
    f"can't be cleared by {NO_VALUE}: enter a value, or leave the cell blank to keep the"
    " record's value"
)
# Results are cached for rows with equal cells; the cache is cleared at this size.
_REMEMBERED, _REMEMBERED_TERMS = 1_000, 5_000
_IDENTIFIERS = {"license_key", "subscription_id", "store_id", "reference"}


class PartReader:
    """Reads rows by the columns of the file; `part` caches the results of equal cells."""

    def __init__(self, job: Import, dialect: Dialect) -> None:
        self.job, self.kind = job, KINDS[job.kind]
        self.headers = dialect.names
        self.where = {
            name: [(at, header) for at, header in enumerate(self.headers) if header in part.columns]
            for name, part in self.kind.parts.items()
        }
        self.cells = {name: cells_at([at for at, _ in where]) for name, where in self.where.items()}
        self._known: dict[str, dict[tuple[str, ...], Any]] = {name: {} for name in self.where}
        self._patterns: dict[str, RowPattern] = {
            name: RowPattern(self.kind.parts[name], [header for _, header in self.where[name]])
            for name in ("order", "customer")
            if name in self.where
        }
        self._suspect: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}

    def part(
        self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any] = lambda row: row
    ) -> Any:
        """The result of `make` for the model of a part's cells, or the list of its faults."""
        known = self._known[name]
        if (meant := known.get(cells)) is None:
            meant = self.read_part(name, cells, make)
            if len(known) >= (_REMEMBERED_TERMS if name == "terms" else _REMEMBERED):
                known.clear()
            known[cells] = meant
        return meant

    def read_part(self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any]) -> Any:
        part, pattern = self.kind.parts[name], self._patterns.get(name)
        has_no_value = NO_VALUE in "".join(cells)
        if pattern is not None and not has_no_value and (row := pattern.read(cells)) is not None:
            return make(row)
        given = {header: cell for (_, header), cell in zip(self.where[name], cells, strict=True)}
        cleared, faults = self._cleared(name, given) if self.job.updates else ({}, [])
        if has_no_value:
            given = {header: unescape_no_value(cell) for header, cell in given.items()}
        try:
            row = part.read(given, self.job.dates)
            if faults:
                return faults
            meant = make(row.model_copy(update=cleared) if cleared else row)
        except ValidationError as error:
            named = {fault["column"] for fault in faults}
            found = faults_of_row(error, part, self.job.dates)
            return [*faults, *(each for each in found if each["column"] not in named)]
        if name != "terms" and (suspect := _suspect_cells(part, given)):
            self._suspect[name, cells] = suspect
        return meant

    def _cleared(self, name: str, given: dict[str, str]) -> tuple[dict[str, None], Faults]:
        """The fields that cells clear, and the faults of those that can't be cleared.

        These cells become blank in `given`.
        """
        columns, clearable = self.kind.parts[name].columns, CLEARABLE[self.job.kind][name]
        cleared: dict[str, None] = {}
        faults: Faults = []
        for header, cell in given.items():
            if cell.strip() != NO_VALUE:
                continue
            field = columns[header]
            given[header] = ""
            if field in clearable:
                cleared[field] = None
            else:
                faults.append(fault_of(header, field, "required", _NOT_CLEARED, cell))
        return cleared, faults

    def warnings(self, fields: Sequence[str]) -> Warnings:
        """The warnings of the row that was just read; most files have none."""
        if not self._suspect:
            return ()
        found = [
            warning
            for name in self.where
            for warning in self._suspect.get((name, self.cells[name](fields)), ())
        ]
        if len(self._suspect) >= _REMEMBERED:
            self._suspect.clear()
            self.forget()
        return found

    def forget(self) -> None:
        """Read cells again that are remembered."""
        for known in self._known.values():
            known.clear()


def cells_at(places: list[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """A function that returns these cells of a row; `itemgetter` makes no tuple of one cell."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda fields: tuple([fields[at] for at in places])


def row_fault(record: Record) -> Faults:
    code = record.fault or ""
    return [fault_of("", "", code, ROW_FAULTS[code], None)]


def _suspect_cells(part: Part, cells: Mapping[str, str]) -> list[dict[str, Any]]:
    """The warnings about cells that are valid but may not be what the author of the file meant."""
    quoted = [
        {
            "column": column,
            "code": "quotes_in_value",
            "message": "is imported with the quotes around it; if they are not part of the value,"
            " remove them",
            "value": cell[:200],
        }
        for column, cell in cells.items()
        if part.columns[column] in _IDENTIFIERS and is_in_quotes(cell)
    ]
    return quoted + [
        {
            "column": column,
            "code": "looks_like_spreadsheet_damage",
            "message": f"may have been changed by a spreadsheet ({damage.replace('_', ' ')}): it is"
            " imported as it is, compare it with its source",
            "value": cell[:200],
        }
        for column, cell in cells.items()
        if (damage := suspected_damage(cell))
    ]
