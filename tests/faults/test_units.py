"""What updating and undoing a row costs in units of DynamoDB: bench/cost.py has these numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from bench import cost
from tests.faults.capacity import Capacity, Charge
from tests.faults.history import CUSTOMERS, LICENSES, ORDERS
from tests.faults.laboratory import Laboratory
from tests.faults.throttled import ThrottledDynamoDB
from tests.faults.undos import Sheet, Undoers

ROWS, PER_ORDER = 500, 10
HEADER = "license__license_key,product__short_code,license__note,order__store_id,customer__email\n"
NEW = "".join(
    f"UNIT-{n:04},kp,moved from the old shop,web-{n // PER_ORDER},buyer{n // PER_ORDER}@x.test\n"
    for n in range(ROWS)
)
CHANGED = NEW.replace("old", "new")


@dataclass
class Counted(Capacity):
    """The units of each table, with its indexes. Nothing is throttled."""

    units: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def take(self, charges: Sequence[Charge], _: float) -> str | None:
        for each in charges:
            table = each.resource.partition("/")[0]
            if table in (LICENSES, ORDERS, CUSTOMERS):
                self.units[table, each.reads] += each.units  # type: ignore[assignment]  # halves
        return None

    def per_row(self, *, reads: bool, table: str | None = None) -> float:
        counted = self.units.items()
        return (
            sum(n for (name, read), n in counted if read is reads and table in (None, name)) / ROWS
        )


@pytest.fixture
def importer(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> Undoers:
    """Imports whose batches and lists are as large as in production."""
    monkeypatch.setattr("shared.store.newest_first.PAGE", 500)
    monkeypatch.setattr("shared.workflows.import_chunk.BATCH_ROWS", 5_000)
    return Undoers(lab, lab.world(0))


@contextmanager
def counting(importer: Undoers) -> Iterator[Counted]:
    """Count the units of what happens meanwhile."""
    world, counted = importer.world, Counted(importer.world.time)
    before = world.dynamodb
    world.dynamodb = ThrottledDynamoDB(before.tables, before.now, capacity=counted)
    world.dynamodb.heard, world.dynamodb.seen = before.heard, before.seen
    yield counted
    world.dynamodb = before


def undo(importer: Undoers, number: int) -> Counted:
    """Undo an import, and count the units."""
    with counting(importer) as counted:
        importer.world.alone("undoer", partial(importer.undo, number))
        importer.world.run()
    (undone,) = importer.undos()
    counts = importer.job(undone)["counts"]["M"]
    assert counts["reverted_licenses_count"] == {"N": str(ROWS)}
    return counted


def test_a_row_that_changes_nothing_costs_its_read_and_a_change_one_write_unit(
    importer: Undoers,
) -> None:
    update = {"on_existing": "update"}
    importer.bring_alone(Sheet("licenses", (HEADER + NEW).encode()))
    cells = "license__license_key,product__short_code,license__note\n"

    def rows(text: str) -> Sheet:
        lines = [",".join(line.split(",")[:3]) for line in text.splitlines()]
        return Sheet("licenses", (cells + "\n".join(lines) + "\n").encode(), update)

    with counting(importer) as unchanged:
        importer.bring_alone(rows(NEW))
    with counting(importer) as changed:
        number = importer.bring_alone(rows(CHANGED))
    restored = undo(importer, number)

    assert unchanged.per_row(reads=True) == changed.per_row(reads=True) == cost.UPDATE_READS
    written = [each.per_row(reads=False) for each in (unchanged, changed, restored)]
    assert written == [0, cost.CHANGE_UNITS, cost.CHANGE_UNITS]
    assert restored.per_row(reads=True) == cost.RESTORE_READS


def test_the_undo_of_a_row_uses_the_documented_units(importer: Undoers) -> None:
    number = importer.bring_alone(Sheet("licenses", (HEADER + NEW).encode()))

    undone = undo(importer, number)

    assert round(undone.per_row(reads=False), 2) == cost.UNDO_UNITS
    assert round(undone.per_row(reads=True), 2) == cost.UNDO_READS


def test_an_order_with_a_time_of_its_own_costs_three_write_units_more(importer: Undoers) -> None:
    orders = "".join(f"%s-{n},kp,,%s-{n},%s{n}@x.test,%s\n" for n in range(ROWS))
    dated = f"{HEADER.strip()},order__created_at\n"
    written = []

    for name, header, time in (("a", HEADER, ""), ("b", dated, ""), ("c", dated, "2020-03-01")):
        text = orders.replace("%s\n", f"{time}\n").replace("%s", name)
        text = text if header is dated else text.replace(",\n", "\n")
        with counting(importer) as counted:
            importer.bring_alone(Sheet("licenses", (header + text).encode()))
        written.append(counted.per_row(reads=False, table=ORDERS))

    plain, *others = [round(each, 2) for each in written]
    assert [round(each - plain, 1) for each in others] == [3, 3]
