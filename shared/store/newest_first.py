"""Merge the shards of an index into one list, newest first, or oldest first.

Imports write pages of up to `PAGE` records of a company instead of an entry per record. A page is
identified by the rows of the file, regardless of the rows' results.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from struct import pack, unpack
from typing import Any, Literal, NamedTuple

from shared.store import dynamo

PAGE = 500
"""Rows of an import per page; their ids take 4 KB, which is one read unit."""
PAGES = "pages"
"""The shard that has all pages."""


type Source = Literal["import", "order"]
"""Where records come from: their import, or a request."""


class ImportedPlace(NamedTuple):
    """A record on a page of an import: its position, the page's key, and the index in it."""

    place: str
    page: tuple[str, str]
    at: int


def shards_of(prefix: str, source: Source | None, pages: str = PAGES) -> list[str]:
    """The shards that list records of this source, or all; imports' are in the shard `pages`."""
    if source == "import":
        return [f"{prefix}#{pages}"]
    own = [f"{prefix}#{shard}" for shard in range(dynamo.SHARDS)]
    return own if source == "order" else [*own, f"{prefix}#{pages}"]


def bounds_of(
    since: datetime | None, until: datetime | None, resume_at: str, *, oldest_first: bool
) -> tuple[str, str]:
    """The first and the last position of a list, which may continue at one; `until` is exclusive.

    If the first is greater than the last, the list is empty.
    """
    first = dynamo.stamp(since) if since else " "
    last = dynamo.stamp(until) if until else "~"
    if resume_at and oldest_first:
        return max(first, resume_at), last
    return first, min(last, resume_at) if resume_at else last


def places_of_import(
    env_name: str, company: str, job: int, kind: str, *, after: str | None, limit: int | None = None
) -> Iterator[ImportedPlace]:
    """The records that an import created, in the order of its rows, after a position.

    They are on pages of this kind. `limit` is a hint for few.
    """
    first, _, passed = (after or "").rpartition("/")
    found = dynamo.query(
        env_name,
        "pk = :pk AND sk BETWEEN :first AND :last",
        {"pk": f"{company}#job#{job}", "first": first or f"{kind}#", "last": f"{kind}#~"},
        consistent=True,
        limit=limit,
        select=["pk", "sk", "n"],
    )
    for item in found:
        row = item["sk"]
        for at in range(int(passed) + 1 if row == first else 0, item["n"]):
            yield ImportedPlace(f"{row}/{at}", (item["pk"], row), at)


def newest_first(
    env_name: str,
    index: str,
    name: str,
    shards: Sequence[str],
    *,
    first: str = " ",
    last: str = "~",
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[dict[str, Any]]:
    """The entries of all shards by `created`, from `last` down to `first`, both inclusive.

    With `oldest_first` from `first` up to `last`. `name` is the index's partition key. `limit` is a
    hint for few.
    """
    condition = f"{name} = :shard AND created BETWEEN :first AND :last"
    bounds = {"first": first, "last": last}
    return merge(
        *(
            dynamo.query(
                env_name,
                condition,
                {"shard": shard, **bounds},
                index=index,
                forward=oldest_first,
                limit=limit,
            )
            for shard in shards
        ),
        key=lambda item: item["created"],
        reverse=not oldest_first,
    )


def page_start(row: int, first_row: int) -> int:
    """The first row of the page that contains a row of a batch."""
    return row - (row - first_row) % PAGE


def page_of(
    company: str, job: int, began: datetime, start: int, ids: Sequence[int]
) -> dict[str, Any]:
    """A page of the records that an import created from the rows beginning with `start`."""
    return {
        "pk": f"{company}#job#{job}",
        "sk": f"page#{start:010}",
        "listed": f"{company}#{PAGES}",
        "created": f"{dynamo.stamp(began)}#j{job:010}#{start:010}",
        "n": len(ids),
        "ids": packed(ids),
    }


def page_item(page: Mapping[str, Any]) -> dynamo.Item:
    """A page as a DynamoDB item in JSON, in which binary values are base64."""
    return dynamo.to_item(page) | {"ids": {"B": b64encode(page["ids"]).decode()}}


def packed(ids: Sequence[int]) -> bytes:
    return pack(f">{len(ids)}q", *ids)


def unpacked(ids: bytes) -> tuple[int, ...]:
    return unpack(f">{len(ids) // 8}q", ids)


def ids_of(item: Mapping[str, Any]) -> Sequence[int]:
    """The ids of the licenses that a row or a page lists."""
    if "ids" in item:
        return unpacked(item["ids"])
    return [id for held in item.get("items", ()) for id in held["license_ids"]]
