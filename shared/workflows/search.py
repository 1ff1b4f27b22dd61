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
from shared.store.licenses import license_lookup, visible_licenses
from shared.store.lookup import Lookup, find
from shared.store.orders import TABLE as ORDERS
from shared.store.orders import order_lookup
from shared.store.search_index import Matches, matches_of
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
    words = query_words(text)
    indexed: list[Kind] = [kind for kind in ("order", "customer") if kind in kinds]
    licenses, exact = _exact(company, text, kinds)
    found = _candidates(company, indexed, words) if words else {}
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
) -> tuple[list[License], dict[Kind, list[dict[str, Any]]]]:
    """The license with this key, the order with this id, and the customer with this e-mail."""
    licenses: list[Lookup] = []
    lookups: dict[Kind, Lookup] = {}
    if "license" in kinds and (key := _valid(_KEY, text)):
        licenses.append(license_lookup(company, key))
    if "order" in kinds and (store_id := _valid(_STORE_ID, text)):
        lookups["order"] = order_lookup(company, store_id, [FIRST_PART])
    if "customer" in kinds and (email := _valid(_EMAIL, text)):
        lookups["customer"] = customer_lookup(company, email)
    find([*licenses, *lookups.values()])
    named = {kind: [lookup.found] for kind, lookup in lookups.items() if lookup.found}
    return visible_licenses(company, licenses), named


def _candidates(
    company: str, kinds: Sequence[Kind], words: Sequence[str]
) -> dict[Kind, tuple[list[int], bool]]:
    """By kind, the ids of records that match all words by the index, and whether there may be more.

    Longer words have fewer records, so they are looked up first.
    """
    limit = _PER_BUCKET if len(words) == 1 else _PER_BUCKET_OF_SEVERAL
    ids: dict[Kind, dict[int, None]] = {kind: {} for kind in kinds}
    found: dict[Kind, Matches] = {}
    left = [*kinds]
    for word in words[:_MOST_TRIED]:
        found |= matches_of(company, dict.fromkeys(left, word), limit=limit)
        for kind in left:
            entries = (each for each in found[kind].found if matches(each.words, words))
            ids[kind] |= dict.fromkeys(entry.id for entry in entries)
        left = [kind for kind in left if not found[kind].is_complete]
        left = [kind for kind in left if len(ids[kind]) <= MOST_FOUND]
    return {
        kind: (
            [*ids[kind]][:_MOST_READ],
            not found[kind].is_complete or len(ids[kind]) > _MOST_READ,
        )
        for kind in kinds
    }


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
