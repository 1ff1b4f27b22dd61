"""Mappings of columns and values: in requests, saved by name, and pinned by imports."""

from typing import Any

import pytest

from shared.import_job import ImportJob
from tests.functions.import_files import Files, counts
from tests.functions.importer import Importer, form, part
from tests.functions.shop import Shop
from tests.http_event import Reply

MAPPING: dict[str, Any] = {
    "columns": {"Serial": "license__license_key", "Kind": "license__license_type", "Notes": None},
    "constants": {"product__short_code": "kp"},
    "values": {"license__license_type": {"lifetime": "perpetual", "rent": "subscription"}},
}
FILE = "Serial;Kind;Notes\nK-1;lifetime;a\nK-2;lifetime;b\n"


def save(files: Files, name: str = "old-shop", **changes: Any) -> Reply:
    body = {"kind": "licenses", **MAPPING, **changes}
    reply = files.shop.send("PUT", f"/import-mappings/{name}/", body=body)
    assert reply.status == 200, reply.text
    return reply


def refusal(job: ImportJob) -> tuple[str, str]:
    assert job.refusal is not None, job
    return job.refusal.code, job.refusal.message


def test_a_mapping_of_the_request_says_what_columns_and_values_are(files: Files) -> None:
    job = files.requested(FILE, mapping=MAPPING)

    assert (job.state, job.mapping_name) == ("succeeded", None)
    assert counts(job, "created_licenses") == [2]
    licenses = files.shop.get("/licenses/").json()["results"]
    assert {each["license_key"] for each in licenses} == {"K-1", "K-2"}
    assert {(each["license_type"], each["note"] or "") for each in licenses} == {("perpetual", "")}
    shown = files.shop.get(f"/imports/{job.number}/").json()
    path = shown["mapping_url"].partition("/api/v1")[2]
    assert files.shop.get(path).json() == {"kind": None, "dates": None, **MAPPING}
    assert shown["detected"]["unknown_columns"] == ["Notes"]
    assert shown["detected"]["suggested"] == {}


def test_an_import_without_a_mapping_has_none_to_show(files: Files) -> None:
    job = files.imported("license__license_key,product__short_code\nK-1,kp\n")

    shown = files.shop.get(f"/imports/{job.number}/").json()
    reply = files.shop.get(f"/imports/{job.number}/mapping/")

    assert (shown["mapping_name"], shown["mapping_url"]) == (None, None)
    assert (reply.status, reply.json()["code"]) == (404, "not_found")


def test_failed_rows_have_the_columns_and_values_of_the_file_and_go_back(files: Files) -> None:
    text = "Serial;Kind;Notes\nK-1;lifetime;a\nK-2;forever;b\n"

    job = files.requested(text, mapping=MAPPING)

    assert job.state == "completed_with_errors"
    (row,) = files.errors(job)
    (fault,) = row["errors"]
    assert (fault["column"], fault["value"]) == ("Kind", "forever")
    assert row["data"] == {"Serial": "K-2", "Kind": "forever", "Notes": "b"}
    failed = files.failed_csv(job)
    assert (
        failed.splitlines()[0].removeprefix("\ufeff") == "Serial;Kind;Notes;_row;_codes;_messages"
    )
    assert "Kind: must be one of" in failed
    again = files.requested(failed.replace("forever", "lifetime", 1), mapping=MAPPING)
    assert (again.state, counts(again, "created_licenses")) == ("succeeded", [1])


def test_a_product_that_is_not_there_is_named_as_in_the_file(files: Files) -> None:
    mapping = {"columns": {"SKU": "product__short_code"}}
    mapping["values"] = {"product__short_code": {"S-1": "kp", "*": "gone"}}  # type: ignore[dict-item]

    job = files.requested("license__license_key,SKU\nK-1,S-1\nK-2,S-2\n", mapping=mapping)

    (row,) = files.errors(job)
    (fault,) = row["errors"]
    assert (fault["column"], fault["code"], fault["value"]) == ("SKU", "unknown_product", "S-2")


def test_a_large_file_is_mapped_in_each_of_its_chunks(files: Files) -> None:
    files.patch.setenv("IMPORT_INLINE_BYTES", "10")
    files.patch.setenv("IMPORT_CHUNK_BYTES", "100")
    rows = "".join(f"M-{n:03};lifetime;x\n" for n in range(30))

    files.run(files.prepared(f"Serial;Kind;Notes\n{rows}", mapping=MAPPING))
    files.by_machine(again=True)

    job = files.last()
    assert (job.state, counts(job, "created_licenses")) == ("succeeded", [30])


