"""The totals of an undo, from the results and reports of its batches.

Several batches name an order or a customer. Each batch removes it if its own licenses were the last
ones, and otherwise reports why it stays; so it is gone if one of them has removed it. A dry run
removes nothing: there, batches report how many licenses of an order they would remove.

    made["orders"]     [order, customer or 0, licenses, licenses that would be removed, reason, row]
    made["customers"]  [customer, reason, row]
    made["reasons"]    [reason, kept rows]

`row` has created the record. A blank reason means that nothing else keeps the record.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from shared.import_counts import BatchResult, undo_counts
from shared.import_job import ImportJob

type Details = Callable[[BatchResult], Mapping[str, Any]]


class Part(NamedTuple):
    """What an undo does with an order or a customer that a row has created."""

    row: int
    name: str
    """The field of the row's result that has the id."""
    id: int
    reason: str
    """Why it is kept; blank if it is removed."""


def undo_totals(
    job: ImportJob, results: Sequence[BatchResult], details_of: Details
) -> tuple[dict[str, int], dict[int, list[Part]]]:
    """The counts of an undo, and what the results of rows lack; `details_of` reads a report.

    The latter are, by the first row of a batch, the orders and customers that its rows have created
    and with which other batches have done something else than the batch knows.
    """
    counts = undo_counts(results)
    orders: dict[int, _Order] = {}
    customers: dict[int, _Part] = {}
    reasons: Counter[str] = Counter()
    for result in results:
        made = details_of(result).get("made", {})
        reasons.update(dict(made.get("reasons", ())))
        for id, customer, licenses, removed, reason, row in made.get("orders", ()):
            order = orders.setdefault(id, _Order(customer))
            order.add(licenses, removed, reason)
            alone = _Order(customer)
            alone.add(licenses, removed, reason)
            order.note(result, row, alone.reason(dry_run=job.dry_run))
        for id, reason, row in made.get("customers", ()):
            named = customers.setdefault(id, _Part())
            named.reasons.add(reason)
            named.note(result, row, reason)
    if job.kind != "licenses":
        return counts | _by_reason(reasons), {}
    kept = {id: why for id, order in orders.items() if (why := order.reason(dry_run=job.dry_run))}
    needed = {orders[id].customer for id in kept}
    stays: dict[int, str] = {}
    for id, customer in customers.items():
        others = customer.reasons - {""}
        if job.dry_run and not others and id in needed:
            others = {"has_orders"}
        if others and (job.dry_run or "" not in customer.reasons):
            stays[id] = min(others, key=_rank)
    reasons.update(kept.values())
    reasons.update(stays.values())
    counts |= {
        "reverted_orders_count": len(orders) - len(kept),
        "kept_orders_count": len(kept),
        "reverted_customers_count": len(customers) - len(stays),
        "kept_customers_count": len(stays),
    }
    differing: dict[int, list[Part]] = {}
    for index, part in (
        *_differing("order_id", orders, kept),
        *_differing("customer_id", customers, stays),
    ):
        differing.setdefault(index, []).append(part)
    return counts | _by_reason(reasons), differing


def _rank(reason: str) -> tuple[bool, str]:
    """Sort reasons that another batch may have removed since behind those that are final."""
    return reason in ("has_licenses", "has_orders"), reason


def _by_reason(reasons: Mapping[str, int]) -> dict[str, int]:
    return {f"kept_because_{reason}": count for reason, count in sorted(reasons.items())}


def _differing(
    name: str, parts: Mapping[int, "_Part"], kept: Mapping[int, str]
) -> Iterator[tuple[int, Part]]:
    for id, part in parts.items():
        if part.index is not None and part.noted != kept.get(id, ""):
            yield part.index, Part(part.row, name, id, kept.get(id, ""))


class _Part:
    """What the batches report about a customer, or an order."""

    __slots__ = ("index", "noted", "reasons", "row")

    def __init__(self) -> None:
        self.reasons: set[str] = set()
        self.index: int | None = None
        """The batch with the row that has created the record."""
        self.row, self.noted = 0, ""

    def note(self, result: BatchResult, row: int, reason: str) -> None:
        """Remember what the batch with the row that has created the record reports."""
        if result.index <= row < result.index + result.rows:
            self.index, self.row, self.noted = result.index, row, reason


class _Order(_Part):
    """What the batches report about an order."""

    __slots__ = ("_licenses", "_removed", "customer")

    def __init__(self, customer: int) -> None:
        super().__init__()
        self.customer = customer
        self._licenses = self._removed = 0

    def add(self, licenses: int, removed: int, reason: str) -> None:
        self._licenses = max(self._licenses, licenses)
        self._removed += removed
        self.reasons.add(reason)

    def reason(self, *, dry_run: bool) -> str:
        """Why the order stays; blank if it does not."""
        others = sorted(self.reasons - {""}, key=_rank)
        if not dry_run:
            return "" if "" in self.reasons else others[0]
        if others:
            return others[0]
        return "has_licenses" if self._licenses > self._removed else ""
