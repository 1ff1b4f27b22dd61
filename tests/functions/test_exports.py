"""Orders as CSV, in the columns that the license import reads. Published: orders, export."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.shop import Shop
from tests.http_event import Reply

COLUMNS = [
    "license__license_key",
    "product__short_code",
    "license__enabled",
    "license__license_type",
    "license__max_activations",
    "license__allow_unlimited_activations",
    "license__valid_duration",
    "license__validity_period",
    "license__enable_maintenance_period",
    "license__maintenance_duration",
    "license__maintenance_period",
    "license__is_trial",
    "license__trial_days",
    "license__max_consumptions",
    "license__allow_overages",
    "license__max_overages",
    "license__reset_consumption",
    "license__consumption_period",
    "license__is_floating",
    "license__is_floating_cloud",
    "license__floating_users",
    "license__floating_timeout",
    "license__prevent_vm",
    "license__subscription_id",
    "license__note",
    "license__max_license_users",
    "order__store_id",
    "order__type",
    "order__is_test",
    "order__is_trial",
    "order__download_id",
    "order__language",
    "order__campaign_params",
    "customer__email",
    "customer__first_name",
    "customer__last_name",
    "customer__company_name",
    "customer__phone",
    "customer__reference",
    "customer__address",
    "customer__postcode",
    "customer__state",
    "customer__city",
    "customer__country",
]


def rows_of(reply: Reply) -> list[dict[str, str]]:
    assert reply.status == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.text)))


def ordered(shop: Shop, *licenses: Any, **order: Any) -> Any:
    items = [{"product_code": "kp", "licenses": list(licenses)}]
    return shop.order(items=items, **order).json()["id"]


def test_an_export_has_exactly_the_columns_of_an_import(shop: Shop) -> None:
    id = ordered(shop, {})

    header = shop.get(f"/orders/{id}/export/").text.splitlines()[0].split(",")

    assert header == COLUMNS
    assert len(header) == 44


def test_a_license_is_a_row_with_its_order_and_its_customer(shop: Shop) -> None:
    customer = {"email": "ana@x.test", "last_name": "Peña", "address": "Street 1\nTown"}
    license = {"key": "K-1", "policy_code": "policy_A", "validity_period": "2030-01-01"}
    id = ordered(shop, license, id="o-1", customer=customer, is_test=True)

    (row,) = rows_of(shop.get(f"/orders/{id}/export/"))

    expected = {
        "license__license_key": "K-1",
        "product__short_code": "kp",
        "license__enabled": "true",
        "license__license_type": "time-limited",
        "license__max_activations": "5",
        "license__valid_duration": "1y",
        "license__validity_period": "2030-01-01",
        "license__is_trial": "false",
        "license__floating_timeout": "120",
        "license__note": "",
        "order__store_id": "o-1",
        "order__type": "normal",
        "order__is_test": "true",
        "customer__email": "ana@x.test",
        "customer__last_name": "Peña",
        "customer__address": "Street 1\nTown",
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("risky", ["=1+1", "+1", "-cmd", "@SUM(A1)"])
def test_what_a_spreadsheet_would_run_is_escaped(shop: Shop, risky: str) -> None:
    id = ordered(shop, {"key": risky, "note": risky}, customer={"first_name": risky})

    (row,) = rows_of(shop.get(f"/orders/{id}/export/"))

    for name in ("license__license_key", "license__note", "customer__first_name"):
        assert row[name] == f"'{risky}"


def test_an_export_is_a_file_with_a_name(shop: Shop) -> None:
    id = ordered(shop, {})

    reply = shop.get(f"/orders/{id}/export/")

    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.headers["content-disposition"] == f'attachment; filename="order-{id}.csv"'


def test_licenses_without_a_key_are_left_out_and_counted(shop: Shop) -> None:
    licenses = [{"users": [{"email": "u@x.test"}]}]
    items = [{"product_code": "up", "licenses": licenses}, {"product_code": "kp", "licenses": [{}]}]
    id = shop.order(items=items).json()["id"]

    reply = shop.get(f"/orders/{id}/export/")

    assert [row["product__short_code"] for row in rows_of(reply)] == ["kp"]
    assert reply.headers["x-licenses-left-out"] == "1"


def test_what_was_appended_is_exported_too(shop: Shop) -> None:
    id = ordered(shop, {"key": "K-1"}, id="o-1")
    ordered(shop, {"key": "K-2"}, id="o-1", append=True)

    rows = rows_of(shop.get(f"/orders/{id}/export/"))

    assert [row["license__license_key"] for row in rows] == ["K-1", "K-2"]


def test_a_range_of_days_has_both_its_ends(shop: Shop) -> None:
    for day in range(1, 5):
        ordered(shop, {"key": f"K-{day}"}, created=f"2021-03-0{day} 23:59:59")

    rows = rows_of(shop.get("/orders/export/", "from=2021-03-02&to=2021-03-03"))

    assert {row["license__license_key"] for row in rows} == {"K-2", "K-3"}


@pytest.mark.parametrize(("name", "days"), [("last30", 30), ("last365", 365)])
def test_a_range_may_be_the_last_days(shop: Shop, name: str, days: int) -> None:
    now = datetime.now(UTC)
    ordered(shop, {"key": "new"})
    ordered(shop, {"key": "old"}, created=str(now.date() - timedelta(days=days + 1)))

    rows = rows_of(shop.get("/orders/export/", f"range={name}"))

    assert [row["license__license_key"] for row in rows] == ["new"]


def test_a_range_without_orders_is_a_header_alone(shop: Shop) -> None:
    reply = shop.get("/orders/export/", "from=2021-03-02&to=2021-03-03")

    assert reply.text == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=2021-03-02",
        "from=2021-03-03&to=2021-03-02",
        "range=last30&from=2021-03-02&to=2021-03-03",
        "range=last7",
        "from=x&to=2021-03-03",
    ],
)
def test_a_range_that_is_none_is_refused_by_name(shop: Shop, query: str) -> None:
    reply = shop.get("/orders/export/", query)

    assert reply.status == 400
    assert reply.json()["errors"][0]["field"] in {"from", "range"}