def test_the_dates_of_a_mapping_are_used_unless_the_import_has_its_own(files: Files) -> None:
    mapping = MAPPING | {"dates": "dmy"}

    own = files.requested(FILE, mapping=mapping, dates="iso")
    from_mapping = files.requested(FILE, mapping=mapping)

    assert (own.dates, from_mapping.dates) == ("iso", "dmy")


def test_an_update_is_mapped_too(files: Files) -> None:
    files.requested(FILE, mapping=MAPPING)
    mapping = MAPPING | {
        "columns": MAPPING["columns"] | {"Notes": "license__note"},
        "values": MAPPING["values"] | {"license__note": {"-": "\\N", "b": "B"}},
    }

    job = files.requested(
        FILE + "K-1;lifetime;a\n", mapping=mapping, on_existing="update", on_error="skip_row"
    )

    assert counts(job, "updated_licenses") == [2]
    notes = {e["license_key"]: e["note"] for e in files.shop.get("/licenses/").json()["results"]}
    assert notes == {"K-1": "a", "K-2": "B"}


def test_a_bundle_that_only_the_mapping_names_is_found(files: Files) -> None:
    mapping = MAPPING | {
        "constants": {},
        "columns": {"Serial": "license__license_key", "Item": "product__short_code"},
        "values": {"product__short_code": {"everything": "bnd", "sketch": "p1"}},
    }

    job = files.requested("Serial,Item\nB-1,everything\nB-1,sketch\n", mapping=mapping)

    found = {fault["code"] for row in files.errors(job) for fault in row["errors"]}
    assert found == {"bundle_members_missing"}
    assert files.license_count() == 0


@pytest.mark.parametrize(
    ("mapping", "pointer"),
    [
        ({"columns": {"A": "license__key"}}, "/mapping/columns/A"),
        ({"columns": {"A": "license__note", "B": "license__note"}}, "/mapping/columns/B"),
        ({"constants": {"product__short_code": 5}}, "/mapping/constants/product__short_code"),
        ({"kind": "customers"}, "/mapping/kind"),
        ({"colums": {}}, "/mapping/colums"),
        ({"columns": {"x" * 65_536: None}}, "/mapping"),
        ("Old Shop", "/mapping"),
        ("never-saved", "/mapping"),
        ({"dates": "ymd"}, "/mapping/dates"),
    ],
)
def test_a_mapping_that_can_not_be_used_is_refused(
    files: Files, mapping: Any, pointer: str
) -> None:
    body = {"kind": "licenses", "file_name": "a.csv", "size": 5, "mapping": mapping}

    reply = files.shop.post("/imports/", body)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")
    assert pointer in [each["pointer"] for each in reply.json()["errors"]]


def test_a_header_that_is_nearly_known_stops_the_import_with_suggestions(files: Files) -> None:
    text = "email,Vorname,Nom de famille,Postleitzahl\na@x.test,Ana,Paz,1\n"
    suggested = {
        "Vorname": "first_name",
        "Nom de famille": "last_name",
        "Postleitzahl": "postcode",
    }

    job = files.imported(text, "customers")

    assert refusal(job)[0] == "unmapped_columns"
    shown = files.shop.get(f"/imports/{job.number}/").json()
    assert shown["refusal"]["suggested"] == suggested
    again = files.requested(text, "customers", mapping={"columns": suggested})
    assert again.state == "succeeded"
    ignored = files.requested(text, "customers", unknown_columns="ignore")
    assert ignored.state == "succeeded"
    assert (ignored.detected or {})["suggested"] == suggested


def test_a_saved_mapping_is_listed_shown_replaced_and_deleted(files: Files) -> None:
    first = save(files).json()
    save(files, "a.second_one", kind="customers", columns={}, constants={}, values={})

    listed = files.shop.get("/import-mappings/", "limit=1").json()
    rest = files.shop.get("/import-mappings/", f"limit=1&cursor={listed['cursor']}").json()

    assert [each["name"] for each in (*listed["results"], *rest["results"])] == [
        "a.second_one",
        "old-shop",
    ]
    assert (listed["count"], rest["next"]) == (2, None)
    assert "columns" not in listed["results"][0]
    assert first == files.shop.get("/import-mappings/old-shop/").json()
    assert {name: first[name] for name in MAPPING} == MAPPING
    save(files, columns={"Key": "license__license_key"})
    again = files.shop.get("/import-mappings/old-shop/").json()
    assert again["columns"] == {"Key": "license__license_key"}
    assert files.shop.delete("/import-mappings/old-shop/").status == 204
    for method in ("GET", "DELETE"):
        assert files.shop.send(method, "/import-mappings/old-shop/").status == 404


