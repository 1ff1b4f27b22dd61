"""Row results: for each row of a batch, its outcome and the records that it names.

A batch's results are stored as columns, because a file can have millions of rows and importing a
row takes a few microseconds. `changes` has, by row number, the fields that a row has updated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

type RowOutcome = Literal["created", "updated", "unchanged", "failed", "reverted", "kept"]
type Kept = tuple[str, int, str]
"""A record that the undo of a row keeps: the field with its id, the id, and the reason."""
type Changes = Mapping[str, tuple[Any, Any]]
"""The fields that a row changed or would change: the value before, and the value after."""

CREATED, UPDATED, UNCHANGED, REPEATED, FAILED, REVERTED, KEPT = b"cu-rfvk"
"""The outcomes in a batch's results, one byte per row. A repeated row is shown as unchanged."""
OUTCOMES: Mapping[str, RowOutcome] = {
    "c": "created",
    "u": "updated",
    "-": "unchanged",
    "r": "unchanged",
    "f": "failed",
    "v": "reverted",
    "k": "kept",
}
_PARTS = ("licenses", "orders", "customers")
_NAMES = ("license_id", "order_id", "customer_id")


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """What a row has changed: the fields of `before`, with their values in `after`."""
    return {name: (value, after.get(name)) for name, value in before.items()}


def noted_changes(record: Mapping[str, Any], maker: str) -> Changes | None:
    """What a row has changed of a record, if nothing else has changed the record since.

    A row that runs again reports what it had changed.
    """
    if record.get("changed_by") != maker:
        return None
    return changes_of(record["changed_from"]["fields"], record)


class RowResult(NamedTuple):
    """The result of a row. An id is None if the row names no such record, or has failed.

    In a dry run, the outcome is what would happen, and the ids are those that records would get.
    `changes` is None unless the row has updated its record. It is also None if the row ran again
    after its record had been changed by something else, because the earlier values are then gone.
    """

    row: int
    line: int
    outcome: RowOutcome
    license_id: int | None
    order_id: int | None
    customer_id: int | None
    changes: Mapping[str, Any] | None
    more_license_ids: Sequence[int] = ()
    """The ids of further licenses that a row with a quantity names; 0 for one that it does not."""
    kept: Sequence[Kept] = ()
    """Of an undo: the records of the row that are kept. Its other records are reverted."""


