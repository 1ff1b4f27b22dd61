"""A small file in two sizes, and the result that every way of importing it must have."""

from typing import Any

from infra.local.stack import LocalStack
from tests.e2e.importing import drop, dropped, table
from tests.e2e.remote import RemoteShop, Tables

ROWS, VALID = 40, 34
COUNTS = {
    "total_row_count": ROWS,
    "valid_row_count": VALID,
    "created_licenses_count": VALID,
    "existed_licenses_count": 0,
    "created_orders_count": 8,
    "existed_orders_count": VALID - 8,
    "created_customers_count": 4,
    "existed_customers_count": VALID - 4,
}
_COLUMNS = (
    "license__license_key",
    "product__short_code",
    "order__store_id",
    "customer__email",
    "pad",
)


def file(tag: str, *, pad: int = 0) -> bytes:
    """Rows of licenses, some of them wrong; `pad` bytes of each are in a column that is ignored."""
    mail = tag.replace(" ", "-")
    rows = (
        (
            f"{tag} {n}",
            "nope" if n % 7 == 3 else "kp",
            f"{tag} {n // 5}",
            f"{mail}-{n // 10}@x.test",
            "x" * pad,
        )
        for n in range(ROWS)
    )
    return table(_COLUMNS, *rows)


def dropped_file(stack: LocalStack, shop: RemoteShop, tag: str) -> int:
    """The job of the file in a size that is imported in five ranges."""
    before = shop.get("/imports/", "limit=1").json()["results"]
    drop(stack, f"{shop.company}/licenses/{tag}.csv", file(tag, pad=55_000))
    return dropped(shop, "licenses", after=before[0]["id"] if before else 0)


def stored_licenses(tables: Tables, shop: RemoteShop, tag: str) -> list[dict[str, Any]]:
    """What is in the table of the file's licenses."""
    rows = tables.rows("licenses", shop.company)
    return [lic for lic in rows if lic["license_key"].startswith(f"{tag} ")]


def assert_imported_once(tables: Tables, shop: RemoteShop, job: Any, tag: str) -> None:
    """The counts are those of one undisturbed run, and the tables hold just what they say."""
    counted = {name: value for name, value in job["counts"].items() if name in COUNTS}
    stored = stored_licenses(tables, shop, tag)
    listed = [
        id
        for row in tables.rows("orders", shop.company)
        if row.get("store_id", "").startswith(f"{tag} ")
        for item in row.get("items", ())
        for id in item["license_ids"]
    ]
    assert (job["state"], counted) == ("completed_with_errors", COUNTS)
    assert len({lic["license_key"] for lic in stored}) == len(stored) == VALID
    assert {lic["made_by"].partition("#")[0] for lic in stored} == {f"import {job['id']}"}
    assert sorted(listed) == sorted(lic["id"] for lic in stored)
