"""docs/cost.md is the output of bench/cost.py for the requests that are counted here."""

import json
from typing import Any

import pytest

from bench import cost
from bench.units import item_bytes
from infra.stamp import ROOT
from shared.store import bulk
from tests.engine import Engine
from tests.functions.import_files import open_files
from tests.functions.shop import Shop
from tests.infra.reading import Template
from tests.shared.store.test_import_cost import INDEXES, PER_ORDER, ROWS, Meter, sheet
from tests.wiretap import tapped, write_units

ORDER = {
    "id": "web-1",
    "customer": {"email": "ana@acme.example", "first_name": "Ana", "company_name": "Acme"},
    "items": [{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}]}],
}
INDEX_KEYS = 60
"""Bytes of an index's own keys, about."""


def indexed(item: dict[str, Any]) -> int:
    """How many indexes an item is in; each costs a write unit more."""
    return sum(a in item and b in item for a, b in INDEXES)


def test_the_page_is_what_the_script_makes_of_the_counts() -> None:
    assert cost.COST.read_text(encoding="utf-8") == cost.page(), "write it again: make docs"


def test_an_order_uses_the_documented_units(shop: Shop) -> None:
    shop.get("/products/")  # the function knows the key from here on

    with tapped() as tap:
        assert shop.order(**ORDER).status == 200

    (transaction,) = tap.bodies("TransactWriteItems")
    (read,) = tap.bodies("BatchGetItem")
    puts = [part["Put"]["Item"] for part in transaction["TransactItems"] if "Put" in part]
    keys = sum(len(keyed["Keys"]) for keyed in read["RequestItems"].values())
    assert len(tap.calls) == 2
    assert write_units(transaction) + sum(map(indexed, puts)) == cost.ORDER["write units"]
    assert keys == cost.ORDER["read units"]


@pytest.mark.parametrize(
    ("per_order", "units", "largest"),
    [(PER_ORDER, cost.ROW_UNITS, cost.STORED_BYTES), (1, cost.ALONE_UNITS, 2_200)],
)
def test_a_row_uses_the_documented_units(
    shop: Shop,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    per_order: int,
    units: float,
    largest: int,
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    meter = Meter()
    with open_files(shop) as files:
        bulk.client().events.register_first("before-send.dynamodb.*", meter.hear)
        files.imported(sheet(per_order, references=False))

    items = [item for kept in meter.items.values() for item in kept]
    entries = len(items) + sum(map(indexed, items))
    stored = sum(map(item_bytes, items)) + 100 * entries + INDEX_KEYS * (entries - len(items))
    assert round(sum(map(meter.units, meter.items)), 3) == units
    assert meter.units("LICENSES") == cost.LICENSE_UNITS
    assert 2 / PER_ORDER == cost.ROW_READS
    assert cost.ORDER_ROWS == PER_ORDER
    assert 0.7 * largest < stored / ROWS <= largest


def test_the_documented_settings_are_those_of_prod(prod: Template) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]["prod"]
    kinds = [resource["Type"] for resource in prod["Resources"].values()]

    assert kinds.count("AWS::CloudWatch::Alarm") <= cost.ALARMS, "and then: make docs"
    assert context["import_concurrency"] == cost.WORKERS
    assert context["import_inline_bytes"] == cost.INLINE_BYTES
    assert context["import_chunk_bytes"] == cost.CHUNK_BYTES


def test_a_larger_file_costs_more_and_a_quicker_table_takes_less_time() -> None:
    for rows in cost.IMPORTS.values():
        imports = [cost.Import(rows, rate) for rate in cost.RATES.values()]
        seconds = [each.seconds for each in imports]
        dollars = [cost.dollars(each.usage) for each in imports]

        assert (seconds, dollars) == (sorted(seconds)[::-1], sorted(dollars)[::-1])
    slowest = cost.Import(100_000_000, min(cost.RATES.values()))
    assert slowest.seconds < 24 * 3600, "an execution may take a day"
