"""Customers and license users, in the table Customers, at ids that are derived from e-mails.

Customers are listed newest first: those of requests by an index entry each, and those of imports by
pages; see newest_first. `listed_by` is the first row of the batch whose page lists the customer; it
does not change when an earlier row of the file replaces the customer.

| pk | sk | what |
|---|---|---|
| `<company>#<id>` | `customer#<id>` | a customer |
| `<company>#<id>` | `user#<id>` | a license user, with the names of its licenses |
| `<company>#<id>` | `orders#<n>` | how many orders reuse the customer, in 4 shards |
| `<company>#ref#<digest>` | `<created>#<id>` | a pointer: the customer has or had this reference |

Every writer of a customer writes the pointer of its reference, in the same transaction or before.
Pointers only find: a reader compares the reference of the customer. They are deleted only with the
customer: another writer of the same customer may depend on one that it has found written.

An order counts itself in `orders#<n>` if its customer exists before it. The customer can't be
deleted meanwhile, nor while orders are counted. A deleted customer leaves tombstones at its own key
and at these.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import batched
from typing import Any, NamedTuple

from shared.customers import Customer, LicenseUser
from shared.store import dynamo
from shared.store.lookup import Lookup, find
from shared.store.newest_first import (
    Source,
    bounds_of,
    newest_first,
    places_of_import,
    shards_of,
    unpacked,
)
from shared.store.tombstones import is_deleted, tombstone
from shared.store.writer import writer_attribute
from shared.values import record_id

TABLE = "CUSTOMERS_TABLE"


def customer_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.partition(company, id), f"customer#{id}"


def user_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.partition(company, id), f"user#{id}"


def customer_puts(company: str, customer: Customer) -> list[dict[str, Any]]:
    """The puts of a new customer, for a transaction, which fails if the e-mail has a customer."""
    put = dynamo.put(TABLE, _item(company, customer), "attribute_not_exists(pk)")
    return [put, *_pointer_puts(company, customer)]


def user_put(company: str, user: LicenseUser) -> dict[str, Any]:
    """The put of a new license user, for a transaction.

    It succeeds if no user has the e-mail, or if the user was written by the same pending order.
    """
    pk, sk = user_key(company, user.id)
    item = dynamo.record_item(user, pk=pk, sk=sk)
    if user.unsettled:
        free = "attribute_not_exists(pk) OR unsettled = :row"
        return dynamo.put(TABLE, item, free, row=user.unsettled)
    return dynamo.put(TABLE, item, "attribute_not_exists(pk)")


def put_user(company: str, user: LicenseUser, before: LicenseUser) -> bool:
    """Write a changed user; False if it was changed concurrently."""
    pk, sk = user_key(company, user.id)
    item = dynamo.record_item(user, pk=pk, sk=sk)
    return dynamo.write([_replaced_user(item, before)])


def user_writes(
    company: str,
    users: Iterable[LicenseUser],
    assigned: Mapping[int, Iterable[int]],
    row: str | None = None,
) -> list[dict[str, Any]]:
    """The writes of an order's new users, and of what all its users are assigned to.

    They are for a transaction, which fails as those of `user_put` and `assignment`. `assigned` are
    ids of licenses by the id of the user. `row` is the row of an order that is written in parts.
    """
    names = {
        user: frozenset(license_name(id, row) for id in licenses)
        for user, licenses in assigned.items()
    }
    new = {user.id: user for user in users}
    puts = [
        user_put(company, user.model_copy(update={"licenses": names[id], "unsettled": row}))
        for id, user in new.items()
    ]
    return [*puts, *(assignment(company, id, names[id]) for id in names.keys() - new.keys())]


def license_name(id: int, row: str | None = None) -> str:
    """The name of a license among those of a user.

    With the row of an order that is written in parts, the license may be written later, or never.
    """
    return f"{id} {row}" if row else str(id)


def license_of_name(name: str) -> int:
    return int(name.partition(" ")[0])


def assignment(company: str, id: int, names: frozenset[str]) -> dict[str, Any]:
    """The update, for a transaction, that adds licenses to those of a user.

    It fails if there is no such user.
    """
    return _licenses_update("ADD", company, id, names)


def unassignment(company: str, id: int, names: frozenset[str]) -> dict[str, Any]:
    """The same to remove licenses from those of a user.

    Only for licenses that are deleted, or do not name the user: see `LicenseUser.licenses`.
    """
    return _licenses_update("DELETE", company, id, names)


def user_delete(company: str, user: LicenseUser, *, token: str, now: datetime) -> dict[str, Any]:
    """The put of the tombstone of a user, for a transaction.

    It fails if the user was changed, or assigned to a license, since it was read.
    """
    key = user_key(company, user.id)
    return _replaced_user(tombstone(key, token=token, now=now, made_by=user.made_by), user)


def get_customer(company: str, id: int) -> Customer | None:
    item = dynamo.get(TABLE, customer_key(company, id))
    return Customer.model_validate(item) if item and not is_deleted(item) else None


def customer_lookup(company: str, email: str) -> Lookup:
    """The lookup of a customer by e-mail."""
    return _by_email(company, "customer", email, customer_key)


def user_lookup(company: str, email: str) -> Lookup:
    """The lookup of a license user by e-mail."""
    return _by_email(company, "user", email, user_key)


def _by_email(company: str, kind: str, email: str, key: Callable[[str, int], dynamo.Key]) -> Lookup:
    return Lookup(
        TABLE,
        "email",
        email,
        lambda attempt: record_id(company, kind, email, attempt=attempt),
        lambda id: [key(company, id)],
    )


def customer_with_email(company: str, email: str) -> Customer | None:
    return find_customer(customer_lookup(company, email))


def find_customer(lookup: Lookup) -> Customer | None:
    """The customer of a lookup; it leaves the lookup at the customer's id, or at a free one."""
    find([lookup])
    return Customer.model_validate(lookup.found) if lookup.found else None


