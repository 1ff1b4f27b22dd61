"""Customers and license users, in the table Customers, at ids that are derived from e-mails.

Customers are listed newest first: those of requests by an index entry each, and those of imports by
pages; see newest_first. `listed_by` is the first row of the batch whose page lists the customer; it
does not change when an earlier row of the file replaces the customer.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from shared.customers import Customer, LicenseUser
from shared.store import dynamo
from shared.store.lookup import Lookup, find
from shared.store.newest_first import PAGES, newest_first, unpacked
from shared.values import record_id

TABLE = "CUSTOMERS_TABLE"


def customer_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.partition(company, id), f"customer#{id}"


def user_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.partition(company, id), f"user#{id}"


def customer_put(company: str, customer: Customer) -> dict[str, Any]:
    """The put of a new customer, for a transaction, which fails if the e-mail has a customer."""
    return dynamo.put(TABLE, _item(company, customer), "attribute_not_exists(pk)")


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


def get_customer(company: str, id: int) -> Customer | None:
    item = dynamo.get(TABLE, customer_key(company, id))
    return Customer.model_validate(item) if item else None


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
    return dynamo.write([customer_put(company, customer)])


def put_customer(company: str, customer: Customer, before: Customer) -> bool:
    """Write a changed customer; False if it was changed concurrently."""
    put = dynamo.put(
        TABLE, _item(company, customer), "updated_at = :before", before=before.updated_at
    )
    return dynamo.write([put])


def customers_by_id(company: str, ids: Iterable[int]) -> dict[int, Customer]:
    """The customers with these ids that exist, by id."""
    found = dynamo.get_many((TABLE, customer_key(company, id)) for id in ids)
    customers = [Customer.model_validate(item) for item in found.values()]
    return {customer.id: customer for customer in customers}


def users_by_id(company: str, ids: Iterable[int]) -> dict[int, LicenseUser]:
    """The license users with these ids that exist, by id."""
    found = dynamo.get_many((TABLE, user_key(company, id)) for id in ids)
    users = [LicenseUser.model_validate(item) for item in found.values()]
    return {user.id: user for user in users}


class ListedCustomer(NamedTuple):
    """A customer in a list: its position, and its id, or its page and the index in it."""

    place: str
    id: int = 0
    page: tuple[str, str] | None = None
    at: int = 0


def listed_customers(
    company: str, *, after: str | None = None, limit: int | None = None
) -> Iterator[ListedCustomer]:
    """A company's customers, newest first, after a position; `limit` is a hint for few."""
    resume_at, _, passed = (after or "").rpartition("/")
    shards = [*dynamo.shards(company), f"{company}#{PAGES}"]
    found = newest_first(TABLE, "by_created", "listed", shards, last=resume_at or "~", limit=limit)
    for item in found:
        created, row = item["created"], (item["pk"], item["sk"])
        is_page = row[1].startswith("page#")
        id = 0 if is_page else int(row[1].partition("#")[2])
        for at in range(int(passed) + 1 if created == resume_at else 0, item.get("n", 1)):
            yield ListedCustomer(f"{created}/{at}", id, row if is_page else None, at)


def ids_of_listed(listed: Iterable[ListedCustomer]) -> list[int]:
    """The ids of listed customers, in their order."""
    wanted = list(listed)
    pages = {(TABLE, each.page) for each in wanted if each.page}
    found = dynamo.get_many(pages, select=["ids"])
    held = {key: unpacked(item["ids"]) for (_, key), item in found.items()}
    return [held[each.page][each.at] if each.page else each.id for each in wanted]


def _item(company: str, customer: Customer) -> dynamo.Item:
    pk, sk = customer_key(company, customer.id)
    keys = {"pk": pk, "sk": sk}
    if customer.listed_by is None:
        keys["listed"] = dynamo.shard(company, customer.id)
        keys["created"] = f"{dynamo.stamp(customer.created_at)}#{customer.id}"
    return dynamo.record_item(customer, **keys)
