"""Metrics of orders: the numbers that the dashboard shows."""

from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import sweep
from shared.workflows import pending_orders
from tests.functions.log_lines import Out
from tests.functions.shop import Shop
from tests.wiretap import Killed, killed_after, tapped

ITEMS = [{"product_code": "kp", "licenses": [{}, {}]}]


def counted(lines: list[dict[str, Any]]) -> dict[str, float]:
    """The numbers of all metrics, and of refusals by their code."""
    names = ("OrderPlaced", "OrderReplayed", "OrderUndone", "LicenseIssued")
    numbers = {name: line[name][0] for line in lines for name in names if name in line}
    return numbers | {line["code"]: line["Refused"][0] for line in lines if "Refused" in line}


def test_orders_repetitions_and_refusals_are_counted_apart(shop: Shop, out: Out) -> None:
    out()

    shop.order(id="o-1", items=ITEMS)
    placed = counted(out())
    shop.order(id="o-1", items=ITEMS)
    repeated = counted(out())
    shop.order(id="o-1", items=ITEMS * 2)
    refused = counted(out())

    assert placed == {"OrderPlaced": 1, "LicenseIssued": 2}
    assert repeated == {"OrderReplayed": 1}
    assert refused == {"order_id_exists": 1}


def test_an_order_that_is_rolled_back_is_counted(
    shop: Shop, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_orders, "LEFT_ALONE", timedelta(seconds=-2))
    large = [{"product_code": "kp", "licenses": [{}] * 150}]
    with tapped("TransactWriteItems", killed_after, nth=2), pytest.raises(Killed):
        shop.order(id="o-1", items=large)
    out()

    sweep.handler({}, LambdaContext())

    assert counted(out()) == {"OrderUndone": 1}
