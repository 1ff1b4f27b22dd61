"""Orders and licenses per day."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from functions import statistics
from tests.functions.import_files import Files
from tests.functions.shop import Shop

HEADER = "license__license_key,product__short_code,order__store_id\n"


def totals(shop: Shop) -> dict[str, tuple[int, int]]:
    """Orders and licenses by day, without days that have none."""
    days = shop.get("/statistics/").ok()["days"]
    return {
        each["day"]: (each["orders"], each["licenses"])
        for each in days
        if each["orders"] or each["licenses"]
    }


def place(shop: Shop, id: str, licenses: int, **order: Any) -> Any:
    items = [{"product_code": "kp", "licenses": [{}] * licenses}]
    return shop.order(id=id, items=items, **order).ok()


def test_orders_licenses_appends_and_imports_count_once_on_their_day(
    shop: Shop, files: Files
) -> None:
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False) as clock:
        place(shop, "o-1", 2)
        place(shop, "o-1", 2)
        clock.shift(timedelta(days=1))
        place(shop, "o-1", 3, append=True)
        files.imported(HEADER + "I-1,kp,shop-1\nI-2,kp,shop-1\nI-3,kp,o-1\n")
        files.imported(HEADER + "I-1,kp,shop-1\nI-2,kp,shop-1\nI-3,kp,o-1\n", name="again.csv")
        clock.shift(timedelta(days=1))
        placed = place(shop, "o-2", 1, created="2026-05-01T00:00:00Z")

        assert totals(shop) == {
            "2026-05-01": (1, 0),
            "2026-05-04": (1, 2),
            "2026-05-05": (1, 6),
            "2026-05-06": (0, 1),
        }

        license_id = placed["order_items"][0]["licenses"][0]["id"]
        shop.delete(f"/licenses/{license_id}/")
        shop.delete(f"/orders/{placed['id']}/safe_delete/")
        assert totals(shop) == {"2026-05-04": (1, 2), "2026-05-05": (1, 6)}
        clock.shift(timedelta(days=28))
        assert totals(shop) == {"2026-05-05": (1, 6)}


def test_there_are_thirty_days_up_to_today(shop: Shop, other_shop: Shop) -> None:
    place(other_shop, "o-1", 2)
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False):
        days = shop.get("/statistics/").json()["days"]

    first = date(2026, 4, 5)
    assert [each["day"] for each in days] == [str(first + timedelta(days=n)) for n in range(30)]
    assert not any(each["orders"] or each["licenses"] for each in days)


def test_days_that_are_not_counted_completely_are_left_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False) as clock:
        for n in range(3):
            place(shop, f"a-{n}", 1)
        clock.shift(timedelta(days=1))
        place(shop, "b", 1)
        monkeypatch.setattr(statistics, "_MOST", 2)

        days = shop.get("/statistics/").json()["days"]

    assert days == [{"day": "2026-05-05", "orders": 1, "licenses": 1}]
