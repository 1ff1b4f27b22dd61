"""The search index, in the table Search: one item per token of a customer or an order.

| attribute | content |
|---|---|
| pk | `<company>#<kind>#<first two letters of the token>#<bucket>`; see shared/search.py |
| sk | `<token>#<id of the record>` |
| `version` | the sequence number of the change that wrote the item, in 40 digits |
| `words` | all tokens of the record with spaces between them; absent if it lost this token |
| `expires` | when DynamoDB deletes an item without `words`, in seconds since 1970 |

An item without `words` rejects older changes that arrive later. The stream has no change that is
older than a day, so it is kept for two.

The index only finds: a reader compares the record.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from heapq import merge
from itertools import batched
from typing import Any, NamedTuple

import orjson

from shared.errors import Busy
from shared.search import Entry, Kind, buckets
from shared.store import bulk, dynamo
from shared.store.pace import clock
from shared.store.patience import MARGIN_MILLISECONDS, OutOfTime, Patience
from shared.store.sender import Sender
from shared.store.signed_http import Exchange, send

TABLE = "SEARCH_TABLE"
KEPT_SECONDS = 2 * 86400
OLDEST = "0" * 40
"""The version of an entry that was not made from a change."""
_SCANNED = 1_000
"""Items per request of a scan, so that a response arrives in time."""
_READ_SECONDS = 5
"""How long throttled reads of a search are repeated."""
_NEWER = "attribute_not_exists(pk) OR version < :version"


class Match(NamedTuple):
    """A token of a record that begins with a word, and all tokens of the record."""

    sk: str
    words: Sequence[str]

    @property
    def id(self) -> int:
        return int(self.sk.rpartition("#")[2])


class Matches(NamedTuple):
    """The entries of a word by token, and whether these are all."""

    found: list[Match]
    is_complete: bool


def version_of(sequence: str) -> str:
    """The version of a change: numbers of a stream have up to 40 digits."""
    return sequence.zfill(40)


def write_entries(entries: Sequence[Entry], patience: Patience) -> None:
    """Write entries with distinct keys, each unless the stored one is newer.

    A new entry is one write unit, in requests of 25. Raises OutOfTime when the patience ends, and
    Busy after several failures.
    """
    kept = [entry for entry in entries if entry.words]
    removed = [entry for entry in entries if not entry.words]
    exchanges = [
        *(_insert(some, patience) for some in bulk.batches(kept)),
        *(_put_newer(entry, patience) for entry in removed),
    ]
    for _ in _sender().each(lambda exchange: exchange, exchanges):
        pass


def matches_of(company: str, words: Mapping[Kind, str], *, limit: int) -> dict[Kind, Matches]:
    """The entries by kind whose token begins with the kind's word, at most `limit` per bucket.

    All buckets are read at the same time. Raises Busy if DynamoDB rejects reads for some seconds.
    """
    end = clock() + _READ_SECONDS
    patience = Patience(
        lambda: MARGIN_MILLISECONDS + int(1000 * (end - clock())), keep_alive=lambda: None
    )
    places = [(kind, pk) for kind, word in words.items() for pk in buckets(company, kind, word)]
    try:
        pages = [*_sender().each(lambda at: _page(at[1], words[at[0]], limit, patience), places)]
    except OutOfTime:
        raise Busy from None
    found: dict[Kind, Matches] = {}
    for kind in words:
        own = [page for place, page in zip(places, pages, strict=True) if place[0] == kind]
        items = merge(*(page.items for page in own), key=lambda item: item["sk"])
        entries = [Match(item["sk"], item["words"].split()) for item in items if "words" in item]
        found[kind] = Matches(entries, not any(page.more for page in own))
    return found


def licenses_with_token(
    company: str,
    first: str,
    last: str,
    *,
    after: str | None,
    limit: int | None,
) -> Iterator[tuple[str, int]]:
    """The places and ids of licenses with a token between two texts, by token, after a place.

    Both texts begin with the same letters. `limit` is a hint for few.
    """
    bounds = {"first": after or first, "last": last}
    pages = (
        dynamo.query(
            TABLE,
            "pk = :pk AND sk BETWEEN :first AND :last",
            {"pk": pk, **bounds},
            limit=limit,
            select=["sk", "words"],
        )
        for pk in buckets(company, "license", first)
    )
    for item in merge(*pages, key=lambda item: item["sk"]):
        if item["sk"] != after and "words" in item:
            yield item["sk"], int(item["sk"].rpartition("#")[2])


def stored_entries(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    found = dynamo.get_many((TABLE, key) for key in keys)
    return {(item["pk"], item["sk"]): entry_in(item) for item in found.values()}


def replace_entry(stored: Entry, entry: Entry) -> bool:
    """Write an entry in place of the stored one; False if that was changed meanwhile."""
    item = dynamo.to_item(_item(entry))
    return dynamo.write([dynamo.put(TABLE, item, "version = :stored", stored=stored.version)])


def entry_in(item: dict[str, Any]) -> Entry:
    return Entry(item["pk"], item["sk"], item["version"], tuple(item.get("words", "").split()))


def scanned(
    env_name: str, select: Sequence[str], condition: str, values: dict[str, str]
) -> Iterator[list[dict[str, Any]]]:
    """The items of a table that meet a condition, 100 at a time, read consistently."""
    names = {f"#a{n}": name for n, name in enumerate(dict.fromkeys(("pk", "sk", *select)))}
    request: dict[str, Any] = {
        "TableName": dynamo.table(env_name),
        "ConsistentRead": True,
        "Limit": _SCANNED,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
        "FilterExpression": condition,
    }
    if values:
        request["ExpressionAttributeValues"] = dynamo.to_item(
            {f":{name}": value for name, value in values.items()}
        )
    while True:
        answer = dynamo.client().scan(**request)
        for some in batched(map(dynamo.from_item, answer["Items"]), 100, strict=False):
            yield [*some]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _page(pk: str, word: str, limit: int, patience: Patience) -> Exchange[dynamo.QueryPage]:
    """The first entries of a bucket whose token begins with a word."""
    start = f"{word}#" if len(word) == 1 else word
    values, select = {"pk": pk, "start": start}, ["sk", "words"]
    condition = "pk = :pk AND begins_with(sk, :start)"
    query = dynamo.query_request(TABLE, condition, values, limit=limit, select=select)
    request = patience.request(f"{TABLE} reads")
    yield from request.begin(1)
    answer = yield from send("Query", orjson.dumps(query), request)
    yield from request.answered(throttled=0)
    return dynamo.query_page(answer)


def _insert(entries: Sequence[Entry], patience: Patience) -> Exchange[None]:
    statements = bulk.inserts(TABLE, map(_item, entries))
    written = yield from bulk.insert_all(TABLE, statements, patience)
    for entry, is_new in zip(entries, written, strict=True):
        if not is_new:
            yield from _put_newer(entry, patience)


def _put_newer(entry: Entry, patience: Patience) -> Exchange[None]:
    body = {
        "Item": dynamo.to_item(_item(entry)),
        "ConditionExpression": _NEWER,
        "ExpressionAttributeValues": dynamo.to_item({":version": entry.version}),
    }
    yield from bulk.write("PutItem", TABLE, body, patience)


def _item(entry: Entry) -> dict[str, Any]:
    keys = {"pk": entry.pk, "sk": entry.sk, "version": entry.version}
    if entry.words:
        return keys | {"words": " ".join(entry.words)}
    return keys | {"expires": int(time.time()) + KEPT_SECONDS}


@cache
def _sender() -> Sender:
    """Connections that are kept from one invocation to the next."""
    return Sender()