@dataclass(slots=True)
class RowResults:
    """The results of consecutive rows; a row is unchanged unless something else is noted.

    `licenses`, `orders` and `customers` have an id per row, or 0; an empty list has only zeros. In
    an undo, these are the records that a row has created or changed, and of which it says whether
    they are reverted or `kept`.
    """

    first_row: int
    lines: list[int]
    outcomes: bytearray
    licenses: list[int] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    customers: list[int] = field(default_factory=list)
    changes: dict[int, Changes | None] = field(default_factory=dict)
    more: dict[int, list[int]] = field(default_factory=dict)
    """By row: the ids of its licenses after the first, if it has a quantity."""
    kept: dict[int, list[Kept]] = field(default_factory=dict)

    @classmethod
    def of(cls, first_row: int, lines: list[int]) -> "RowResults":
        """The results of rows that begin in these lines of the file."""
        return cls(first_row, lines, bytearray([UNCHANGED]) * len(lines))

    def note(self, named: Iterable[tuple[int, int, int, int]]) -> None:
        """Record which license, order and customer rows name, each `(row, *ids)`; 0 is none."""
        licenses, orders, customers = (self._ids(part) for part in _PARTS)
        first = self.first_row
        for row, license_id, order_id, customer_id in named:
            at = row - first
            licenses[at], orders[at], customers[at] = license_id, order_id, customer_id

    def created(self, rows: Iterable[int]) -> None:
        """Record that each of these rows has created its record."""
        for row in rows:
            self.outcomes[row - self.first_row] = CREATED

    def note_copies(self, licenses: Iterable[tuple[int, int, int, int]]) -> None:
        """Record all licenses of rows with a quantity, each `(row, copy, copies, id)`."""
        for row, copy, copies, id in licenses:
            if copy:
                self.more.setdefault(row, [0] * (copies - 1))[copy - 1] = id
            else:
                self.licenses[row - self.first_row] = id

    def all_created(self, licenses: list[int], orders: list[int], customers: list[int]) -> None:
        """Record that each row of the batch has created a license; with the ids of each row."""
        self.outcomes = bytearray([CREATED]) * len(self.lines)
        self.licenses, self.orders, self.customers = licenses, orders, customers

    def updated(self, changes: Mapping[int, Changes | None]) -> None:
        """Record the rows that have updated their records, with what they changed."""
        for row in changes:
            self.outcomes[row - self.first_row] = UPDATED
        self.changes |= changes

    def _ids(self, part: str) -> list[int]:
        ids: list[int] = getattr(self, part)
        ids.extend([0] * (len(self.lines) - len(ids)))
        return ids

    def undo(self, row: int, name: str, id: int, reason: str = "") -> None:
        """Record that an undo has reverted a record of a row, or keeps it for a reason.

        `name` is the field with its id. What was recorded about the record before is replaced. The
        outcome is that of the row's license, of which the smallest id is named if it has several.
        Without a license, a row is reverted if nothing is kept.
        """
        at = row - self.first_row
        kept = [each for each in self.kept.pop(row, ()) if each[:2] != (name, id)]
        ids = self._ids(_PARTS[_NAMES.index(name)])
        is_kept = any(each[0] == name for each in kept)
        if reason or not is_kept:
            is_one_of_several = ids[at] and bool(reason) == is_kept
            ids[at] = min(id, ids[at]) if is_one_of_several else id
        if reason:
            kept.append((name, id, reason))
        if kept:
            self.kept[row] = sorted(kept, key=lambda each: (_NAMES.index(each[0]), each[1]))
        if self.licenses and self.licenses[at]:
            kept = [each for each in kept if each[0] == "license_id"]
        self.outcomes[at] = KEPT if kept else REVERTED

    def kept_records(self) -> int:
        """The number of records that an undo keeps."""
        return sum(map(len, self.kept.values()))

    def failed(self, rows: Iterable[int]) -> None:
        """Record rows that were not imported, whatever was noted before."""
        for row in rows:
            at = row - self.first_row
            self.outcomes[at] = FAILED
            self.changes.pop(row, None)
            self.more.pop(row, None)
            for ids in (self.licenses, self.orders, self.customers):
                if ids:
                    ids[at] = 0

    def repeat(self, rows: Iterable[int]) -> None:
        """Record that rows name the record of an earlier row of the file, and create nothing."""
        for row in rows:
            self.outcomes[row - self.first_row] = REPEATED

    def forget_parts(self, rows: Iterable[int]) -> None:
        """Forget the orders and customers of rows, which name only the license of another row."""
        for ids in filter(None, (self.orders, self.customers)):
            for row in rows:
                ids[row - self.first_row] = 0

    def count(self, outcome: int) -> int:
        return self.outcomes.count(outcome)

    def stored(self) -> bytes:
        """The results as JSON: equal results have equal bytes."""
        first = self.lines[0] if self.lines else 0
        is_dense = self.lines and self.lines[-1] - first == len(self.lines) - 1
        kept = {
            "first_row": self.first_row,
            "outcomes": self.outcomes.decode(),
            "lines": first if is_dense else self.lines,
            "changes": {str(row): self.changes[row] for row in sorted(self.changes)},
        }
        kept |= {part: ids for part in _PARTS if any(ids := getattr(self, part))}
        if self.more:
            kept["more"] = {str(row): self.more[row] for row in sorted(self.more)}
        if self.kept:
            kept["kept"] = {str(row): self.kept[row] for row in sorted(self.kept)}
        return orjson.dumps(kept)

    @classmethod
    def read(cls, stored: bytes) -> "RowResults":
        """The results that `stored` has written."""
        kept = orjson.loads(stored)
        outcomes, lines = bytearray(kept["outcomes"].encode()), kept["lines"]
        if isinstance(lines, int):
            lines = list(range(lines, lines + len(outcomes)))
        changes = {int(row): each for row, each in kept["changes"].items()}
        licenses, orders, customers = (kept.get(part, []) for part in _PARTS)
        more = {int(row): ids for row, ids in kept.get("more", {}).items()}
        of_undo = {
            int(row): [(name, id, reason) for name, id, reason in each]
            for row, each in kept.get("kept", {}).items()
        }
        first = kept["first_row"]
        return cls(first, lines, outcomes, licenses, orders, customers, changes, more, of_undo)

    def rows(self) -> Iterator[RowResult]:
        nothing = [0] * len(self.lines)
        ids = (getattr(self, part) or nothing for part in _PARTS)
        known = zip(self.lines, self.outcomes.decode(), *ids, strict=True)
        for row, (line, letter, license_id, order_id, customer_id) in enumerate(
            known, self.first_row
        ):
            yield RowResult(
                row,
                line,
                OUTCOMES[letter],
                license_id or None,
                order_id or None,
                customer_id or None,
                self.changes.get(row),
                self.more.get(row, ()),
                self.kept.get(row, ()),
            )
