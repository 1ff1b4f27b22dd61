"""The totals of an undo, from the results and reports of its batches.

Several batches name an order or a customer. Each batch removes it if its own licenses were the last
ones, and otherwise reports why it stays; so it is gone if one of them has removed it. A dry run
removes nothing: there, batches report how many licenses of an order they would remove.

    made["orders"]     [order, customer or 0, licenses, licenses that would be removed, reason]
    made["customers"]  [customer, reason]
    made["reasons"]    [reason, kept rows]

A blank reason means that nothing else keeps the record.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.import_job import BatchResult, ImportJob, undo_counts

type Details = Callable[[BatchResult], Mapping[str, Any]]


def undo_totals(
    job: ImportJob, results: Sequence[BatchResult], details_of: Details
) -> dict[str, int]:
    """The counts of an undo; `details_of` reads the report of a batch."""
    counts = undo_counts(results)
    orders: dict[int, _Order] = {}
    customers: dict[int, set[str]] = {}
    reasons: Counter[str] = Counter()
    for result in results:
        made = details_of(result).get("made", {})
        reasons.update(dict(made.get("reasons", ())))
        for id, customer, licenses, removed, reason in made.get("orders", ()):
            orders.setdefault(id, _Order(customer)).add(licenses, removed, reason)
        for id, reason in made.get("customers", ()):
            customers.setdefault(id, set()).add(reason)
    if job.kind != "licenses":
        return counts | _by_reason(reasons)
    kept = {id: why for id, order in orders.items() if (why := order.reason(dry_run=job.dry_run))}
    needed = {orders[id].customer for id in kept}
    stays: dict[int, str] = {}
    for id, found in customers.items():
        others = found - {""}
        if job.dry_run and not others and id in needed:
            others = {"has_orders"}
        if others and (job.dry_run or "" not in found):
            stays[id] = min(others)
    reasons.update(kept.values())
    reasons.update(stays.values())
    counts |= {
        "reverted_orders_count": len(orders) - len(kept),
        "kept_orders_count": len(kept),
        "reverted_customers_count": len(customers) - len(stays),
        "kept_customers_count": len(stays),
    }
    return counts | _by_reason(reasons)


def _by_reason(reasons: Mapping[str, int]) -> dict[str, int]:
    return {f"kept_because_{reason}": count for reason, count in sorted(reasons.items())}


class _Order:
    """What the batches report about an order."""

    def __init__(self, customer: int) -> None:
        self.customer = customer
        self._licenses = self._removed = 0
        self._reasons: set[str] = set()

    def add(self, licenses: int, removed: int, reason: str) -> None:
        self._licenses = max(self._licenses, licenses)
        self._removed += removed
        self._reasons.add(reason)

    def reason(self, *, dry_run: bool) -> str:
        """Why the order stays; blank if it does not."""
        others = sorted(self._reasons - {""})
        if not dry_run:
            return "" if "" in self._reasons else others[0]
        if others:
            return others[0]
        return "has_licenses" if self._licenses > self._removed else ""