def add_customer(company: str, customer: Customer) -> bool:
    """Write a new customer; False if its id exists."""
    return dynamo.write(customer_puts(company, customer))


def put_customer(company: str, customer: Customer, before: Customer) -> bool:
    """Write a changed customer; False if it was changed concurrently."""
    return dynamo.write(customer_changes(company, customer, before))


def customer_changes(company: str, customer: Customer, before: Customer) -> list[dict[str, Any]]:
    """The writes of a changed customer, for a transaction, which fails if it changed meanwhile."""
    unchanged = "updated_at = :before"
    put = dynamo.put(TABLE, _item(company, customer), unchanged, before=before.updated_at)
    pointers = _pointer_puts(company, customer) if customer.reference != before.reference else []
    return [put, *pointers]


def count_order(company: str, id: int, order_id: int, change: int) -> dict[str, Any]:
    """The update, for a transaction, that counts an order of an existing customer, by 1 or -1.

    It fails if the customer was deleted.
    """
    update = {
        "TableName": dynamo.table(TABLE),
        "Key": dynamo.key_of(_orders_keys(company, id)[order_id % dynamo.SHARDS]),
        "UpdateExpression": "ADD #n :change",
        "ConditionExpression": "attribute_not_exists(deleted_at)",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": dynamo.to_item({":change": change}),
    }
    return {"Update": update}


def counted_orders(company: str, id: int) -> int:
    """The number of orders that counted themselves at this customer."""
    found = dynamo.get_many((TABLE, key) for key in _orders_keys(company, id))
    return sum(item.get("n", 0) for item in found.values())


def customer_deletes(
    company: str, customer: Customer, *, token: str, now: datetime
) -> list[dict[str, Any]]:
    """The writes that delete a customer, for a transaction.

    It fails if the customer was changed, or an order counted itself, since they were read.
    """
    key = customer_key(company, customer.id)
    grave = tombstone(key, token=token, now=now, made_by=customer.made_by)
    writes = [dynamo.put(TABLE, grave, "updated_at = :before", before=customer.updated_at)]
    for counter in _orders_keys(company, customer.id):
        closed = tombstone(counter, token=token, now=now)
        writes.append(dynamo.put(TABLE, closed, "attribute_not_exists(pk) OR n = :none", none=0))
    if customer.reference:
        pointer = reference_pointer(company, customer.id, customer.reference, customer.created_at)
        writes.append(dynamo.delete(TABLE, (pointer["pk"], pointer["sk"])))
    return writes


def _orders_keys(company: str, id: int) -> list[tuple[str, str]]:
    return [(dynamo.partition(company, id), f"orders#{n}") for n in range(dynamo.SHARDS)]


def customers_by_id(company: str, ids: Iterable[int]) -> dict[int, Customer]:
    """The customers with these ids that exist, by id."""
    found = dynamo.get_many((TABLE, customer_key(company, id)) for id in ids)
    customers = [Customer.model_validate(item) for item in found.values() if not is_deleted(item)]
    return {customer.id: customer for customer in customers}


def users_by_id(company: str, ids: Iterable[int]) -> dict[int, LicenseUser]:
    """The license users with these ids that exist, by id."""
    found = dynamo.get_many((TABLE, user_key(company, id)) for id in ids)
    users = [LicenseUser.model_validate(item) for item in found.values() if not is_deleted(item)]
    return {user.id: user for user in users}


class ListedCustomer(NamedTuple):
    """A customer in a list: its position, and its id, or its page and the index in it."""

    place: str
    id: int = 0
    page: tuple[str, str] | None = None
    at: int = 0


