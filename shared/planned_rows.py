"""The rows of a plan: what a dry run has decided, which its commit must decide again.

A commit writes a row only if its decision is the planned one. Any other row is not written, and is
the fault `not_as_planned`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from shared.row_results import REPEATED, Changes, Kept, RowResults

type Faults = list[dict[str, Any]]

_TIMES = frozenset({"time_disabled"})
"""Fields that an update sets to its own time."""


class PlannedRow(NamedTuple):
    """The decision about a row. `faults` are those of a row that has failed in the dry run."""

    outcome: str
    is_repeat: bool
    """Whether the row names the record of an earlier row of the file; it never writes."""
    license_id: int
    order_id: int
    customer_id: int
    changes: Mapping[str, Any] | None
    faults: Faults
    more_license_ids: Sequence[int] = ()
    kept: Sequence[Kept] = ()
    """Of the plan of an undo, the records of the row that it keeps."""

    @property
    def creates(self) -> bool:
        return self.outcome == "created"

    @property
    def reverts(self) -> bool:
        return self.outcome == "reverted"

    def reverts_record(self, name: str, id: int) -> bool:
        """Whether the plan of an undo reverts a record of the row; `name` is the id's field."""
        is_kept = any(kept[:2] == (name, id) for kept in self.kept)
        return getattr(self, name) == id and not is_kept

    def ids(self, copy: int = 0) -> tuple[int, int, int]:
        """The ids of the license `copy`, the order and the customer, or 0."""
        licenses = self.license_id, *self.more_license_ids
        return licenses[copy] if copy < len(licenses) else 0, self.order_id, self.customer_id

    def changes_as_planned(self, changes: Changes) -> bool:
        """Whether a row would change its record as planned."""
        return self.changes is not None and _comparable(changes) == _comparable(self.changes)


def planned_rows(results: RowResults, failed: Mapping[int, Faults]) -> dict[int, PlannedRow]:
    """The planned rows of a batch by their numbers; `failed` are the faults of its failed rows."""
    return {
        row.row: PlannedRow(
            row.outcome,
            letter == REPEATED,
            row.license_id or 0,
            row.order_id or 0,
            row.customer_id or 0,
            row.changes,
            failed.get(row.row, []),
            row.more_license_ids,
            row.kept,
        )
        for row, letter in zip(results.rows(), results.outcomes, strict=True)
    }


def not_as_planned(planned: PlannedRow | None, found: str) -> dict[str, Any]:
    """The fault of a row whose decision is another one than the plan's."""
    was = planned.outcome if planned is not None else "no row"
    message = f"the plan has {was} for this row, and now {found}: nothing was written; plan again"
    return {"column": "", "field": "", "code": "not_as_planned", "message": message, "value": None}


def _comparable(changes: Mapping[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(orjson.dumps(changes))
    return {
        name: [value is None for value in values] if name in _TIMES else values
        for name, values in stored.items()
    }
