"""The tables of replayed requests in docs/compatibility.md, and their counts in pages.

`python -m tests.e2e.clients.table PAGE...` rewrites pages; `make docs` runs it.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tests.e2e.clients.calls import APPLICATIONS, CALLS, Call
from tests.e2e.clients.published import PUBLISHED

_CALLS_HEAD = "| calls | applications | replayed | served | not served |\n|---|---|---|---|---|\n"
_PUBLISHED_HEAD = "| folder | requests | served | not served |\n|---|---|---|---|\n"
_COUNTS = re.compile(
    r"\d+ of \d+ published requests served \(devices and analytics aside\), "
    r"\d+ public clients replayed"
)


def counts() -> str:
    """How many requests and clients are served, as pages have it."""
    served = sum(request.is_served for request in PUBLISHED)
    return (
        f"{served} of {len(PUBLISHED)} published requests served (devices and analytics aside), "
        f"{max(APPLICATIONS.values())} public clients replayed"
    )


def with_tables(page: str) -> str:
    """Return the page with current tables and counts; the rest of it is written by hand."""
    page = _with_rows(page, _CALLS_HEAD, _rows_of_calls())
    page = _with_rows(page, _PUBLISHED_HEAD, _rows_of_published())
    return _COUNTS.sub(counts(), page)


def _rows_of_calls() -> Iterator[str]:
    for group, calls in _groups(CALLS):
        yield f"| {group} | {APPLICATIONS[group]} | {_numbers(calls)} | {_missing(calls)} |\n"
    yield f"| all | {max(APPLICATIONS.values())} | {_numbers(CALLS)} | |\n"


def _rows_of_published() -> Iterator[str]:
    for folder, requests in _groups(PUBLISHED):
        yield f"| {folder} | {_numbers(requests)} | {_missing(requests)} |\n"
    yield f"| all | {_numbers(PUBLISHED)} | |\n"


def _groups(calls: Iterable[Call]) -> Iterator[tuple[str, list[Call]]]:
    for group, found in groupby(calls, key=lambda call: call.group):
        yield group, list(found)


def _numbers(calls: Iterable[Call]) -> str:
    served = [call.is_served for call in calls]
    return f"{len(served)} | {sum(served)}"


def _missing(calls: Iterable[Call]) -> str:
    return ", ".join(f"`{call.method} {call.path}`" for call in calls if not call.is_served)


def _with_rows(page: str, head: str, rows: Iterable[str]) -> str:
    before, found, behind = page.partition(head)
    return before + head + "".join(rows) + re.sub(r"\A(\|.*\n)*", "", behind) if found else page


def main() -> None:
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
