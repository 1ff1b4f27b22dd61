"""Pages of an import's invalid rows and warnings, read from the reports of its batches."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any, Literal, Protocol

import orjson

from functions.import_views import cut_text, fitting
from functions.web.response_size import PAGE_BYTES, sent_bytes
from shared.contract.imports import FailedRow, InvalidRow, KeptRow, RowWarning, WarnedRow
from shared.import_job import BatchResult, ImportJob
from shared.import_undo import MESSAGES
from shared.store.uploads import get_result

type Outcome = Literal["warning", "failed", "kept"]

START = "0.0"
PLACES = re.compile(r"[0-9]{1,10}\.[0-9]{1,9}")
"""A position: the first row of a batch, and the number of reported rows before the position."""
_READ_AT_ONCE = 4
_MOST_REPORTS = 15
"""Reports read per page, not counting the next page's first one; a page can be shorter."""
_REPORTED: dict[Outcome, str] = {
    "warning": "warnings",
    "failed": "invalid",
    "kept": "kept",
}


class _Row(Protocol):
    def model_dump_json(self) -> str: ...


def errors_page(
    job: ImportJob, results: Iterable[BatchResult], place: str, *, most: int
) -> tuple[list[InvalidRow], str | None]:
    """At most `most` invalid rows with their cells, and the position of the next page."""
    return _page(job, results, place, most=most, outcome="failed", fit=_fitting_invalid)


def rows_page(
    job: ImportJob, results: Iterable[BatchResult], place: str, *, outcome: Outcome, most: int
) -> tuple[list[WarnedRow | FailedRow | KeptRow], str | None]:
    """At most `most` rows with an outcome, and the position of the next page."""
    return _page(job, results, place, most=most, outcome=outcome, fit=_fitting)


def count_of(result: BatchResult, outcome: Outcome) -> int:
    """The number of rows of a batch with an outcome."""
    match outcome:
        case "warning":
            return result.warnings
        case "kept":
            return result.kept
    return result.invalid


def _page[R: _Row](
    job: ImportJob,
    results: Iterable[BatchResult],
    place: str,
    *,
    most: int,
    outcome: Outcome,
    fit: Callable[[list[dict[str, Any]], int, bool], list[R]],
) -> tuple[list[R], str | None]:
    batch, _, skipped = place.partition(".")
    first, offset = int(batch), int(skipped)
    ahead = [each for each in results if each.index >= first and count_of(each, outcome)]
    taken: list[R] = []
    left = PAGE_BYTES
    for read, (result, rows) in enumerate(_reports(job, ahead[: _MOST_REPORTS + 1], outcome)):
        skip = offset if result.index == first else 0
        if len(taken) == most or left <= 0 or read == _MOST_REPORTS:
            return taken, f"{result.index}.{skip}"
        page = fit(rows[skip : skip + most - len(taken)], left, not taken)
        taken += page
        left -= sum(map(_bytes_of, page))
        if skip + len(page) < len(rows):
            return taken, f"{result.index}.{skip + len(page)}"
    return taken, None


def _fitting_invalid(
    rows: list[dict[str, Any]], most_bytes: int, at_least_one: bool
) -> list[InvalidRow]:
    return fitting(rows, most_bytes, at_least_one=at_least_one)


def _fitting(
    rows: list[dict[str, Any]], most_bytes: int, at_least_one: bool
) -> list[WarnedRow | FailedRow | KeptRow]:
    """The first rows that fit; texts are shortened, so that at least one row fits."""
    taken: list[WarnedRow | FailedRow | KeptRow] = []
    for row in rows:
        shown = _shown(row)
        most_bytes -= _bytes_of(shown)
        if most_bytes < 0 and (taken or not at_least_one):
            break
        taken.append(shown)
    return taken


def _shown(row: dict[str, Any]) -> WarnedRow | FailedRow | KeptRow:
    if "reason" in row:
        return KeptRow(message=MESSAGES[row["reason"]], **row)
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


def _reports(
    job: ImportJob, results: Sequence[BatchResult], outcome: Outcome
) -> Iterator[tuple[BatchResult, list[dict[str, Any]]]]:
    """Iterate over the reported rows; some reports are read in parallel, none before it is needed.

    A report can be as large as its part of the file.
    """
    with ThreadPoolExecutor(_READ_AT_ONCE) as readers:
        for some in batched(results, _READ_AT_ONCE, strict=False):
            stored = readers.map(lambda each: each.report and get_result(job, each.report), some)
            for result, report in zip(some, stored, strict=True):
                yield result, orjson.loads(report).get(_REPORTED[outcome], []) if report else []
