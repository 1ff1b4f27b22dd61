"""Imports that generate the keys of rows without one."""

import csv
import io
import logging
from collections import Counter
from typing import Any

import pytest

from shared.import_job import ImportJob
from shared.store import import_jobs
from shared.store.newest_first import places_of_import
from shared.workflows import import_chunk
from tests.functions.import_files import Files
from tests.functions.importer import Importer
from tests.grants.recorder import outside

HEAD = "license__license_key,product__short_code,order__store_id,customer__email\n"
FILE = HEAD + "K-1,kp,o-1,ana@x.test\n,kp,o-1,ana@x.test\n,kp,o-2,\n,cp,,\n,none,,\n,bnd,,\n"
KEYS = {"keys": "generate"}


@pytest.fixture(params=["inline", "machine"])
def either(request: pytest.FixtureRequest, files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Imports by one function, and imports by the state machine in small batches."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 2)
    monkeypatch.setattr(import_chunk, "_SMALLEST_BATCH", 2)
    if request.param == "machine":
        monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    return files


def finished(files: Files) -> ImportJob:
    """The newest job, whose chunks run twice if the state machine runs it."""
    if not files.last().is_ended:
        files.by_machine(again=True)
    return files.last()


def run(files: Files, text: str = FILE, **options: Any) -> ImportJob:
    files.run(files.prepared(text, **{**KEYS, **options}))
    return finished(files)


def asked(files: Files, job: ImportJob, action: str, **body: Any) -> ImportJob:
    """The job of a request, after it has run."""
    answer = files.ask(job.number, action, **body).ok(202)
    files.run({"step": "run", "company": job.company, "number": answer["id"]})
    return finished(files)


def results(files: Files, job: ImportJob) -> str:
    files.run({"step": "results", "company": job.company, "number": job.number})
    reply = files.shop.get(f"/imports/{job.number}/results.csv")
    assert reply.status == 200, reply.text
    return reply.text.removeprefix("\ufeff")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def issued(files: Files) -> dict[str, str]:
    """The ids of all licenses by key."""
    found = files.shop.get("/licenses/", "limit=100").json()["results"]
    return {lic["license_key"]: str(lic["id"]) for lic in found}


def test_rows_without_a_key_get_one_which_results_csv_has(either: Files) -> None:
    job = run(either)

    assert job.state == "completed_with_errors"
    codes = [each["errors"][0]["code"] for each in either.errors(job)]
    assert codes == ["unknown_product", "bundle_members_missing"]
    rows = rows_of(results(either, job))
    shown = {row["license__license_key"]: row["_license_id"] for row in rows if row["_license_id"]}
    assert shown == issued(either)
    assert len(shown) == 4
    assert [row["license__license_key"] for row in rows[4:]] == ["", ""]
    assert (job.counts["created_licenses_count"], job.counts["created_orders_count"]) == (4, 3)


def test_results_csv_imported_again_issues_no_more(files: Files) -> None:
    text = results(files, run(files))
    before = issued(files)

    again = run(files, text)

    assert again.counts["created_licenses_count"] == 0
    assert again.counts["existed_licenses_count"] == 4
    assert issued(files) == before


def test_a_commit_issues_the_keys_of_its_plan(either: Files) -> None:
    plan = run(either, dry_run=True)
    planned = rows_of(results(either, plan))
    assert issued(either) == {}

    job = asked(either, plan, "commit", hash=plan.plan_hash)

    assert job.number != plan.number
    assert rows_of(results(either, job)) == planned
    wanted = {row["license__license_key"]: row["_license_id"] for row in planned}
    wanted.pop("", None)
    assert issued(either) == wanted


@pytest.mark.parametrize("on_existing", ["keep", "update", "refuse"])
def test_an_undo_deletes_the_licenses_with_generated_keys(either: Files, on_existing: str) -> None:
    job = run(either, on_existing=on_existing)
    assert len(issued(either)) == 4

    undo = asked(either, job, "undo", dry_run=False)

    assert (undo.state, undo.counts["reverted_licenses_count"]) == ("succeeded", 4)
    assert issued(either) == {}


MANY = (
    "license__license_key,product__short_code,license__quantity,order__store_id,customer__email\n"
    ",kp,3,o-1,ana@x.test\n,kp,2,,\n,cp,1,o-1,\n,kp,,o-2,ana@x.test\nK-1,kp,1,o-2,\n"
    ",kp,1001,,\n,kp,0,,\nK-2,kp,2,,\n"
)


def licenses_of(text: str) -> dict[str, str]:
    """The ids that results.csv has, by key; each key once."""
    rows = [row for row in rows_of(text) if row["_license_id"]]
    found = {row["license__license_key"]: row["_license_id"] for row in rows}
    assert len(found) == len(rows)
    return found


def counts(job: ImportJob) -> dict[str, int]:
    names = ("created_licenses", "existed_licenses", "created_orders", "created_customers")
    return {name: job.counts[f"{name}_count"] for name in names}


COUNTS = {
    "created_licenses": 8,
    "existed_licenses": 0,
    "created_orders": 3,
    "created_customers": 1,
}


@pytest.mark.parametrize("on_existing", ["keep", "update", "refuse"])
def test_a_row_with_a_quantity_issues_so_many_licenses(either: Files, on_existing: str) -> None:
    job = run(either, MANY, on_existing=on_existing)

    faults = [(each["row"], each["errors"][0]["code"]) for each in either.errors(job)]
    assert faults == [(6, "invalid_value"), (7, "invalid_value"), (8, "quantity_with_key")]
    assert counts(job) == COUNTS
    text = results(either, job)
    assert licenses_of(text) == issued(either)
    assert [row["_row"] for row in rows_of(text)] == [*"11122345678"]
    found = either.shop.get("/orders/", "limit=100").json()["results"]
    assert sorted(each["licenses_count"] for each in found) == [2, 2, 4]
    page = either.rows(job, "outcome=created")
    assert [len(row["more_license_ids"]) for row in page] == [2, 1, 0, 0, 0]
    assert {str(id) for row in page for id in row["more_license_ids"]} < {*issued(either).values()}


def test_results_csv_of_quantities_imported_again_issues_no_more(files: Files) -> None:
    text = results(files, run(files, MANY))
    before = issued(files)

    again = run(files, text)

    assert (again.counts["created_licenses_count"], again.counts["existed_licenses_count"]) == (
        0,
        8,
    )
    assert issued(files) == before


def test_a_commit_issues_the_quantities_of_its_plan(either: Files) -> None:
    plan = run(either, MANY, dry_run=True)
    assert counts(plan) == COUNTS
    planned = rows_of(results(either, plan))

    job = asked(either, plan, "commit", hash=plan.plan_hash)

    assert counts(job) == COUNTS
    assert rows_of(results(either, job)) == planned
    assert licenses_of(results(either, job)) == issued(either)


@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_an_undo_deletes_all_licenses_of_a_quantity(either: Files, on_existing: str) -> None:
    job = run(either, MANY, on_existing=on_existing)
    first, *_ = [key for key in issued(either) if key != "K-1"]
    used = issued(either)[first]
    assert either.shop.patch(f"/licenses/{used}/", {"note": "in use"}).status == 200

    undo = asked(either, job, "undo", dry_run=False)

    assert (undo.counts["reverted_licenses_count"], undo.counts["kept_licenses_count"]) == (7, 1)
    assert issued(either) == {first: used}


def test_pages_of_quantities_stay_small_and_complete(files: Files) -> None:
    head = "license__license_key,product__short_code,license__quantity,order__store_id\n"

    job = run(files, head + ",kp,400,o\n,kp,400,o\n,cp,300,o\n,kp,1,o\n" + ",kp,,o\n" * 600)

    assert job.counts["created_licenses_count"] == 1701
    with outside():
        company = files.shop.company
        places = [*places_of_import("ORDERS_TABLE", company, job.number, "page", after=None)]
    assert [*Counter(each.page for each in places).values()] == [800, 500, 297, 104]
    listed: list[int] = []
    url, query = "/licenses/", f"limit=1000&import_id={job.number}"
    while True:
        page = files.shop.get(url, query).json()
        listed += [each["id"] for each in page["results"]]
        if len(listed) >= page["count"]:
            break
        query = f"limit=1000&offset={len(listed)}&import_id={job.number}"
    assert len(listed) == len({*listed}) == 1701
    undo = asked(files, job, "undo", dry_run=False)
    assert undo.counts["reverted_licenses_count"] == 1701
    assert files.shop.get("/licenses/", "limit=1").json()["count"] == 0


def test_another_import_of_the_file_issues_other_keys(files: Files) -> None:
    run(files, HEAD + ",kp,,\n")
    run(files, HEAD + ",kp,,\n")

    assert len(issued(files)) == 2


def test_a_copied_file_takes_the_option_from_its_metadata(files: Files) -> None:
    made = files.imported(HEAD + ",kp,,\n", metadata={"keys": "Generate"})
    wrong = files.imported("email\na@x.test\n", "customers", metadata=KEYS)

    assert made.state == "succeeded"
    assert (wrong.refusal and wrong.refusal.code) == "invalid_metadata"
    assert len(issued(files)) == 1


def test_no_key_and_no_seed_is_logged_or_shown(
    files: Files, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        job = run(files)
    out = capfd.readouterr()
    assert "import_ended" in caplog.text

    seed = job.key_seed
    assert seed is not None
    assert len(bytes.fromhex(seed)) == 32
    shown = files.shop.get(f"/imports/{job.number}/")
    assert shown.json()["keys"] == "generate"
    texts = [caplog.text, *(str(vars(each)) for each in caplog.records), out.out, out.err]
    for secret in (seed, *issued(files)):
        if secret != "K-1":
            assert not any(secret in text for text in (*texts, shown.text))


def test_only_licenses_have_keys_to_generate(files: Files) -> None:
    importer = Importer(files.shop.company, files.shop.key)

    by_upload = importer.request_upload(kind="customers", **KEYS)
    by_form = importer.send(kind="customers", query="keys=generate")

    for reply in (by_upload, by_form):
        (fault,) = reply.json()["errors"]
        assert (reply.status, fault["field"], fault["code"]) == (400, "keys", "invalid_value")
    assert next(import_jobs.list_jobs(files.shop.company), None) is None
