"""Warnings about license rows whose order or customer exists with other values."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from shared.columns import CustomerRow, OrderRow
from shared.differences import PART_DEFAULTS
from shared.row_entries import Import, LicenseEntry
from shared.stored_json import same_json
from shared.workflows.batch import Batch, Found, is_ours


def warn_of_parts(
    job: Import,
    done: Batch,
    orders: Mapping[int, Found],
    customers: Mapping[int, Found],
    made: Iterable[LicenseEntry],
    same: Iterable[LicenseEntry],
) -> None:
    """Warn about rows whose order or customer columns differ from the stored record.

    The stored record is of another origin, or from the file's first row; `same` are rows that
    repeat the license of a row in `made`. Call it after orders and customers are written.
    """
    parts = _Parts(job, orders, customers)
    for entry in (*made, *same):
        if warnings := parts.warnings(entry):
            done.warn(entry.record, warnings)


class _Parts:
    """Caches the warnings for rows with the same order and customer."""

    def __init__(
        self, job: Import, orders: Mapping[int, Found], customers: Mapping[int, Found]
    ) -> None:
        self.job, self.orders, self.customers = job, orders, customers
        self.first: dict[int, LicenseEntry] = {}
        self.rows: dict[int, CustomerRow] = {}
        self.known: dict[tuple[int, ...], list[dict[str, Any]]] = {}

    def warnings(self, entry: LicenseEntry) -> list[dict[str, Any]]:
        place = entry.order_id, entry.customer_id or 0, id(entry.order), id(entry.customer)
        found = self.known.get(place)
        if found is None:
            found = self.known[place] = [*self._of_order(entry), *self._of_customer(entry)]
        return found

    def _of_order(self, entry: LicenseEntry) -> list[dict[str, Any]]:
        first = self.first.setdefault(entry.order_id, entry)
        stored = self.orders[entry.order_id].found
        if stored is None:
            if first is entry:
                return []
            placed = first.order.created_at or self.job.began
            there: Mapping[str, Any] = first.order.model_dump() | {"created_at": placed}
            ours, owner = True, self._customer_id(first)
        else:
            there, ours = stored, is_ours(self.job, stored)
            owner = stored.get("customer_id")
        found = _differences("order", entry.order, there, ours=ours)
        wanted = self._customer_id(entry)
        if wanted is not None and wanted != owner:
            found.append(self._another_customer(entry, owner, first))
        return found

    def _of_customer(self, entry: LicenseEntry) -> list[dict[str, Any]]:
        if entry.customer is None or entry.customer_id is None:
            return []
        first = self.rows.setdefault(entry.customer_id, entry.customer)
        stored = self.customers[entry.customer_id].found
        if stored is not None:
            ours = is_ours(self.job, stored)
            return _differences("customer", entry.customer, stored, ours=ours)
        if first is entry.customer:
            return []
        return _differences("customer", entry.customer, first.model_dump(), ours=True)

    def _customer_id(self, entry: LicenseEntry) -> int | None:
        return None if entry.customer_id is None else self.customers[entry.customer_id].id

    def _another_customer(
        self, entry: LicenseEntry, owner: int | None, first: LicenseEntry
    ) -> dict[str, Any]:
        customer, other = entry.customer, first.customer
        known = other is not None and self._customer_id(first) == owner
        shown = (other.email or other.reference) if known and other else None
        whose = f"customer {shown or owner}" if owner is not None else "no customer"
        email = customer.email if customer else None
        return {
            "column": "customer__email" if email else "customer__reference",
            "code": "another_customer",
            "message": f"order {entry.store_id} has {whose}, which stays: this license alone"
            " belongs to the customer of its row",
            "value": email or (customer.reference if customer else None),
        }


def _differences(
    part: str, row: OrderRow | CustomerRow, there: Mapping[str, Any], *, ours: bool
) -> list[dict[str, Any]]:
    code, whose = (
        ("differs_from_first", "an earlier row of this")
        if ours
        else ("differs_from_existing", "the existing")
    )
    defaults, found = PART_DEFAULTS[f"{part}__"], []
    for name in type(row).model_fields:
        value = getattr(row, name)
        if value is None:
            continue
        value, kept = _plain(value), _plain(there.get(name))
        if kept is None:
            kept = defaults.get(name)
        if value != kept or (isinstance(value, dict) and not same_json(value, kept)):
            found.append(
                {
                    "column": f"{part}__{name}",
                    "code": code,
                    "message": f"{whose} {part} has {_shown(kept)}, which stays",
                    "value": str(value)[:200],
                }
            )
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _shown(value: Any) -> str:
    return "no value" if value in (None, "") else repr(str(value)[:200])
