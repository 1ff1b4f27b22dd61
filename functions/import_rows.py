"""Pages of an import's rows, read from the reports of its batches: results, faults, warnings."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from functions.import_views import cut_text, fitting
from functions.web.response_size import PAGE_BYTES, sent_bytes
from shared.contract.imports import (
    FailedRow,
    FieldChange,
    InvalidRow,
    KeptRow,
    ResultRow,
    RowWarning,
    WarnedRow,
)
from shared.import_counts import BatchResult, has_outcomes
from shared.import_job import ImportJob
from shared.import_undo import MESSAGES
from shared.row_results import RowOutcome, RowResult, RowResults
from shared.store.uploads import get_result

type ListedOutcome = RowOutcome | Literal["warning"]
type AnyRow = WarnedRow | FailedRow | KeptRow | ResultRow

START = "0.0"
PLACES = re.compile(r"[0-9]{1,10}\.[0-9]{1,9}")
"""A position: the first row of a batch, and the number of reported rows before the position."""
_READ_AT_ONCE = 4
_MOST_REPORTS = 15
"""Reports read per page, not counting the next page's first one; a page can be shorter."""
_REPORTED: Mapping[str, str] = {"warning": "warnings", "failed": "invalid"}


class _Row(Protocol):
    def model_dump_json(self) -> str: ...


class _Listing[R](NamedTuple):
    """Rows of one kind: how many a batch has, which report has them, and how a page shows them."""

    count: Callable[[BatchResult], int]
    report: Callable[[BatchResult], str | None]
    rows: Callable[[BatchResult, bytes], list[Any]]
    fit: Callable[[list[Any], int, bool], list[R]]


def errors_page(
    job: ImportJob, results: Iterable[BatchResult], place: str, *, most: int
) -> tuple[list[InvalidRow], str | None]:
    """At most `most` invalid rows with their cells, and the position of the next page."""
    return _page(job, results, place, most, _details(job, "failed", _fitting_invalid))


def rows_page(
    job: ImportJob,
    results: Iterable[BatchResult],
    place: str,
    *,
    outcome: ListedOutcome | None,
    most: int,
) -> tuple[list[AnyRow], str | None]:
    """At most `most` rows with an outcome, or of all, and the position of the next page."""
    if outcome in ("warning", "failed"):
        return _page(job, results, place, most, _details(job, outcome, _fitting))
    count = partial(count_of, job, outcome=outcome)
    if outcome == "kept":

        def kept(_: BatchResult, stored: bytes) -> list[AnyRow]:
            return [*_kept(RowResults.read(stored))]

        of_undo = _Listing[AnyRow](count, lambda result: result.row_report, kept, _that_fit)
        return _page(job, results, place, most, of_undo)

    def rows(result: BatchResult, stored: bytes) -> list[RowResult]:
        wanted = outcome if has_outcomes(job, result) else "failed"
        return [each for each in RowResults.read(stored).rows() if wanted in (None, each.outcome)]

    listing = _Listing[AnyRow](count, lambda result: result.row_report, rows, _fitting_results)
    return _page(job, results, place, most, listing)


def _details[R: _Row](
    job: ImportJob, outcome: ListedOutcome, fit: Callable[[list[Any], int, bool], list[R]]
) -> _Listing[R]:
    """Rows that are reported with their faults or warnings."""

    def rows(_: BatchResult, stored: bytes) -> list[Any]:
        reported: list[Any] = orjson.loads(stored)[_REPORTED[outcome]]
        return reported

    count = partial(count_of, job, outcome=outcome)
    return _Listing(count, lambda result: result.report, rows, fit)


def count_of(job: ImportJob, result: BatchResult, outcome: ListedOutcome | None) -> int:
    """The number of rows of a batch with an outcome, or of all.

    A row has an outcome when it is written. A rejected import has only failed rows.
    """
    if outcome == "warning":
        return result.warnings
    if outcome == "kept":
        return result.kept
    if result.row_report is None or not has_outcomes(job, result):
        return result.invalid if outcome in ("failed", None) else 0
    unchanged = result.valid - result.created_rows - result.updated_rows
    unchanged -= result.reverted_rows + result.kept_rows
    counts: dict[ListedOutcome | None, int] = {
        "created": result.created_rows,
        "updated": result.updated_rows,
        "unchanged": unchanged,
        "reverted": result.reverted_rows,
        "failed": result.invalid,
        None: result.rows,
    }
    return counts[outcome]


