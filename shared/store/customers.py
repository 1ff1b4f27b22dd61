"""Customers and license users, in the table Customers, each at the id that its e-mail leads to.

They stand on a company's shelves, so customers are listed without an index.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.customers import Customer, LicenseUser
from shared.store import dynamo
from shared.values import record_id

TABLE = "CUSTOMERS_TABLE"


def customer_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.shelf(company, id), f"customer#{id}"


def user_key(company: str, id: int) -> tuple[str, str]:
    return dynamo.shelf(company, id), f"user#{id}"


def customer_put(company: str, customer: Customer) -> dict[str, Any]:
    """The write of a new customer, for a transaction; it holds if the e-mail is nobody's yet."""
    pk, sk = customer_key(company, customer.id)
    item = dynamo.record_item(customer, pk=pk, sk=sk)
    return dynamo.put(TABLE, item, "attribute_not_exists(pk)")


def user_put(company: str, user: LicenseUser) -> dict[str, Any]:
    """The write of a new license user, for a transaction.

    It holds if the e-mail is nobody's yet; or, in an order that is not visible yet, its own.
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


def customer_with_email(company: str, email: str) -> Customer | None:
    customer = get_customer(company, record_id(company, "customer", email))
    return customer if customer and customer.email == email else None


def add_customer(company: str, customer: Customer) -> bool:
    """Write a new customer; False if there is one at its id already."""
    return dynamo.write([customer_put(company, customer)])


def put_customer(company: str, customer: Customer, before: Customer) -> bool:
    """Write a changed customer; False if it changed meanwhile."""
    pk, sk = customer_key(company, customer.id)
    item = dynamo.record_item(customer, pk=pk, sk=sk)
    condition = "updated_at = :before"
    return dynamo.write([dynamo.put(TABLE, item, condition, before=before.updated_at)])


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


def customer_ids(company: str, *, after: int | None, limit: int | None = None) -> Iterator[int]:
    """The ids of all customers in a stable order, shelf by shelf; starts behind `after`.

    `limit` is for one who wants few of them.
    """
    start = customer_key(company, after) if after is not None else ("", "")
    for shelf in dynamo.shelves(company):
        if shelf < start[0]:
            continue
        first = start[1] if shelf == start[0] else "customer#"
        condition = "pk = :shelf AND sk BETWEEN :first AND :last"
        values = {"shelf": shelf, "first": first, "last": "customer#~"}
        for entry in dynamo.query(
            TABLE, condition, values, select=["sk"], consistent=True, limit=limit
        ):
            if (shelf, entry["sk"]) != start:
                yield int(entry["sk"].partition("#")[2])
