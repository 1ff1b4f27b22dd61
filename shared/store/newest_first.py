"""Merge the shards of an index into one list, newest first, or oldest first.

Imports write pages of up to `PAGE` records of a company instead of an entry per record. A page is
identified by the rows of the file, regardless of the rows' results.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from struct import pack, unpack
from typing import Any

from shared.store import dynamo

PAGE = 500
"""Rows of an import per page; their ids take 4 KB, which is one read unit."""
PAGES = "pages"
"""The shard that has all pages."""


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