def _page[R: _Row](
    job: ImportJob, results: Iterable[BatchResult], place: str, most: int, of: _Listing[R]
) -> tuple[list[R], str | None]:
    batch, _, skipped = place.partition(".")
    first, offset = int(batch), int(skipped)
    ahead = [each for each in results if each.index >= first and of.count(each)]
    taken: list[R] = []
    left = PAGE_BYTES
    for read, (result, rows) in enumerate(_reports(job, ahead[: _MOST_REPORTS + 1], of)):
        skip = offset if result.index == first else 0
        if len(taken) == most or left <= 0 or read == _MOST_REPORTS:
            return taken, f"{result.index}.{skip}"
        page = of.fit(rows[skip : skip + most - len(taken)], left, not taken)
        taken += page
        left -= sum(map(_bytes_of, page))
        if skip + len(page) < len(rows):
            return taken, f"{result.index}.{skip + len(page)}"
    return taken, None


def _fitting_invalid(
    rows: list[dict[str, Any]], most_bytes: int, at_least_one: bool
) -> list[InvalidRow]:
    return fitting(rows, most_bytes, at_least_one=at_least_one)


def _fitting(rows: list[dict[str, Any]], most_bytes: int, at_least_one: bool) -> list[AnyRow]:
    return _that_fit(map(_shown, rows), most_bytes, at_least_one)


def _fitting_results(rows: list[RowResult], most_bytes: int, at_least_one: bool) -> list[AnyRow]:
    return _that_fit(map(_shown_result, rows), most_bytes, at_least_one)


def _that_fit(shown: Iterable[AnyRow], most_bytes: int, at_least_one: bool) -> list[AnyRow]:
    """The first rows that fit; texts are shortened, so that at least one row fits."""
    taken: list[AnyRow] = []
    for row in shown:
        most_bytes -= _bytes_of(row)
        if most_bytes < 0 and (taken or not at_least_one):
            break
        taken.append(row)
    return taken


def _shown_result(row: RowResult) -> ResultRow:
    changes = None
    if row.changes is not None:
        changes = {
            name: FieldChange(before=cut_text(before), after=cut_text(after))
            for name, (before, after) in row.changes.items()
        }
    kept = {name: reason for name, _, reason in row.kept} or None
    return ResultRow.model_validate({**row._asdict(), "changes": changes, "kept": kept})


def _kept(results: RowResults) -> Iterator[AnyRow]:
    """The records that an undo has kept, by their rows."""
    for each in results.rows():
        for name, id, reason in each.kept:
            why = {"reason": reason, "message": MESSAGES[reason]}
            yield KeptRow.model_validate({"row": each.row, "line": each.line, name: id, **why})


def _shown(row: dict[str, Any]) -> WarnedRow | FailedRow:
    place = {"row": row["row"], "line": row["line"]}
    if "warnings" in row:
        return WarnedRow(**place, warnings=[*map(_cut, row["warnings"])])
    return FailedRow(**place, errors=[*map(_cut, row["errors"])])


def _cut(found: dict[str, Any]) -> RowWarning:
    return RowWarning(
        column=cut_text(found["column"]),
        code=found["code"],
        message=cut_text(found["message"]),
        value=cut_text(found["value"]),
    )


def _bytes_of(row: _Row) -> int:
    return sent_bytes(row.model_dump_json()) + 1


def _reports[R: _Row](
    job: ImportJob, results: Sequence[BatchResult], of: _Listing[R]
) -> Iterator[tuple[BatchResult, list[Any]]]:
    """Iterate over the reported rows; some reports are read in parallel, none before it is needed.

    A report can be as large as its part of the file.
    """

    def read(result: BatchResult) -> bytes | None:
        name = of.report(result)
        return get_result(job, name) if name else None

    with ThreadPoolExecutor(_READ_AT_ONCE) as readers:
        for some in batched(results, _READ_AT_ONCE, strict=False):
            for result, report in zip(some, readers.map(read, some), strict=True):
                yield result, of.rows(result, report) if report else []
