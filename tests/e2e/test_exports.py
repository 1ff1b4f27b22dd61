"""An export over HTTP and S3: the state machine writes a file of several parts, which imports."""

import csv
import io
import time
from typing import Any

import pytest

from tests.e2e.importing import ended, table, upload
from tests.e2e.remote import Operate, RemoteShop, opened

LICENSES, NOTE = 3_000, "=" + "証" * 990
"""10 MB, which are two parts of the file."""
HEADER = ("license__license_key", "product__short_code", "order__store_id", "license__note")


@pytest.fixture(scope="module")
def exporter(http: Any, keys: Operate) -> RemoteShop:
    """A company with licenses of an import and of an order."""
    shop = opened(http, keys, "exporter", stocked=True)
    rows = ((f"EXPORT-{n}", "kp", f"o-{n // 10}", NOTE) for n in range(LICENSES))
    job = ended(shop, upload(shop, "licenses", table(HEADER, *rows)))
    assert job["state"] == "succeeded", job
    shop.order(items=[{"product_code": "kp", "licenses": [{"key": "ORDERED-1"}]}])
    return shop


def finished(shop: RemoteShop, body: dict[str, Any]) -> dict[str, Any]:
    """Start an export, and wait for its end."""
    view = shop.post("/exports/", body).json()
    for _ in range(240):
        if view["state"] in ("succeeded", "failed", "cancelled"):
            break
        time.sleep(0.5)
        view = shop.get(f"/exports/{view['id']}/").json()
    return dict(view)


def test_a_file_of_several_parts_has_every_license_once_and_imports_unchanged(
    exporter: RemoteShop,
) -> None:
    view = finished(exporter, {"kind": "licenses", "external_id": "all-1"})
    assert (view["state"], view["count"]) == ("succeeded", LICENSES + 1), view
    assert view["size"] > 8 * 1024**2

    answer = exporter.http.get(
        f"/api/v1/exports/{view['id']}/file.csv",
        headers={"Authorization": f"Api-Key {exporter.key}"},
    )
    assert answer.status_code == 307
    data = exporter.http.get(answer.headers["Location"]).content

    assert len(data) == view["size"]
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert sorted(row["license__license_key"] for row in rows) == sorted(
        ["ORDERED-1", *(f"EXPORT-{n}" for n in range(LICENSES))]
    )
    job = ended(exporter, upload(exporter, "licenses", data, on_existing="update"))
    assert job["state"] == "succeeded", job
    counts = job["counts"]
    assert (counts["updated_licenses_count"], counts["created_licenses_count"]) == (0, 0)
    assert counts["unchanged_licenses_count"] == LICENSES + 1


def test_a_cancelled_export_has_no_file(exporter: RemoteShop) -> None:
    view = exporter.post("/exports/", {"kind": "customers"}).json()

    cancelled = exporter.post(f"/exports/{view['id']}/cancel/")

    assert cancelled.status in (200, 409)
    if cancelled.status == 200:
        assert exporter.get(f"/exports/{view['id']}/file.csv").status == 409
