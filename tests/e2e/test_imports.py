"""Imports over HTTP and S3, as published: cases 71 to 92 of the acceptance list, and our own."""

import csv
import io
from typing import Any

import pytest

from infra.local.stack import LocalStack
from tests.e2e.importing import (
    DOORS,
    codes,
    counts,
    drop,
    dropped,
    ended,
    licenses,
    post,
    result,
    table,
    upload,
)
from tests.e2e.remote import Operate, RemoteShop, Tables, opened

SAMPLE = licenses((f"impo-rtor-derk-ey0{n}", "kp", "order-1", "ana@sample.test") for n in range(2))
CUSTOMERS = "email,first_name,reference\na@c.test,Müller,ref 1\nb@c.test,Peña,ref 1\n"
"""The two rows share a reference, which names nobody."""


@pytest.fixture(scope="module")
def importer(http: Any, keys: Operate) -> RemoteShop:
    """A company whose imports only the tests of this module start."""
    return opened(http, keys, "importer", stocked=True)


def keys_of(shop: RemoteShop, prefix: str) -> list[str]:
    """The keys of a shop's licenses that begin so."""
    return [view["license_key"] for view in everything(shop, "licenses", "license_key", prefix)]


def everything(shop: RemoteShop, what: str, field: str, prefix: str) -> list[dict[str, Any]]:
    found, query = [], "limit=100"
    while query:
        page = shop.get(f"/{what}/", query).json()
        found += [each for each in page["results"] if str(each[field] or "").startswith(prefix)]
        query = f"limit=100&cursor={page['cursor']}" if page["next"] else ""
    return found


def test_the_published_sample_makes_an_order_of_two_licenses_and_then_is_there_already(
    importer: RemoteShop,
) -> None:
    """Cases 71, 72, 87 and 88; a later row of one order counts it as existing."""
    first = result(importer, "licenses", post(importer, "licenses", SAMPLE, name="licenses.csv"))
    again = result(importer, "licenses", post(importer, "licenses", SAMPLE))

    assert (first["status"], first["file_name"]) == ("success", "licenses.csv")
    assert first["result"]["invalid_rows"] == []
    assert counts(first) == {
        "total_row_count": 2,
        "valid_row_count": 2,
        "created_customers_count": 1,
        "existed_customers_count": 1,
        "created_orders_count": 1,
        "existed_orders_count": 1,
        "created_licenses_count": 2,
        "existed_licenses_count": 0,
    }
    assert again["status"] == "success"
    assert counts(again) == counts(first) | {
        "created_customers_count": 0,
        "existed_customers_count": 2,
        "created_orders_count": 0,
        "existed_orders_count": 2,
        "created_licenses_count": 0,
        "existed_licenses_count": 2,
    }
    assert len(keys_of(importer, "impo-rtor")) == 2
    assert first["created_at"] <= first["started_at"] <= first["finished_at"]
    assert all(first[name].endswith("Z") for name in ("created_at", "started_at", "finished_at"))


def test_a_missing_required_header_is_named_and_nothing_is_written(importer: RemoteShop) -> None:
    """Case 73."""
    data = table(("license__license_key",), ("head-1",))

    view = ended(importer, post(importer, "licenses", data))

    assert view["state"] == "failed"
    assert "product__short_code" in view["refusal"]["message"]
    assert not keys_of(importer, "head-")


def test_the_two_required_headers_are_enough(importer: RemoteShop) -> None:
    """Case 74."""
    data = table(("license__license_key", "product__short_code"), ("bare-1", "kp"))

    view = result(importer, "licenses", post(importer, "licenses", data))

    assert view["status"] == "success"
    (made,) = everything(importer, "licenses", "license_key", "bare-")
    assert made["license_type"] == "perpetual"