def listed_customers(
    company: str,
    *,
    source: Source | None = None,
    after: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[ListedCustomer]:
    """A company's customers, newest first unless `oldest_first`, after a position.

    `until` is exclusive. `limit` is a hint for few.
    """
    resume_at, _, passed = (after or "").rpartition("/")
    first, last = bounds_of(since, until, resume_at, oldest_first=oldest_first)
    if first > last:
        return
    for each in customer_entries(
        company, source=source, first=first, last=last, limit=limit, oldest_first=oldest_first
    ):
        start = int(passed) + 1 if each.created == resume_at else 0
        for at in range(start, each.customers):
            yield ListedCustomer(f"{each.created}/{at}", each.id, each.page, at)


class CustomerEntry(NamedTuple):
    """An entry of a company's list: a customer's id, or a page of an import with its number of ids.

    `created` sorts by time.
    """

    created: str
    id: int
    page: tuple[str, str] | None
    customers: int


def customers_of_import(
    company: str, job: int, *, after: str | None, limit: int | None
) -> Iterator[ListedCustomer]:
    """The customers that an import created, in the order of its rows, after a position."""
    for each in places_of_import(TABLE, company, job, "page", after=after, limit=limit):
        yield ListedCustomer(each.place, page=each.page, at=each.at)


def customer_entries(
    company: str,
    *,
    source: Source | None = None,
    first: str = " ",
    last: str = "~",
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[CustomerEntry]:
    """The entries of a company's customers between two positions, both inclusive."""
    shards = shards_of(company, source)
    found = newest_first(
        TABLE,
        "by_created",
        "listed",
        shards,
        first=first,
        last=last,
        limit=limit,
        oldest_first=oldest_first,
    )
    for item in found:
        row = (item["pk"], item["sk"])
        is_page = row[1].startswith("page#")
        id = 0 if is_page else int(row[1].partition("#")[2])
        yield CustomerEntry(item["created"], id, row if is_page else None, item.get("n", 1))


def customers_with_reference(
    company: str,
    reference: str,
    *,
    after: str | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[ListedCustomer]:
    """The customers with exactly this reference, newest first unless `oldest_first`.

    100 pointers are compared per read. `limit` is a hint for few.
    """
    resume_at = (after or "").rpartition("/")[0]
    first, last = (resume_at or " ", "~") if oldest_first else (" ", resume_at or "~")
    found = dynamo.query(
        TABLE,
        "pk = :pk AND sk BETWEEN :first AND :last",
        {"pk": _reference_partition(company, reference), "first": first, "last": last},
        forward=oldest_first,
        limit=limit,
        consistent=True,
    )
    pointers = (item for item in found if item["sk"] != resume_at)
    for some in batched(pointers, 100, strict=False):
        keys = {item["sk"]: (TABLE, customer_key(company, item["id"])) for item in some}
        customers = dynamo.get_many(keys.values(), select=["reference"])
        for place, key in keys.items():
            if customers.get(key, {}).get("reference") == reference:
                yield ListedCustomer(f"{place}/0", int(place.rpartition("#")[2]))


def reference_pointer(
    company: str, id: int, reference: str, created_at: datetime
) -> dict[str, Any]:
    """The item by which a customer is found by its reference."""
    pk = _reference_partition(company, reference)
    return {"pk": pk, "sk": f"{dynamo.stamp(created_at)}#{id}", "id": id}


def ids_of_listed(listed: Iterable[ListedCustomer]) -> list[int]:
    """The ids of listed customers, in their order."""
    wanted = list(listed)
    held = ids_of_pages({each.page for each in wanted if each.page})
    return [held[each.page][each.at] if each.page else each.id for each in wanted]


def ids_of_pages(pages: Iterable[dynamo.Key]) -> dict[dynamo.Key, tuple[int, ...]]:
    """The ids of the customers on pages of imports, read consistently; 100 pages per request."""
    found = dynamo.get_many(((TABLE, page) for page in pages), select=["ids"])
    return {key: unpacked(item["ids"]) for (_, key), item in found.items()}


def _pointer_puts(company: str, customer: Customer) -> list[dict[str, Any]]:
    if not customer.reference:
        return []
    pointer = reference_pointer(company, customer.id, customer.reference, customer.created_at)
    return [dynamo.put(TABLE, dynamo.to_item(pointer))]


def _reference_partition(company: str, reference: str) -> str:
    return f"{company}#ref#{hashlib.sha256(reference.encode()).hexdigest()[:32]}"


def _licenses_update(action: str, company: str, id: int, names: frozenset[str]) -> dict[str, Any]:
    update = {
        "TableName": dynamo.table(TABLE),
        "Key": dynamo.key_of(user_key(company, id)),
        "UpdateExpression": f"{action} licenses :licenses",
        "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(deleted_at)",
        "ExpressionAttributeValues": dynamo.to_item({":licenses": names}),
    }
    return {"Update": update}


def _replaced_user(item: dynamo.Item, before: LicenseUser) -> dict[str, Any]:
    """The put of an item in place of a user, if neither it nor its licenses have changed."""
    values: dict[str, Any] = {"before": before.updated_at}
    if before.licenses:
        values["licenses"] = before.licenses
    same = "licenses = :licenses" if before.licenses else "attribute_not_exists(licenses)"
    return dynamo.put(TABLE, item, f"updated_at = :before AND {same}", **values)


def _item(company: str, customer: Customer) -> dynamo.Item:
    pk, sk = customer_key(company, customer.id)
    keys = {"pk": pk, "sk": sk}
    if customer.listed_by is None:
        keys["listed"] = dynamo.shard(company, customer.id)
        keys["created"] = f"{dynamo.stamp(customer.created_at)}#{customer.id}"
    return dynamo.record_item(customer, **keys, **writer_attribute())
