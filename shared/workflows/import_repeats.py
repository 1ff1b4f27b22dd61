"""Find rows that name the record of an earlier row, before an import that updates writes any row.

The first row that names a record acts on it, in whichever order the chunks of a file are imported.
"""

from array import array
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Chunk, Plan
from shared.csv_format.reader import Record, records
from shared.differences import cells_digest
from shared.import_job import ImportJob
from shared.row_entries import CustomerEntry, Import, InvalidRecord, LicenseEntry
from shared.row_reader import identity_of, reader_of
from shared.store import uploads
from shared.store.import_jobs import heartbeat
from shared.workflows.import_bundles import pinned_import
from shared.workflows.import_lifecycle import ImportStopped

MOST_ROWS = 200_000
"""Rows of a file that repeat a record; each worker has their numbers in memory."""
_COMPARED_AT_ONCE = 1_000_000
"""Rows whose names are compared at once, with about 100 MB of memory."""


class Repeats(NamedTuple):
    """Rows that repeat a record, by the first row of it, and those of them that differ from it."""

    rows: dict[int, int]
    differing: frozenset[int]


def pin_repeats(job: ImportJob, planned: Plan, read: Callable[[Chunk], bytes]) -> None:
    """Store which rows of the file name the record of an earlier row.

    Raises ImportStopped if the job was cancelled, and BadFile if there are too many such rows.
    """
    if job.on_existing != "update":
        return

    def checked(chunk: Chunk) -> bytes:
        if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
            raise ImportStopped
        return read(chunk)

    found = repeats_in(pinned_import(job), planned, checked)
    stored = [[*found.rows.items()], sorted(found.differing)]
    uploads.put_result(job, uploads.REPEATS, orjson.dumps(stored))


def repeats_in(terms: Import, planned: Plan, read: Callable[[Chunk], bytes]) -> Repeats:
    """The rows of a file that name the record of an earlier row. Raises BadFile if too many do.

    Names are compared by their hashes first, of which a row has 8 bytes.
    """
    identify = identity_of(terms, planned.dialect)
    names, ends = array("q"), []
    for chunk in planned.chunks:
        names.extend(hash(identify(row)) for row in _rows(planned, chunk, read))
        ends.append(len(names))
    repeated = _repeated(names)
    if not repeated:
        return Repeats({}, frozenset())
    some = [
        chunk
        for chunk, start, end in zip(planned.chunks, [0, *ends[:-1]], ends, strict=True)
        if not repeated.isdisjoint(names[start:end])
    ]
    return _compared(terms, planned, read, some, repeated, identify)


def pinned_repeats(job: ImportJob) -> Repeats:
    """The stored rows that repeat a record; none unless the job updates records."""
    if job.on_existing != "update":
        return Repeats({}, frozenset())
    rows, differing = orjson.loads(uploads.need_result(job, uploads.REPEATS))
    return Repeats(dict(rows), frozenset(differing))


def _rows(planned: Plan, chunk: Chunk, read: Callable[[Chunk], bytes]) -> Iterator[Record]:
    place = {"first_row": chunk.first_row, "first_line": chunk.first_line}
    return iter(records(read(chunk), planned.dialect, **place))


def _repeated(names: Collection[int]) -> set[int]:
    """The hashes that several rows have."""
    nothing = hash(None)
    parts = 1 + len(names) // _COMPARED_AT_ONCE
    found: set[int] = set()
    for part in range(parts):
        seen: set[int] = set()
        for name in names:
            if name % parts == part and name != nothing:
                if name in seen:
                    found.add(name)
                seen.add(name)
    return found


def _compared(
    terms: Import,
    planned: Plan,
    read: Callable[[Chunk], bytes],
    chunks: Sequence[Chunk],
    repeated: Collection[int],
    identify: Callable[[Record], Hashable],
) -> Repeats:
    """The rows in these chunks that repeat a valid row."""
    entry_of = reader_of(terms, planned.dialect)
    first: dict[Hashable, tuple[int, int]] = {}
    rows: dict[int, int] = {}
    differing: set[int] = set()
    for chunk in chunks:
        for record in _rows(planned, chunk, read):
            name = identify(record)
            if name is None or hash(name) not in repeated:
                continue
            entry = entry_of(record)
            if isinstance(entry, InvalidRecord):
                continue
            digest = cells_digest(entry)
            row, there = first.setdefault(name, (record.row, digest))
            if row == record.row:
                continue
            rows[record.row] = row
            if there != digest:
                differing.add(record.row)
            if len(rows) > MOST_ROWS:
                message = (
                    f"more than {MOST_ROWS:,} rows name a record that an earlier row has named."
                    f" Keep one row per {_what(entry)}, or cut the file before this line."
                )
                raise BadFile("too_many_repeats", message, line=record.line)
    return Repeats(rows, frozenset(differing))


def _what(entry: object) -> str:
    match entry:
        case LicenseEntry():
            return "license key"
        case CustomerEntry():
            return "e-mail"
    return "license key and code"
