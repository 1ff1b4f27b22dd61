"""L1: every visible license, order and customer is listed once, newest first."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.store import dynamo
from shared.store.customers import ids_of_listed, listed_customers
from shared.store.license_index import ids_at, issued
from shared.store.order_index import ids_of_listed as order_ids
from shared.store.order_index import listed_orders, totals_of
from tests.faults.attribute_values import structure_of
from tests.faults.dynamodb import DynamoDB
from tests.faults.history import CATALOG, CUSTOMERS, ORDERS, licenses_of, rows_of
from tests.faults.world import World


def check_lists(world: World, company: str) -> list[str]:
    """Return the violations of L1 in all lists of a company."""
    violations: list[str] = []

    def audit() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dynamo, "client", lambda: _Reader(world.dynamodb))
            violations.extend(_wrong(world, company))

    world.alone("auditor", audit)
    return violations


@dataclass(frozen=True)
class _Reader:
    """Read the model directly, because botocore would take most of the time."""

    service: DynamoDB

    def query(self, **body: Any) -> Any:
        answer = self.service.answer("Query", body)
        return {**answer, "Items": [*map(structure_of, answer["Items"])]}

    def batch_get_item(self, **body: Any) -> Any:
        answer = self.service.answer("BatchGetItem", body)
        items = {name: [*map(structure_of, found)] for name, found in answer["Responses"].items()}
        return {**answer, "Responses": items}


def _wrong(world: World, company: str) -> Iterator[str]:
    rows = {(row["pk"]["S"], row["sk"]["S"]): row for row in rows_of(world, ORDERS, company)}
    there: dict[int, dict[str, Any]] = {
        lic["id"]: lic
        for item in licenses_of(world, company)
        if (lic := dynamo.from_item(item)) and _is_visible(company, lic, rows)
    }
    products = {lic["product_id"] for lic in there.values()}
    for row in rows_of(world, CATALOG, company):
        if row["sk"]["S"].startswith("product#"):
            products.add(int(row["id"]["N"]))
    for product_id in (None, *sorted(products)):
        wanted = [id for id, lic in there.items() if product_id in (None, lic["product_id"])]
        yield from _listed(company, product_id, there, wanted)
    yield from _customers(world, company)
    orders = {
        order["id"]: order
        for (_, sk), row in rows.items()
        if sk == "order" and "deleted_at" not in row
        for order in (dynamo.from_item(row),)
    }
    yield from _orders(company, None, orders)
    for id, order in orders.items():
        own = sum(len(item["license_ids"]) for item in order.get("items", ()))
        licenses = sum(lic["order_id"] == id for lic in there.values())
        if own + order.get("added", 0) != licenses:
            yield f"L1 order {id} counts {own} and {order.get('added', 0)} licenses of {licenses}"
    for customer in {each["customer_id"] for each in orders.values() if "customer_id" in each}:
        its = {id: each for id, each in orders.items() if each.get("customer_id") == customer}
        yield from _orders(company, customer, its)
        licenses = sum(lic.get("customer_id") == customer for lic in there.values())
        totals = totals_of(company, customer, most=10_000)
        if totals != (len(its), licenses, True):
            yield f"L1 {company} counts {totals} of {customer}, not {len(its)} and {licenses}"


def _listed(
    company: str, product_id: int | None, there: dict[int, dict[str, Any]], wanted: list[int]
) -> Iterator[str]:
    name = f"the list of {company}, product {product_id},"
    found = list(issued(company, product_id=product_id))
    held = ids_at(entry.row for entry in found)
    counted = Counter(id for entry in found for id in held.get(entry.row, ()))
    for entry in found:
        ids = held.get(entry.row, ())
        if len(ids) != entry.licenses:
            yield f"L1 {name} counts {entry.licenses} licenses of {entry.row}: {ids}"
        for lic in (there[id] for id in ids if id in there):
            if not entry.created.startswith(lic["created_at"].partition("+")[0][:19]):
                yield f"L1 {name} has {lic['id']} of {lic['created_at']} at {entry.created}"
    if counted != Counter(wanted):
        twice = [id for id, count in counted.items() if count > 1]
        more, less = counted.keys() - set(wanted), set(wanted) - counted.keys()
        yield f"L1 {name} has {sorted(twice)} twice, {sorted(more)} for nothing, not {sorted(less)}"
    times = [entry.created for entry in found]
    if times != sorted(times, reverse=True):
        yield f"L1 {name} is in the order {times}"


def _orders(
    company: str, customer_id: int | None, there: dict[int, dict[str, Any]]
) -> Iterator[str]:
    """Check the orders of a company or a customer, with all kinds of cursors."""
    name = f"the list of {company}'s orders, customer {customer_id},"
    listed = list(listed_orders(company, customer_id=customer_id))
    ids = order_ids(listed)
    if Counter(ids) != Counter([*there]):
        yield f"L1 {name} has {sorted(ids)} of {sorted(there)}"
    for each, id in zip(listed, ids, strict=True):
        if id in there and not each.place.startswith(there[id]["created_at"][:19]):
            yield f"L1 {name} has {id} of {there[id]['created_at']} at {each.place}"
    times = [each.place.partition("/")[0] for each in listed]
    if times != sorted(times, reverse=True):
        yield f"L1 {name} is in the order {times}"
    if listed:
        middle = len(listed) // 2
        onward = [*listed_orders(company, customer_id=customer_id, after=listed[middle].place)]
        if onward != listed[middle + 1 :]:
            yield f"L1 {name} continues after {listed[middle]} with {onward}"


def _customers(world: World, company: str) -> Iterator[str]:
    there = {
        int(row["id"]["N"]): row["created_at"]["S"][:19]
        for row in rows_of(world, CUSTOMERS, company)
        if row["sk"]["S"].startswith("customer#") and "deleted_at" not in row
    }
    listed = list(listed_customers(company))
    ids = ids_of_listed(listed)
    if Counter(ids) != Counter([*there]):
        yield f"L1 {company} lists the customers {sorted(ids)} of {sorted(there)}"
    for each, id in zip(listed, ids, strict=True):
        if id in there and not each.place.startswith(there[id]):
            yield f"L1 {company} has the customer {id} of {there[id]} at {each.place}"
    times = [each.place.partition("/")[0] for each in listed]
    if times != sorted(times, reverse=True):
        yield f"L1 {company} lists its customers in the order {times}"


def _is_visible(company: str, lic: dict[str, Any], rows: dict[tuple[str, str], Any]) -> bool:
    if "unsettled" not in lic:
        return True
    order_id, part, fingerprint = lic["unsettled"].split("/")
    row = rows.get((f"{company}#{order_id}", part))
    return row is not None and row.get("fingerprint", {}).get("S") == fingerprint