def test_a_mapping_belongs_to_its_company(files: Files, other_shop: Shop) -> None:
    save(files)

    for method, path in (("GET", "old-shop/"), ("DELETE", "old-shop/"), ("GET", "")):
        reply = other_shop.send(method, f"/import-mappings/{path}")
        assert reply.status == (404 if path else 200)
        assert "license__license_key" not in reply.text
    body = {"kind": "licenses", "file_name": "a.csv", "size": 5, "mapping": "old-shop"}
    assert other_shop.post("/imports/", body).status == 400
    assert files.shop.get("/import-mappings/old-shop/").status == 200


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("Old", {"kind": "licenses"}, "name"),
        ("x" * 65, {"kind": "licenses"}, "name"),
        ("old", {}, "kind"),
        ("old", {"kind": "licenses", "columns": {"A": "email"}}, "columns.A"),
        ("old", {"kind": "licenses", "dates": "x"}, "dates"),
    ],
)
def test_a_mapping_that_can_not_be_saved_is_refused(
    files: Files, name: str, body: Any, field: str
) -> None:
    reply = files.shop.send("PUT", f"/import-mappings/{name}/", body=body)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")
    assert [each["field"] for each in reply.json()["errors"]] == [field]
    assert files.shop.get("/import-mappings/").json()["results"] == []


def test_an_import_keeps_the_mapping_that_it_began_with(files: Files) -> None:
    save(files)
    event = files.prepared(FILE, mapping="old-shop")
    save(files, columns={"Other": "license__license_key"})
    assert files.shop.delete("/import-mappings/old-shop/").status == 204

    files.run(event)

    job = files.last()
    assert (job.state, job.mapping_name) == ("succeeded", "old-shop")


def test_a_retried_request_gets_its_import_when_the_mapping_is_deleted(files: Files) -> None:
    save(files)
    body = {"kind": "licenses", "file_name": "a.csv", "size": 5, "external_id": "x"}
    body["mapping"] = "old-shop"
    first = files.shop.post("/imports/", body)
    files.shop.delete("/import-mappings/old-shop/")

    again = files.shop.post("/imports/", body)

    assert (first.status, again.status) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    other = files.shop.post("/imports/", body | {"mapping": MAPPING})
    assert (other.status, other.json()["code"]) == (409, "external_id_reused")


def test_a_form_names_a_saved_mapping(files: Files) -> None:
    save(files, dates="mdy")
    importer = Importer(files.shop.company, files.shop.key)
    reply = importer.send(form(part(FILE.encode())), "licenses", query="mapping=old-shop")

    job = files.last()

    assert reply.status == 200, reply.text
    assert (job.mapping_name, job.dates, job.unknown_columns) == ("old-shop", "mdy", "ignore")


def test_a_file_in_the_folder_of_a_mapping_uses_it(files: Files) -> None:
    save(files, dates="dmy")

    job = files.imported(FILE, name="@old-shop/a.csv")

    assert (job.state, job.mapping_name, job.file_name) == ("succeeded", "old-shop", "a.csv")
    assert (job.dates, counts(job, "created_licenses")) == ("dmy", [2])
    named = files.imported(FILE, name="b.csv", metadata={"mapping": "old-shop", "dates": "iso"})
    assert (named.state, named.mapping_name, named.dates) == ("succeeded", "old-shop", "iso")
    both = files.imported(FILE, name="@old-shop/c.csv", metadata={"mapping": " Old-Shop"})
    assert both.state == "succeeded"


def test_a_file_in_the_folder_of_an_unknown_mapping_is_refused(files: Files) -> None:
    save(files, "for-customers", kind="customers", columns={}, constants={}, values={})

    for name, code in (
        ("@old-shop/a.csv", "unknown_mapping"),
        ("@Old Shop/a.csv", "unknown_mapping"),
        ("@/a.csv", "unknown_mapping"),
        ("@for-customers/a.csv", "unknown_mapping"),
    ):
        assert refusal(files.imported(FILE, name=name))[0] == code, name
    wrong = files.imported(FILE, metadata={"mapping": "No Name"})
    assert refusal(wrong)[0] == "invalid_metadata"
    both = files.imported(FILE, name="@old-shop/a.csv", metadata={"mapping": "other"})
    assert refusal(both)[0] == "invalid_metadata"
    assert files.license_count() == 0


def test_a_retried_file_keeps_the_mapping_that_was_planned(files: Files) -> None:
    save(files)
    files.patch.setenv("IMPORT_INLINE_BYTES", "10")
    files.imported(FILE, name="@old-shop/a.csv")
    files.step("plan")
    before = files.last().mapping
    save(files, columns={"Other": "license__license_key"})

    files.by_machine()

    after = files.last()
    assert (after.state, after.mapping) == ("succeeded", before)
