"""Licenses, in the table Licenses: one item each, at the id that its key leads to.

A license whose order was too large for one transaction is there before its order is; `unsettled`
then names the order's row, and the license is visible when that row is there.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from shared.licenses import License
from shared.store import dynamo
from shared.values import record_id

TABLE = "LICENSES_TABLE"
ORDERS = "ORDERS_TABLE"


def license_put(company: str, license: License) -> dict[str, Any]:
    """The write of a new license, for a transaction; it holds if nobody has that key yet."""
    item = dynamo.record_item(
        license,
        pk=dynamo.home(company, license.id),
        listed=dynamo.shelf(company, license.id),
        product_license=f"{license.product_id}#{license.id}",
    )
    if license.unsettled:
        free = "attribute_not_exists(pk) OR unsettled = :row"
        return dynamo.put(TABLE, item, free, row=license.unsettled)
    return dynamo.put(TABLE, item, "attribute_not_exists(pk)")


def stored_licenses(company: str, ids: Iterable[int]) -> dict[int, License]:
    """The licenses with these ids, visible or not."""
    keys = [(TABLE, (dynamo.home(company, id),)) for id in ids]
    found = dynamo.get_many(keys)
    return {item["id"]: License.model_validate(item) for item in found.values()}


def licenses_by_id(company: str, ids: Iterable[int]) -> list[License]:
    """The visible licenses with these ids, in that order."""
    wanted = list(ids)
    stored = stored_licenses(company, wanted)
    visible = settled(company, (lic.unsettled for lic in stored.values()))
    return [lic for id in wanted if (lic := stored.get(id)) and lic.unsettled in visible]


def get_license(company: str, id: int) -> License | None:
    found = licenses_by_id(company, [id])
    return found[0] if found else None


def licenses_with_key(company: str, key: str) -> list[License]:
    """The license that has this key; of a bundle, the bundle's own."""
    first = record_id(company, "license", key)
    for attempt in range(1, 4):
        found = licenses_by_id(company, [first])
        if not found or found[0].license_key == key:
            return found
        first = record_id(company, "license", key, attempt=attempt)
    return []


def license_ids(company: str, product_id: int | None, *, after: int | None) -> Iterator[int]:
    """The ids of all visible licenses, or of those of one product, in a stable order.

    Shelf by shelf, on each by product and id; starts behind the license `after`.
    """
    for batch in _batched(_entries(company, product_id, after), 500):
        visible = settled(company, (entry.get("unsettled") for entry in batch))
        for entry in batch:
            if entry.get("unsettled") in visible:
                yield int(entry["product_license"].partition("#")[2])


def enable_license(company: str, id: int, *, enabled: bool, now: datetime) -> None:
    """Switch a license on or off; repeating it changes nothing more."""
    values: dict[str, Any] = {"enabled": enabled, "now": now}
    update = "SET enabled = :enabled, updated_at = :now"
    update += " REMOVE time_disabled" if enabled else ", time_disabled = :now"
    dynamo.client().update_item(
        TableName=dynamo.table(TABLE),
        Key=dynamo.key_of((dynamo.home(company, id),)),
        UpdateExpression=update,
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues=dynamo.to_item({f":{k}": v for k, v in values.items()}),
    )


def settled(company: str, rows: Iterable[str | None]) -> set[str | None]:
    """Those of the orders' rows that are there; what waits for none always counts."""
    keys: dict[str, tuple[str, str]] = {}
    for row in rows:
        if row:
            order_id, part, _ = row.split("/")
            keys[row] = (dynamo.home(company, int(order_id)), part)
    found = dynamo.get_many((ORDERS, key) for key in keys.values())
    return {None} | {
        row
        for row, key in keys.items()
        if found.get((ORDERS, key), {}).get("fingerprint") == row.rpartition("/")[2]
    }


def _entries(company: str, product_id: int | None, after: int | None) -> Iterator[dict[str, Any]]:
    start = None if after is None else _entry_of(company, after)
    for shelf in dynamo.shelves(company):
        if start and shelf < start[0]:
            continue
        condition, values = "listed = :shelf", {"shelf": shelf}
        if start and shelf == start[0]:
            condition += (
                " AND product_license > :start"
                if product_id is None
                else (" AND product_license BETWEEN :start AND :end")
            )
            values["start"] = start[1]
            if product_id is not None:
                values["end"] = f"{product_id}#~"
        elif product_id is not None:
            condition += " AND begins_with(product_license, :product)"
            values["product"] = f"{product_id}#"
        for entry in dynamo.query(TABLE, condition, values, index="by_product"):
            if not start or entry["product_license"] != start[1]:
                yield entry


def _entry_of(company: str, id: int) -> tuple[str, str] | None:
    lic = stored_licenses(company, [id]).get(id)
    return (dynamo.shelf(company, id), f"{lic.product_id}#{id}") if lic else None


def _batched[T](values: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(values, size)):
        yield batch
