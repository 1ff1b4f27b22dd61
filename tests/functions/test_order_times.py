"""Orders that were placed in another system, at times that a file names."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from shared.store import dynamo
from shared.workflows import import_chunk
from tests.engine import Engine
from tests.functions.import_files import Files
from tests.functions.shop import Shop
from tests.functions.test_statistics import totals
from tests.functions.test_undo import run

HEAD = (
    "license__license_key,product__short_code,order__store_id,order__created_at,customer__email\n"
)
ROWS = (
    "K-1,kp,o-1,2024-03-01,ana@x.test\n"
    "K-2,kp,o-1,2024-03-01,ana@x.test\n"
    "K-3,cp,o-2,2026-05-02T10:00:00+02:00,ana@x.test\n"
    "K-4,kp,o-3,,ben@x.test\n"
    "K-5,kp,,2019-12-31 23:30,\n"
)
NAMED = {
    "o-1": "2024-03-01T00:00:00Z",
    "o-2": "2026-05-02T08:00:00Z",
    "o-3": "2026-05-04T10:00:00Z",
    "import-1-5": "2019-12-31T23:30:00Z",
}
NEWEST_FIRST = ["o-3", "o-2", "o-1", "import-1-5"]


def orders(shop: Shop, query: str = "") -> list[str]:
    """The ids of listed orders, each with its time; one per page."""
    found: list[Any] = []
    more = f"limit=1&{query}"
    while True:
        page = shop.get("/orders/", more).json()
        found += page["results"]
        if page["next"] is None:
            break
        more = page["next"].partition("?")[2]
    assert page["count"] == len(found)
    times = {each["store_id"]: each["created_at"] for each in found}
    assert {id: datetime.fromisoformat(time) for id, time in times.items()} == {
        id: datetime.fromisoformat(NAMED[id]) for id in times
    }
    return [each["store_id"] for each in found]


def warned_rows(files: Files) -> list[Any]:
    return files.rows(files.last(), "outcome=warning")


@pytest.fixture
def imported(files: Files) -> Any:
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False) as clock:
        assert files.imported(HEAD + ROWS).state == "succeeded"
        yield clock


def test_orders_are_listed_at_their_own_time_and_licenses_at_the_time_of_the_import(
    files: Files, imported: Any
) -> None:
    shop = files.shop
    customer = shop.get("/customers/", "email=ana@x.test").json()["results"][0]
    whole = shop.get(f"/customers/{customer['id']}/").json()

    assert orders(shop) == orders(shop, "source=import") == NEWEST_FIRST
    assert orders(shop, "order_by=created_at") == NEWEST_FIRST[::-1]
    assert orders(shop, "import_id=1") == ["o-1", "o-2", "o-3", "import-1-5"]
    assert orders(shop, "source=order") == []
    assert orders(shop, "created_at__gte=2024-03-01&created_at__lt=2026-05-03") == ["o-2", "o-1"]
    assert orders(shop, f"customer={customer['id']}") == ["o-2", "o-1"]
    assert orders(shop, f"customer={customer['id']}&created_at__lt=2026-01-01") == ["o-1"]
    assert orders(shop, "store_id=o-1&created_at__lt=2024-03-02") == ["o-1"]
    assert shop.keys("created_at__lt=2026-05-04") == []
    assert shop.keys("created_at__gte=2026-05-04") == ["K-1", "K-2", "K-3", "K-4", "K-5"]
    assert shop.keys(f"customer={customer['id']}") == ["K-1", "K-2", "K-3"]
    assert (whole["total_orders"], whole["total_licenses"]) == (2, 3)
    assert totals(shop) == {"2026-05-02": (1, 0), "2026-05-04": (1, 5)}
    first = shop.get("/orders/", "store_id=o-1").json()["results"][0]
    assert (first["licenses_count"], len(first["order_items"][0]["licenses"])) == (2, 2)
    assert "K-3" in shop.get("/orders/export/", "from=2026-05-02&to=2026-05-02").text


def test_an_existing_order_keeps_its_time(files: Files, imported: Any) -> None:
    again = files.imported(HEAD + "K-6,kp,o-1,2024-03-02,\nK-7,kp,o-1,2024-03-01,\n", name="b.csv")

    assert orders(files.shop) == NEWEST_FIRST
    assert again.counts["warnings"] == 1
    (warned,) = warned_rows(files)
    (warning,) = warned["warnings"]
    assert (warned["row"], warning["code"]) == (1, "differs_from_existing")
    assert warning["column"] == "order__created_at"
    assert "2024-03-01T00:00:00+00:00" in warning["message"]
    assert warning["value"] == "2024-03-02T00:00:00+00:00"


def test_an_update_of_licenses_warns_of_another_time_only(files: Files, imported: Any) -> None:
    rows = "K-1,kp,o-1,2024-03-01,ana@x.test\nK-3,cp,o-2,2024-03-01,ana@x.test\n"
    files.requested(HEAD + rows, on_existing="update")

    found = [(row["row"], row["warnings"][0]["code"]) for row in warned_rows(files)]
    assert found == [(2, "not_changed_here")]


def test_a_dry_run_writes_no_order_and_its_commit_has_the_times(files: Files) -> None:
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False):
        plan = files.requested(HEAD + ROWS, dry_run=True)
        assert orders(files.shop) == []

        assert files.ask(1, "commit", hash=files.shown(plan)["plan"]["hash"]).status == 202
        committed = run(files, files.last().number)

        assert (committed.state, committed.counts["created_orders_count"]) == ("succeeded", 4)
        assert orders(files.shop) == NEWEST_FIRST
        assert orders(files.shop, "import_id=2") == ["o-1", "o-2", "o-3", "import-1-5"]


def test_an_undo_removes_the_orders_from_all_lists(files: Files, imported: Any) -> None:
    imported.shift(timedelta(minutes=1))

    assert files.ask(1, "undo", dry_run=False).status == 202
    undone = run(files, files.last().number)

    assert undone.counts["reverted_orders_count"] == 4
    assert undone.counts["reverted_customers_count"] == 2
    assert orders(files.shop) == []
    rows = dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"]
    assert not [row["sk"]["S"] for row in rows if row["sk"]["S"] == "placed"]


def test_an_order_and_its_customer_are_deleted_as_any_other(files: Files, imported: Any) -> None:
    shop = files.shop
    ben = shop.get("/customers/", "email=ben@x.test").json()["results"][0]["id"]
    (license_id,) = (
        lic["id"] for lic in shop.get("/licenses/", f"customer={ben}").json()["results"]
    )
    (order,) = shop.get("/orders/", "store_id=o-3").json()["results"]

    refused = shop.delete(f"/customers/{ben}/")
    assert (refused.status, refused.json()["code"]) == (409, "customer_has_orders")
    assert "o-3" in refused.json()["message"]
    imported.shift(timedelta(hours=1))
    assert shop.delete(f"/licenses/{license_id}/").status < 300
    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status < 300
    assert shop.delete(f"/customers/{ben}/").status < 300

    assert orders(shop) == NEWEST_FIRST[1:]


def test_the_first_row_of_a_file_has_the_time_whichever_chunk_is_written_first(
    files: Files, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "20")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 1)
    rows = (
        "K-1,kp,o-1,2024-03-01,ana@x.test\n",
        "K-2,kp,o-2,2026-05-02T08:00:00Z,ben@x.test\n",
        "K-3,kp,o-1,,ben@x.test\n",
        "K-4,kp,o-1,2026-05-03,ben@x.test\n",
        "K-5,kp,o-3,,\n",
        "K-6,kp,o-3,2025-01-01,\n",
    )
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False):
        files.run(files.prepared(HEAD + "".join(rows)))
        files.by_machine(again=True)

        assert orders(files.shop) == ["o-3", "o-2", "o-1"]
        for email, expected in (("ana", ["o-1"]), ("ben", ["o-2"])):
            customer = files.shop.get("/customers/", f"email={email}@x.test").json()["results"][0]
            assert orders(files.shop, f"customer={customer['id']}") == expected
        assert files.shop.keys("customer_email=ben@x.test") == ["K-2", "K-3", "K-4"]
        assert files.shop.keys("customer_email=ana@x.test") == ["K-1"]
        assert files.last().counts["created_orders_count"] == 3
        assert totals(files.shop) == {"2026-05-02": (1, 0), "2026-05-04": (1, 6)}


def test_a_mapping_can_name_the_column_and_a_constant(files: Files) -> None:
    text = "Key,Ordered\nK-1,01.03.2024\n"
    mapping = {
        "columns": {"Key": "license__license_key", "Ordered": "order__created_at"},
        "constants": {"product__short_code": "kp", "order__store_id": "o-1"},
        "dates": "dmy",
    }
    files.run(files.prepared(text, mapping=mapping))
    assert files.last().state == "succeeded"
    assert orders(files.shop) == ["o-1"]

    mapping = {"constants": {"product__short_code": "kp", "order__created_at": "2019-12-31 23:30"}}
    files.run(
        files.prepared("license__license_key,order__store_id\nK-2,import-1-5\n", mapping=mapping)
    )
    assert files.last().state == "succeeded"
    assert orders(files.shop) == ["o-1", "import-1-5"]


def test_an_export_has_the_time_and_imports_to_it(files: Files, imported: Any) -> None:
    shop = files.shop
    (order,) = shop.get("/orders/", "store_id=o-2").json()["results"]

    exported = shop.get(f"/orders/{order['id']}/export/").text

    assert ",2026-05-02T08:00:00Z," in exported
    files.run(files.prepared(exported, on_existing="update"))
    assert files.last().counts["unchanged_licenses_count"] == 1
    assert files.last().counts["warnings"] == 0
    (lic,) = shop.get("/licenses/", "license_key=K-3").json()["results"]
    shop.delete(f"/licenses/{lic['id']}/")
    shop.delete(f"/orders/{order['id']}/safe_delete/")
    assert orders(shop) == ["o-3", "o-1", "import-1-5"]
    assert files.imported(exported, name="c.csv").state == "succeeded"
    assert orders(shop) == NEWEST_FIRST


def test_a_time_in_the_future_or_of_no_calendar_is_refused(files: Files) -> None:
    with time_machine.travel("2026-05-04T10:00:00Z", tick=False):
        job = files.imported(
            HEAD
            + "K-1,kp,o-1,2026-05-04T10:00:01Z,\nK-2,kp,o-2,2024-02-30,\n"
            + "K-3,kp,o-3,yesterday,\nK-4,kp,o-1,2026-05-04T12:00:00+02:00,\n"
        )

    assert job.state == "completed_with_errors"
    found = [
        (each["row"], *(each["errors"][0][n] for n in ("column", "code", "value")))
        for each in files.errors(job)
    ]
    column = "order__created_at"
    assert found == [
        (1, column, "invalid_value", "2026-05-04T10:00:01Z"),
        (2, column, "invalid_value", "2024-02-30"),
        (3, column, "invalid_value", "yesterday"),
    ]
    (order,) = files.shop.get("/orders/").json()["results"]
    assert order["store_id"] == "o-1"
