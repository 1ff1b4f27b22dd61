"""Search for licenses, orders and customers, with a bounded number of reads."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from shared.licenses import License
from shared.orders import FIRST_PART
from shared.search import Kind, matches, query_words, tokens_of
from shared.store import dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key, customer_lookup
from shared.store.licenses import licenses_with_key
from shared.store.lookup import Lookup, find
from shared.store.orders import TABLE as ORDERS
from shared.store.orders import order_lookup
from shared.store.search_index import matches_of
from shared.values import Email, LicenseKey, StoreId

type Searched = Literal["license", "order", "customer"]

MOST_FOUND = 20
_MOST_READ = 30
"""Records of each kind that are read and compared; both kinds are one request."""
_MOST_TRIED = 3
"""Words of a query that are looked up in the index, until one has all of its entries read."""
_PER_BUCKET, _PER_BUCKET_OF_SEVERAL = 60, 250
"""Entries read per bucket, of the only word of a query, and of one of several words: most entries
of a common word do not match the other words."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_STORE_ID: TypeAdapter[str] = TypeAdapter(StoreId)
_KEY: TypeAdapter[str] = TypeAdapter(LicenseKey)


class Found(NamedTuple):
    """The records that a search has found, exact matches first, and whether more may match."""

    licenses: list[License]
    orders: list[dict[str, Any]]
    customers: list[dict[str, Any]]
    has_more: bool


def search(company: str, text: str, kinds: Collection[Searched]) -> Found:
    """The records of these kinds that match a text, at most MOST_FOUND.

    A license key, an order id and an e-mail address are read from their tables, so a new record is
    found at once by them. All else is found by the index, some seconds after its change.
    """
    key = _valid(_KEY, text) if "license" in kinds else None
    licenses = licenses_with_key(company, key)[:1] if key else []
    exact = _exact(company, text, kinds)
    words = query_words(text)
    indexed: list[Kind] = [kind for kind in ("order", "customer") if kind in kinds]
    found = {kind: _candidates(company, kind, words) for kind in indexed if words}
    read = _read(company, found, words)
    has_more = any(more for _, more in found.values())
    records: dict[Kind, list[dict[str, Any]]] = {}
    for kind in ("order", "customer"):
        named = [*exact.get(kind, ()), *read.get(kind, ())]
        records[kind] = [*{record["id"]: record for record in named}.values()]
    left = MOST_FOUND - len(licenses)
    orders = records["order"][: max(left // 2, left - len(records["customer"]))]
    customers = records["customer"][: left - len(orders)]
    has_more |= len(orders) < len(records["order"]) or len(customers) < len(records["customer"])
    return Found(licenses, orders, customers, has_more)


def _exact(
    company: str, text: str, kinds: Collection[Searched]
) -> dict[Kind, list[dict[str, Any]]]:
    """The order whose id is the text, and the customer whose e-mail address it is."""
    lookups: dict[Kind, Lookup] = {}
    if "order" in kinds and (store_id := _valid(_STORE_ID, text)):
        lookups["order"] = order_lookup(company, store_id, [FIRST_PART])
    if "customer" in kinds and (email := _valid(_EMAIL, text)):
        lookups["customer"] = customer_lookup(company, email)
    find(lookups.values())
    return {kind: [lookup.found] for kind, lookup in lookups.items() if lookup.found}


def _candidates(company: str, kind: Kind, words: Sequence[str]) -> tuple[list[int], bool]:
    """The ids of records that match all words by the index, and whether there may be more.

    Longer words have fewer records, so they are looked up first.
    """
    limit = _PER_BUCKET if len(words) == 1 else _PER_BUCKET_OF_SEVERAL
    ids: dict[int, None] = {}
    is_complete = False
    for word in words[:_MOST_TRIED]:
        found = matches_of(company, kind, word, limit=limit)
        ids |= dict.fromkeys(match.id for match in found.found if matches(match.words, words))
        is_complete = found.is_complete
        if is_complete or len(ids) > MOST_FOUND:
            break
    return [*ids][:_MOST_READ], not is_complete or len(ids) > _MOST_READ


def _read(
    company: str, found: Mapping[Kind, tuple[list[int], bool]], words: Sequence[str]
) -> dict[Kind, list[dict[str, Any]]]:
    """The records with these ids that exist and match the words: an entry can be stale."""
    keys = {
        kind: [_key(company, kind, id) for id in ids] for kind, (ids, _) in found.items() if ids
    }
    wanted = [(_TABLES[kind], key) for kind in keys for key in keys[kind]]
    items = dynamo.get_many(wanted, select=_FIELDS)
    return {
        kind: [
            item
            for key in places
            if (item := items.get((_TABLES[kind], key))) and matches(tokens_of(kind, item), words)
        ]
        for kind, places in keys.items()
    }


_FIELDS = (
    *("id", "created_at", "store_id", "customer_id"),
    *("email", "first_name", "last_name", "company_name"),
)
"""Attributes that are compared or shown; the licenses of an order can be many."""
_TABLES: Mapping[Kind, str] = {"order": ORDERS, "customer": CUSTOMERS}


def _key(company: str, kind: Kind, id: int) -> dynamo.Key:
    if kind == "customer":
        return customer_key(company, id)
    return dynamo.partition(company, id), FIRST_PART


def _valid(kind: TypeAdapter[str], text: str) -> str | None:
    """The text in its normal form, or None if it can't be such a value."""
    try:
        return kind.validate_python(text)
    except ValidationError:
        return None
