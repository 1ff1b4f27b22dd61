"""A CSV file that is the response to an export: whole, or in parts that link to the next one.

A file is complete, or the request is refused. With `parts=true` a large export is split into files
that link to the next one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched, islice
from typing import Annotated

from pydantic import BaseModel, Field

from functions.web.api import Answer, Caller
from functions.web.cursors import Cursor
from functions.web.response_size import PAGE_BYTES, sent_bytes
from shared.errors import TooLarge
from shared.exported_row import csv_lines

MOST_EXPORTED = 10_000
"""Records in one file."""
BATCH = 100
"""Records that are read at once."""


class PartsQuery(BaseModel, frozen=True, extra="forbid"):
    """Whether the export is split into parts, and the cursor of the part."""

    parts: Annotated[
        bool, Field(description="Answer with the first part, and with `Link` to the next one.")
    ] = False
    cursor: Annotated[str | None, Field(description="The `X-Next-Cursor` of the part before.")] = (
        None
    )

    @property
    def in_parts(self) -> bool:
        return self.parts or self.cursor is not None


@dataclass(frozen=True, slots=True)
class Contents[E]:
    """The contents of a file: its columns, and how entries become rows.

    `rows` reads the records of up to BATCH entries, and returns a row for each, or None for an
    entry that is left out. `place` is an entry's position, for the cursor. `records` names the
    records, and `fewer` says how to request fewer of them, both for the refusal of a large file.
    """

    columns: Sequence[str]
    rows: Callable[[Sequence[E]], Iterable[Sequence[str] | None]]
    place: Callable[[E], str]
    records: str
    fewer: str = ""
    left_out: str | None = None
    """The header with the number of entries that are left out."""

    def too_many(self) -> TooLarge:
        return self._too_large(f"These are more than {MOST_EXPORTED} {self.records}")

    def too_long(self) -> TooLarge:
        return self._too_large(f"The file would be larger than {PAGE_BYTES} bytes")

    def _too_large(self, what: str) -> TooLarge:
        message = (
            f"{what}, which is more than one response can have: start an export job with"
            f" POST /api/v1/exports/, {self.fewer}or send parts=true and follow the Link of each"
            " response to the next part"
        )
        return TooLarge("export_too_large", message)


def exported[E](
    caller: Caller, query: PartsQuery, entries: Iterable[E], contents: Contents[E], file_name: str
) -> Answer[str]:
    """The file. Raises TooLarge, before records are read, if there are too many for one file."""
    taken = list(islice(entries, MOST_EXPORTED + 1))
    in_parts = query.in_parts
    if len(taken) > MOST_EXPORTED and not in_parts:
        raise contents.too_many()
    file = ExportFile(contents.columns, contents.left_out)
    written: str | None = None
    for batch in batched(taken[:MOST_EXPORTED], BATCH, strict=False):
        for each, row in zip(batch, contents.rows(batch), strict=True):
            if not file.takes(row):
                if not in_parts:
                    raise contents.too_long()
                return file.answer(file_name, _onward(caller, query, written))
            written = contents.place(each)
    more = written if len(taken) > MOST_EXPORTED else None
    return file.answer(file_name, _onward(caller, query, more))


def _onward(caller: Caller, query: PartsQuery, last: str | None) -> Mapping[str, str]:
    """Headers with the link to the next part, if there is one."""
    if last is None:
        return {}
    cursor = Cursor(last, 0).spelled(caller, query)
    given = query.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"cursor"})
    link = caller.link(**{**given, "parts": "true"}, cursor=cursor)
    return {"Link": f'<{link}>; rel="next"', "X-Next-Cursor": cursor}


class ExportFile:
    """A CSV file that is built row by row, up to the size of a response."""

    def __init__(self, columns: Sequence[str], left_out: str | None = None) -> None:
        self._columns = columns
        self._lines: list[str] = []
        self._left = PAGE_BYTES
        self._header = left_out
        self._left_out = 0

    def takes(self, row: Sequence[str] | None) -> bool:
        """Add a row, or count an entry that is left out; False if the row does not fit."""
        if row is None:
            self._left_out += 1
            return True
        line = csv_lines([row])
        self._left -= sent_bytes(line)
        if self._left < 0 and self._lines:
            return False
        self._lines.append(line)
        return True

    def answer(self, file_name: str, headers: Mapping[str, str]) -> Answer[str]:
        left_out = {self._header: str(self._left_out)} if self._header else {}
        return Answer(
            "".join(("\ufeff", csv_lines([self._columns]), *self._lines)),
            headers={
                "Content-Disposition": f'attachment; filename="{file_name}"',
                **left_out,
                **headers,
            },
        )
