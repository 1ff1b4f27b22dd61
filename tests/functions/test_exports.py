"""Orders as CSV, in the columns that the license import reads. Published: orders, export."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import export_file
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
    "license__start_date",
    "license__max_transfers",
    "license__can_borrow",
    "license__max_borrow_time",
    "license__allow_grace_period",
    "license__grace_period",
    "license__is_air_gapped",
    "license__is_hardware_key_auth",
    "license__allow_unlimited_consumptions",
    "license__allow_negative_consumptions",
    "license__metadata",
    "license__policy_code",
    "license__product_features",
    "license__custom_fields",
    "license__users",
    "license__bundle_key",
    "license__quantity",
    "order__metadata",
    "order__created_at",
    "customer__metadata",
]


def rows_of(reply: Reply) -> list[dict[str, str]]:
    assert reply.status == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff"))))


def ordered(shop: Shop, *licenses: Any, **order: Any) -> Any:
    items = [{"product_code": "kp", "licenses": list(licenses)}]
    return shop.order(items=items, **order).json()["id"]


def test_an_export_has_exactly_the_columns_of_an_import(shop: Shop) -> None:
    id = ordered(shop, {})

    header = shop.get(f"/orders/{id}/export/").text.splitlines()[0].split(",")

    assert header == ["\ufeff" + COLUMNS[0], *COLUMNS[1:]]
    assert len(header) == 64


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


def test_a_license_with_neither_key_nor_users_is_left_out_and_counted(shop: Shop) -> None:
    users = [{"email": "u@x.test", "is_manager": True}, {"email": "a@x.test"}]
    licenses = [{"users": users}, {"users": [{"email": "b@x.test"}]}]
    items = [{"product_code": "up", "licenses": licenses}, {"product_code": "kp", "licenses": [{}]}]
    order = shop.order(items=items).json()
    _, other = order["order_items"][0]["licenses"]
    path = f"/licenses/{other['id']}/unassign_user/"
    assert shop.post(path, {"license_user_email": "b@x.test"}).status == 200

    reply = shop.get(f"/orders/{order['id']}/export/")

    exported = [(row["product__short_code"], row["license__users"]) for row in rows_of(reply)]
    assert sorted(exported) == [("kp", ""), ("up", "a@x.test;u@x.test*")]
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

    assert reply.text == "\ufeff" + ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01&to=9999-12-31",
        "from=9999-12-31&to=9999-12-31",
        "from=0001-01-01&to=0001-01-01",
    ],
)
def test_a_range_may_reach_to_the_ends_of_the_calendar(shop: Shop, query: str) -> None:
    ordered(shop, {"key": "first"}, created="0001-01-02")
    ordered(shop, {"key": "last"}, created="9999-12-31T23:59:59")

    rows = rows_of(shop.get("/orders/export/", query))

    expected = (
        {"first", "last"} if "01&to=9999" in query else {"last"} if "9999" in query else set()
    )
    assert {row["license__license_key"] for row in rows} == expected


def parts(shop: Shop, path: str, query: str) -> list[list[str]]:
    """The keys in each part of an export."""
    found = []
    while query:
        reply = shop.get(path, query)
        found.append([row["license__license_key"] for row in rows_of(reply)])
        link = reply.headers.get("link", "")
        assert reply.headers.get("x-next-cursor", "") in link
        query = link.partition("?")[2].partition(">")[0]
    return found


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file holds two licenses."""
    monkeypatch.setattr(export_file, "MOST_EXPORTED", 2)


@pytest.mark.usefixtures("small_files")
def test_an_order_that_is_too_much_for_a_file_is_refused_or_comes_in_parts(shop: Shop) -> None:
    id = ordered(shop, *({"key": f"K-{n}"} for n in range(3)), id="o-1")
    ordered(shop, *({"key": f"L-{n}"} for n in range(2)), id="o-1", append=True)

    reply = shop.get(f"/orders/{id}/export/")

    assert (reply.status, reply.json()["code"]) == (413, "export_too_large")
    assert "parts=true" in reply.json()["message"]
    keys = [["K-0", "K-1"], ["K-2", "L-0"], ["L-1"]]
    assert parts(shop, f"/orders/{id}/export/", "parts=true") == keys


@pytest.mark.usefixtures("small_files")
def test_days_that_are_too_much_for_a_file_are_refused_or_come_in_parts(shop: Shop) -> None:
    for day in range(1, 6):
        ordered(shop, {"key": f"K-{day}"}, created=f"2021-03-0{day}")
    query = "from=2021-03-01&to=2021-03-05"

    assert shop.get("/orders/export/", query).status == 413
    found = parts(shop, "/orders/export/", f"{query}&parts=true")
    assert found == [["K-5", "K-4"], ["K-3", "K-2"], ["K-1"]]


def test_a_file_ends_before_it_is_too_large(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    id = ordered(shop, *({"key": f"K-{n}", "note": "許可証" * 300} for n in range(4)))
    monkeypatch.setattr(export_file, "PAGE_BYTES", 6_000)

    reply = shop.get(f"/orders/{id}/export/")

    assert (reply.status, reply.json()["code"]) == (413, "export_too_large")
    keys = [["K-0", "K-1"], ["K-2", "K-3"]]
    assert parts(shop, f"/orders/{id}/export/", "parts=true") == keys


def test_a_cursor_of_another_export_is_refused(shop: Shop, small_files: None) -> None:
    first, second = (ordered(shop, {}, {}, {}) for _ in range(2))
    cursor = shop.get(f"/orders/{first}/export/", "parts=true").headers["x-next-cursor"]

    reply = shop.get(f"/orders/{second}/export/", f"cursor={cursor}")

    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "cursor")


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
    problem = shop.get("/orders/export/", query).refused()

    assert problem["errors"][0]["field"] in {"from", "range"}


def test_a_selection_of_licenses_is_exported_in_its_order(shop: Shop) -> None:
    one, two, _ = (shop.order_one("kp", {"key": f"K-{n}"})["id"] for n in range(3))
    user = shop.order_one("up", {"users": [{"email": "u@x.test"}]})["id"]

    reply = shop.get("/licenses/export/", f"id__in={two},{user},{one},{two},1")

    assert [row["license__license_key"] for row in rows_of(reply)] == ["K-1", "", "K-0"]
    assert reply.headers["content-disposition"] == 'attachment; filename="licenses.csv"'
    assert reply.headers["x-licenses-left-out"] == "1"


@pytest.mark.parametrize(
    "ids",
    ["", "id__in=", "id__in=x", "id__in=" + ",".join(map(str, range(101)))],
)
def test_a_selection_names_1_to_100_licenses(shop: Shop, ids: str) -> None:
    assert shop.get("/licenses/export/", ids).status == 400


def test_a_selection_larger_than_a_response_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ",".join(str(shop.order_one("kp")["id"]) for _ in range(2))
    monkeypatch.setattr(export_file, "PAGE_BYTES", 300)

    reply = shop.get("/licenses/export/", f"id__in={ids}")

    assert (reply.status, reply.json()["code"]) == (413, "export_too_large")