def test_a_wrong_row_is_reported_with_its_line_and_the_others_are_imported(
    importer: RemoteShop,
) -> None:
    """Cases 75 and 76."""
    header = ("license__license_key", "product__short_code", "license__license_type")
    data = table(
        header, ("w-1", "kp", ""), ("w-2", "nope", ""), ("w-3", "kp", ""), ("w-4", "kp", "foo")
    )

    view = result(importer, "licenses", post(importer, "licenses", data))

    assert view["status"] == "error"
    assert (view["result"]["total_row_count"], view["result"]["valid_row_count"]) == (4, 2)
    assert set(codes(view)) == {(2, "product__short_code"), (4, "license__license_type")}
    assert [row["line"] for row in view["result"]["invalid_rows"]] == [3, 5]
    assert view["result"]["invalid_rows"][0]["data"]["license__license_key"] == "w-2"
    assert sorted(keys_of(importer, "w-")) == ["w-1", "w-3"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_arrive_in_any_unicode_encoding(http: Any, keys: Operate, encoding: str) -> None:
    """Cases 77, 78 and 79."""
    shop = opened(http, keys, "names")
    data = CUSTOMERS.encode(encoding)

    first = result(shop, "customers", post(shop, "customers", data))
    again = result(shop, "customers", post(shop, "customers", data))

    assert (first["status"], again["status"]) == ("success", "success")
    assert counts(first)["created_customers_count"] == 2
    assert counts(again)["created_customers_count"] == 0
    assert counts(again)["existed_customers_count"] == 2
    names = {each["first_name"] for each in everything(shop, "customers", "email", "")}
    assert names == {"Müller", "Peña"}


def test_windows_1252_is_detected_or_requested(importer: RemoteShop) -> None:
    for email, query in (("a@w.test", ""), ("b@w.test", "?encoding=windows-1252")):
        data = f"email,first_name\n{email},Íñigo Müller\n".encode("cp1252")

        number = post(importer, "customers", data, query=query)

        assert ended(importer, number)["detected"]["encoding"] == "windows-1252"
        (made,) = everything(importer, "customers", "email", email)
        assert made["first_name"] == "Íñigo Müller"


def test_a_dropped_file_takes_its_options_from_its_object(
    stack: LocalStack, importer: RemoteShop
) -> None:
    listed = importer.get("/customers-import-results/", "limit=1").json()["results"]
    before = max((int(each["id"]) for each in listed), default=0)
    data = "email,first_name\nm@w.test,Müller\n".encode() + b"n@w.test,M\xfcller\n"

    drop(stack, f"{importer.company}/customers/mixed.csv", data, encoding="windows-1252")

    view = ended(importer, dropped(importer, "customers", after=before))
    assert (view["state"], view["encoding"]) == ("succeeded", "windows-1252")


def test_features_are_added_once_with_their_terms(importer: RemoteShop) -> None:
    """Cases 80, 81 and 82."""
    made = licenses((f"feat-{n}", "kp", "feat", "f@f.test") for n in range(4))
    assert result(importer, "licenses", post(importer, "licenses", made))["status"] == "success"
    header = ("license_key", "code", "expiry_date", "allow_overages", "consumption_period")
    credit = ("feat-3", "credits", "2031-09-09", "1", "daily")
    data = table(header, *((f"feat-{n}", "f1", "", "", "") for n in range(4)), credit)
    wrong = table(header, ("feat-9", "f1", "", "", ""))

    first = result(importer, "license-features", post(importer, "license-features", data))
    again = result(importer, "license-features", post(importer, "license-features", data))
    unknown = result(importer, "license-features", post(importer, "license-features", wrong))

    assert counts(first)["created_license_features"] == 5, first
    assert counts(again)["existed_license_features"] == 5
    (lic,) = everything(importer, "licenses", "license_key", "feat-3")
    (stored,) = (
        each for each in lic["product_features"] if each["product_feature"]["code"] == "credits"
    )
    assert stored["expiry_date"].startswith("2031-09-09")
    assert (stored["allow_overages"], stored["consumption_period"]) == (True, "daily")
    assert unknown["status"] == "error"
    assert set(codes(unknown)) == {(1, "license_key")}


@pytest.mark.parametrize("kind", DOORS)
def test_a_body_that_is_no_form_with_a_file_is_a_400(importer: RemoteShop, kind: str) -> None:
    """Case 83."""
    key = {"Authorization": f"Api-Key {importer.key}"}
    url = f"/api/v1{DOORS[kind]}"

    other = importer.http.post(url, files={"upload": ("f.csv", SAMPLE)}, headers=key)
    body = importer.http.post(url, json={"file": "x"}, headers=key)

    assert (other.status_code, body.status_code) == (400, 400)


def test_keys_keep_their_zeros_and_formulas_are_text(importer: RemoteShop) -> None:
    """Case 85."""
    customer = ("customer__email", "customer__company_name")
    header = ("license__license_key", "product__short_code", *customer, "license__license_type")
    good = ("00123", "kp", "form@f.test", "=1+1", "")
    bad = ("00124", "kp", "form@f.test", "=1+1", "foo")

    number = post(importer, "licenses", table(header, good, bad))
    view = result(importer, "licenses", number)
    failed = importer.get(f"/imports/{number}/failed.csv")

    assert counts(view)["valid_row_count"] == 1
    assert keys_of(importer, "00123") == ["00123"]
    (made,) = everything(importer, "customers", "email", "form@f.test")
    assert made["company_name"] == "=1+1"
    (row,) = csv.DictReader(io.StringIO(failed.text.removeprefix("\ufeff")))
    assert row["license__license_key"] == "00124"
    assert not row["customer__company_name"].startswith("=")


def test_a_file_without_rows_ends_clearly(importer: RemoteShop) -> None:
    """Case 86."""
    header = table(("email", "first_name"))

    only = result(importer, "customers", post(importer, "customers", header))
    empty = ended(importer, post(importer, "customers", b""))

    assert counts(only)["total_row_count"] == 0
    assert only["status"] == "success"
    assert (empty["state"], empty["refusal"]["code"]) == ("failed", "empty_file")


def test_results_are_listed_by_status_and_newest_first(importer: RemoteShop) -> None:
    """Case 89."""
    for data in (CUSTOMERS.encode(), b""):
        ended(importer, post(importer, "customers", data))

    for spelled in ("status__iexact=SUCCESS", "status_iexact=success"):
        page = importer.get("/customers-import-results/", spelled).json()
        assert {each["status"] for each in page["results"]} == {"success"}
    page = importer.get("/customers-import-results/", "limit=2").json()
    first, second = (each["id"] for each in page["results"])
    assert first > second
    assert page.keys() >= {"count", "next", "previous", "results"}


def test_a_job_is_found_on_the_route_of_its_kind_and_of_its_company_alone(
    importer: RemoteShop, other_shop: RemoteShop
) -> None:
    """Cases 90 and 91."""
    number = post(importer, "licenses", SAMPLE)
    result(importer, "licenses", number)

    refused = [
        importer.get(f"/customers-import-results/{number}/"),
        importer.get("/licenses-import-results/99999/"),
        other_shop.get(f"/licenses-import-results/{number}/"),
        *(other_shop.get(f"/imports/{number}/{what}") for what in ("", "errors/", "failed.csv")),
        *(other_shop.post(f"/imports/{number}/{what}/") for what in ("cancel", "retry")),
    ]

    for answer in refused:
        assert answer.status == 404
        assert answer.json()["detail"] == answer.json()["message"]


def test_the_three_ways_in_come_to_the_same(importer: RemoteShop, stack: LocalStack) -> None:
    """Case 92's uploads, and the two ways of our own; names of files may be of any letters."""

    def rows(way: str) -> bytes:
        return licenses([(f"way-{way}", "kp", f"way-{way}", "way@way.test")])

    by_form = result(importer, "licenses", post(importer, "licenses", rows("form"), name="ä ü.csv"))
    by_link = result(importer, "licenses", upload(importer, "licenses", rows("link")))
    name = "Müller & Söhne +1 (neu).csv"
    drop(stack, f"{importer.company}/licenses/{name}", rows("drop"))
    by_drop = result(importer, "licenses", dropped(importer, "licenses", after=by_link["id"]))

    assert {each["status"] for each in (by_form, by_link, by_drop)} == {"success"}
    assert counts(by_link) == counts(by_drop)
    assert by_drop["file_name"] == name
    assert sorted(keys_of(importer, "way-")) == ["way-drop", "way-form", "way-link"]


def test_the_object_of_a_request_starts_no_second_job(importer: RemoteShop) -> None:
    number = upload(importer, "customers", CUSTOMERS.encode())
    ended(importer, number)

    listed = importer.get("/imports/", "limit=1").json()["results"]

    assert listed[0]["id"] == number


def test_a_new_version_of_a_file_is_a_job_of_its_own(
    importer: RemoteShop, stack: LocalStack
) -> None:
    key = f"{importer.company}/customers/versions.csv"
    drop(stack, key, b"email\nv1@v.test\n")
    before = importer.get("/imports/", "limit=1").json()["results"]
    first = dropped(importer, "customers", after=before[0]["id"] - 1 if before else 0)
    ended(importer, first)
    drop(stack, key, b"email\nv2@v.test\n")
    second = dropped(importer, "customers", after=first)

    assert ended(importer, second)["state"] == "succeeded"
    made = {each["email"] for each in everything(importer, "customers", "email", "v")}
    assert {"v1@v.test", "v2@v.test"} <= made


def test_failed_rows_are_corrected_and_sent_back_as_they_are(importer: RemoteShop) -> None:
    rows = [(f"round-{n}", "kp" if n % 3 else "nope", "round", "r@r.test") for n in range(6)]
    number = post(importer, "licenses", licenses(rows))
    assert ended(importer, number)["state"] == "completed_with_errors"

    failed = importer.get(f"/imports/{number}/failed.csv").text
    corrected = failed.replace("nope", "kp").encode()
    view = result(importer, "licenses", post(importer, "licenses", corrected))

    assert failed.splitlines()[0].endswith("_row,_codes,_messages")
    assert view["status"] == "success"
    assert counts(view)["total_row_count"] == counts(view)["created_licenses_count"] == 2
    assert len(keys_of(importer, "round-")) == 6


def test_what_is_exported_is_there_already_when_it_is_imported(importer: RemoteShop) -> None:
    order = importer.order(
        id="export-import",
        customer={"email": "exp@e.test", "first_name": "Ñandú"},
        items=[
            {"product_code": "kp", "licenses": [{"policy_code": "policy_A"}, {}]},
            {"product_code": "cp", "licenses": [{"allow_overages": True, "max_overages": 5}]},
        ],
    ).ok()

    exported = importer.get(f"/orders/{order['id']}/export/").text
    view = result(importer, "licenses", post(importer, "licenses", exported.encode()))

    assert view["status"] == "success", view["result"]
    assert counts(view)["existed_licenses_count"] == counts(view)["total_row_count"] == 3
    assert counts(view)["created_licenses_count"] == 0
    assert counts(view)["created_orders_count"] == 0
    assert counts(view)["created_customers_count"] == 0


def test_a_dry_run_says_what_a_real_run_does_and_writes_nothing(importer: RemoteShop) -> None:
    rows = [(f"dry-{n}", "nope" if n == 4 else "kp", f"dry-{n // 3}", "d@d.test") for n in range(9)]
    data = licenses([*rows, rows[0]])

    dry = result(importer, "licenses", upload(importer, "licenses", data, dry_run=True))
    written = keys_of(importer, "dry-")
    real = result(importer, "licenses", upload(importer, "licenses", data))

    assert dry["dry_run"] is True
    assert written == []
    assert dry["result"] == real["result"]
    assert len(keys_of(importer, "dry-")) == 8


def test_reject_all_writes_nothing_if_one_row_is_wrong(importer: RemoteShop) -> None:
    rows = [(f"all-{n}", "kp", "all", "all@a.test") for n in range(3)]
    wrong = [*rows, ("all-9", "nope", "all", "all@a.test")]

    refused = ended(importer, upload(importer, "licenses", licenses(wrong), on_error="reject_all"))
    written = keys_of(importer, "all-")
    taken = ended(importer, upload(importer, "licenses", licenses(rows), on_error="reject_all"))

    assert (refused["state"], written) == ("rejected", [])
    assert taken["state"] == "succeeded"
    assert len(keys_of(importer, "all-")) == 3


def test_the_same_external_id_starts_one_import(importer: RemoteShop) -> None:
    request = {"kind": "customers", "file_name": "e.csv", "size": 9, "external_id": "nightly 1"}

    first = importer.post("/imports/", request)
    again = importer.post("/imports/", request)
    other = importer.post("/imports/", request | {"dry_run": True})

    assert first.json()["id"] == again.json()["id"]
    assert (other.status, other.json()["code"]) == (409, "external_id_reused")


def test_an_import_can_be_cancelled_before_its_file_comes(importer: RemoteShop) -> None:
    request = {"kind": "customers", "file_name": "c.csv", "size": 9}
    number = importer.post("/imports/", request).json()["id"]

    answer = importer.post(f"/imports/{number}/cancel/")

    assert answer.status == 200, answer.text
    assert ended(importer, number)["state"] == "cancelled"


@pytest.mark.parametrize("kind", DOORS)
def test_a_template_is_a_file_that_can_be_imported(importer: RemoteShop, kind: str) -> None:
    template = importer.get(f"/import-templates/{kind}.csv")

    view = ended(importer, upload(importer, kind, template.text.encode(), dry_run=True))

    assert template.status == 200
    assert view["detected"]["unknown_columns"] == []
    assert view["counts"]["total_row_count"] == 1


@pytest.fixture(scope="module")
def large(importer: RemoteShop) -> tuple[bytes, int]:
    """A file above what the local stage imports in one piece, and its number of rows."""
    count, note = 6_000, "n" * 360
    header = ("license__license_key", "product__short_code", "order__store_id", "license__note")
    rows = (
        (f"large-{n:05}", "nope" if n % 1999 == 0 else "kp", f"L{n // 100}", note)
        for n in range(count)
    )
    data = table(header, *rows)
    assert len(data) > 2 * 1024 * 1024
    return data, count


def test_a_large_file_is_imported_in_ranges_with_every_count_right(
    importer: RemoteShop, large: tuple[bytes, int]
) -> None:
    data, count = large
    wrong = len(range(0, count, 1999))

    number = upload(importer, "licenses", data)
    view = result(importer, "licenses", number)
    errors = importer.get(f"/imports/{number}/errors/", "limit=100").json()["results"]

    assert view["status"] == "error"
    assert counts(view) == {
        "total_row_count": count,
        "valid_row_count": count - wrong,
        "created_customers_count": 0,
        "existed_customers_count": 0,
        "created_orders_count": count // 100,
        "existed_orders_count": count - wrong - count // 100,
        "created_licenses_count": count - wrong,
        "existed_licenses_count": 0,
    }
    assert [row["row"] for row in errors] == [n + 1 for n in range(0, count, 1999)]
    assert [row["line"] for row in errors] == [row["row"] + 1 for row in errors]


def test_a_large_file_with_a_wrong_row_is_rejected_whole(
    importer: RemoteShop, tables: Tables, large: tuple[bytes, int]
) -> None:
    data = large[0].replace(b"large-", b"never-")

    view = ended(importer, upload(importer, "licenses", data, on_error="reject_all"))

    assert view["state"] == "rejected"
    kept = {row["license_key"][:6] for row in tables.rows("licenses", importer.company)}
    assert "large-" in kept
    assert "never-" not in kept
