"""Filters of lists by time, source, import, end date and status."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from functions import index_search
from tests.functions.import_files import Context, Files
from tests.functions.shop import Shop
from tests.functions.test_list_filters import keys, listed, pages
from tests.partiql import inserting
from tests.streams import Streams, passes, streaming

HEADER = "license__license_key,product__short_code,license__license_type,license__validity_period,\
customer__email\n"
ROWS = "I-1,kp,time-limited,2026-06-20,ana@x.test\nI-2,kp,,,ben@x.test\nI-3,cp,,,ben@x.test\n"


@pytest.fixture
def stream(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    with inserting(), streaming(monkeypatch) as found:
        yield found


@pytest.fixture
def mixed(shop: Shop, files: Files) -> Shop:
    """An order of May 4th, an import of May 5th, and an order of May 6th."""
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False) as clock:
        shop.order_one("kp", {"key": "O-1"}, id="o-1", customer={"email": "ana@x.test"})
        clock.shift(timedelta(days=1))
        files.imported(HEADER + ROWS)
        clock.shift(timedelta(days=1))
        shop.order_one("cp", {"key": "O-2"}, id="o-2", customer={"email": "cy@x.test"})
    return shop


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("source=order", ["O-2", "O-1"]),
        ("source=import", ["I-1", "I-2", "I-3"]),
        ("source=order&product=kp", ["O-1"]),
        ("source=import&product=cp", ["I-3"]),
        ("import_id=1", ["I-1", "I-2", "I-3"]),
        ("import_id=2", []),
        ("created_at__gte=2026-05-06", ["O-2"]),
        ("created_at__lt=2026-05-05", ["O-1"]),
        ("created_at__gte=2026-05-05&created_at__lt=2026-05-06", ["I-1", "I-2", "I-3"]),
        ("created_at__lt=2026-05-06&order_by=created_at", ["O-1", "I-1", "I-2", "I-3"]),
        ("created_at__lt=2026-05-06&product=kp&order_by=created_at", ["O-1", "I-1", "I-2"]),
    ],
)
def test_licenses_by_source_import_and_time(mixed: Shop, query: str, found: list[str]) -> None:
    assert keys(mixed, query) == found
    assert [each["license_key"] for each in pages(mixed, "licenses", f"{query}&limit=1")] == found


@pytest.mark.parametrize(
    ("query", "orders", "customers"),
    [
        ("source=order", ["o-2", "o-1"], ["cy@x.test", "ana@x.test"]),
        ("source=import", 3, ["ben@x.test"]),
        ("import_id=1", 3, ["ben@x.test"]),
        ("created_at__lt=2026-05-05", ["o-1"], ["ana@x.test"]),
        ("created_at__gte=2026-05-06&source=order", ["o-2"], ["cy@x.test"]),
        ("created_at__gte=2026-05-06&source=import", [], []),
    ],
)
def test_orders_and_customers_by_source_import_and_time(
    mixed: Shop, query: str, orders: list[str] | int, customers: list[str]
) -> None:
    found = [each["store_id"] for each in pages(mixed, "orders", f"{query}&limit=1")]

    assert (found if isinstance(orders, list) else len(found)) == orders
    assert [each["email"] for each in pages(mixed, "customers", f"{query}&limit=1")] == customers


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("orders", "import_id=1&source=order", "import_id"),
        ("orders", "import_id=1&order_by=created_at", "import_id"),
        ("orders", "source=order&customer=1", "source"),
        ("orders", "source=import&store_id=a", "source"),
        ("customers", "source=import&email=a@x.test", "source"),
        ("customers", "created_at__gte=2026-01-01&reference=a", "created_at__gte"),
        ("customers", "import_id=1&created_at__lt=2026-01-01", "import_id"),
        ("licenses", "import_id=1&product=kp", "import_id"),
        ("licenses", "source=order&customer_email=a@x.test", "source"),
        ("licenses", "status=Expired&order=1", "status"),
        ("licenses", "validity_period__lt=2026-01-01&product=kp", "validity_period__lt"),
    ],
)
def test_filters_that_no_list_has_together_are_refused(
    shop: Shop, path: str, query: str, field: str
) -> None:
    reply = shop.get(f"/{path}/", query)

    assert (reply.status, reply.json()["code"]) == (400, "filters_conflict")
    assert [fault["field"] for fault in reply.json()["errors"]] == [field]


@pytest.mark.parametrize("path", ["orders", "customers", "licenses"])
def test_a_reversed_range_is_refused(shop: Shop, path: str) -> None:
    reply = shop.get(f"/{path}/", "created_at__gte=2026-05-02&created_at__lt=2026-05-01")

    assert (reply.status, reply.json()["code"]) == (400, "invalid_range")


def index(stream: Streams) -> None:
    passed = [record for record in stream.records if passes(record, "IndexSearch")]
    stream.records.clear()
    assert index_search.handler({"Records": passed}, Context()) == {"batchItemFailures": []}


def test_licenses_by_their_end_and_status(shop: Shop, stream: Streams) -> None:
    ends = ("2026-06-30", "2026-05-31", "2026-06-01", None)
    ids = []
    for n, end in enumerate(ends):
        terms = {"license_type": "time-limited", "validity_period": end} if end else {}
        ids.append(shop.order_one("kp", {"key": f"K-{n}", **terms}, id=f"o-{n}")["id"])
    shop.post(f"/licenses/{ids[0]}/disable/")
    index(stream)

    with time_machine.travel("2026-06-02T10:00:00Z", tick=False):
        june = "validity_period__gte=2026-06-01&validity_period__lt=2026-07-01"
        assert keys(shop, june) == ["K-2", "K-0"]
        assert keys(shop, "validity_period__lt=2026-06-01") == ["K-1"]
        assert keys(shop, "validity_period__gte=2026-06-02") == ["K-0"]
        backwards = "validity_period__gte=2026-07-01&validity_period__lt=2026-06-01"
        assert shop.get("/licenses/", backwards).json()["code"] == "invalid_range"
        assert keys(shop, "status=Expired") == ["K-1", "K-2"]
        assert keys(shop, "status=Disabled") == ["K-0"]
        one_by_one = [each["license_key"] for each in pages(shop, "licenses", f"{june}&limit=1")]
        assert one_by_one == ["K-2", "K-0"]

    shop.patch(f"/licenses/{ids[2]}/", {"validity_period": "2027-06-01"})
    assert keys(shop, june) == ["K-0"], "an entry that is out of date shows nothing"
    index(stream)
    assert keys(shop, "validity_period__gte=2027-01-01") == ["K-2"]
    assert listed(shop, "licenses", june)[0]["license_key"] == "K-0"

    shop.post(f"/licenses/{ids[0]}/enable/")
    shop.delete(f"/licenses/{ids[1]}/")
    index(stream)
    assert keys(shop, "status=Disabled") == []
    assert keys(shop, "validity_period__lt=2026-06-01") == []
