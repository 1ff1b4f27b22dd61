"""The rows per second that one company can import into pre-warmed tables, by the model.

The writes of an import are counted per partition key. Each record has its own key, and these keys
spread evenly over any number of partitions. Lists have few keys, placed by their hashes.
"""

from collections import Counter

import pytest

from bench import cost
from tests.faults import throttle
from tests.faults.capacity import PARTITION_WRITES, Charge, Resource
from tests.faults.history import CUSTOMERS, LICENSES, ORDERS
from tests.faults.laboratory import Laboratory
from tests.faults.throttled import charges_of

ROWS = 2_000
MANY = 100
"""A table or index with at least this many keys has records' own keys, not lists'."""


def ceiling(charges: list[Charge], rows: int, units: int) -> tuple[float, str]:
    """Return the rows per second that these write units allow, and the limiting table or index."""
    warm = Resource(1, 0)
    warm.count = units // PARTITION_WRITES
    found: list[tuple[float, str]] = []
    for resource in {charge.resource for charge in charges}:
        keys: Counter[str] = Counter()
        for charge in charges:
            if charge.resource == resource:
                keys[charge.key] += charge.units  # type: ignore[assignment]  # units are halves at times
        found.append((units / (keys.total() / rows), resource))
        if len(keys) < MANY:
            fullest: Counter[int] = Counter()
            for key, count in keys.items():
                fullest[warm.partition(key)] += count
            most = max(fullest.values())
            found.append((PARTITION_WRITES / (most / rows), f"a partition of {resource}"))
    return min(found)


@pytest.fixture
def written(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> list[Charge]:
    """The writes of an import of `ROWS` rows, in batches of the size in production."""
    monkeypatch.setattr("shared.store.newest_first.PAGE", 500)
    monkeypatch.setattr(throttle, "batch_rows", lambda rows: rows)
    outcome = throttle.throttle(lab, ROWS, scale=1, inline=True)
    assert outcome.licenses == ROWS
    return list(charges_of(lab.worlds[0].dynamodb.tables, {LICENSES, ORDERS, CUSTOMERS}))


def renamed(charges: list[Charge], company: str) -> list[Charge]:
    return [
        Charge(each.resource, each.key.replace("acme#", f"{company}#", 1), each.units)
        for each in charges
    ]


def test_one_company_imports_40_000_rows_a_second_into_pre_warmed_tables(
    written: list[Charge],
) -> None:
    for n in range(50):
        rows, slowest = ceiling(renamed(written, f"company-{n}"), ROWS, cost.WARM_UNITS)
        assert rows >= cost.RATES["pre-warmed tables"], slowest


def test_the_table_of_licenses_sets_the_rate_of_new_tables(written: list[Charge]) -> None:
    total = sum(each.units for each in written if each.resource == LICENSES)

    assert total / ROWS == cost.LICENSE_UNITS
    for n in range(50):
        rows, slowest = ceiling(renamed(written, f"company-{n}"), ROWS, cost.NEW_UNITS)
        assert rows >= cost.RATES["new tables"], slowest
