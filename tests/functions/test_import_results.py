"""The results of an import's rows: what each row did, and what a dry run says it would do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import job_status
from functions.telemetry.redaction import Crashed
from shared.csv_format.reader import records
from shared.import_job import ImportJob
from shared.row_reader import reader_of
from shared.store import batch_results, import_jobs, uploads
from shared.workflows import import_chunk
from shared.workflows.import_batch import import_batch
from tests.functions.import_files import Files
from tests.grants.recorder import outside
from tests.http_event import Reply

LICENSES = "license__license_key,product__short_code,license__note"
EMAILS = "email,first_name"
FEATURES = "license_key,code,max_consumption"


def by_machine(files: Files, text: str, kind: str = "licenses", **options: Any) -> ImportJob:
    files.run(files.prepared(text, kind, **options))
    files.by_machine(again=True)
    return files.last()


def outcomes(files: Files, job: ImportJob) -> list[str]:
    return [each["outcome"] for each in files.rows(job)]


def test_each_row_has_an_outcome_and_the_ids_of_its_records(files: Files) -> None:
    files.shop.order_one(license={"key": "R-1"})

    job = files.requested(f"{LICENSES},customer__email\nR-1,kp,,\nR-2,kp,,ana@x.test\nR-3,nope,,\n")

    (old,) = files.shop.get("/licenses/", "license_key=R-1").json()["results"]
    (lic,) = files.shop.get("/licenses/", "license_key=R-2").json()["results"]
    first, second, third = files.rows(job)
    none: dict[str, Any] = {
        "license_id": None,
        "order_id": None,
        "customer_id": None,
        "more_license_ids": [],
        "kept": None,
    }
    there = {"license_id": old["id"], "order_id": old["order"]}
    made = {"license_id": lic["id"], "order_id": lic["order"], "customer_id": lic["customer"]["id"]}
    made |= {"more_license_ids": [], "kept": None}
    assert first == {"row": 1, "line": 2, "outcome": "unchanged", "changes": None, **none, **there}
    assert second == {"row": 2, "line": 3, "outcome": "created", "changes": None, **made}
    assert third == {"row": 3, "line": 4, "outcome": "failed", "changes": None, **none}


@pytest.mark.parametrize("outcome", ["created", "updated", "unchanged", "failed"])
def test_rows_are_listed_by_outcome(files: Files, outcome: str) -> None:
    files.shop.order_one(license={"key": "R-1"})
    files.shop.order_one(license={"key": "R-2", "note": "same"})
    text = f"{LICENSES}\nR-1,kp,new\nR-2,kp,same\nR-3,kp,\nR-4,nope,\n"
    job = files.requested(text, on_existing="update")

    listed = files.rows(job, f"outcome={outcome}")

    wanted = ["updated", "unchanged", "created", "failed"].index(outcome) + 1
    assert [each["row"] for each in listed] == [wanted]


def test_an_updated_row_has_the_values_before_and_after(files: Files) -> None:
    files.shop.order_one(license={"key": "R-1", "note": "old", "max_activations": 3})

    text = f"{LICENSES},license__max_activations\nR-1,kp,\\N,4\n"
    job = files.requested(text, on_existing="update")

    (row,) = files.rows(job)
    assert row["changes"] == {
        "note": {"before": "old", "after": None},
        "max_activations": {"before": 3, "after": 4},
    }


def test_long_values_are_cut(files: Files) -> None:
    files.shop.order_one(license={"key": "R-1"})

    job = files.requested(f"{LICENSES}\nR-1,kp,{'n' * 300}\n", on_existing="update")

    (row,) = files.rows(job)
    assert row["changes"]["note"]["after"] == "n" * 200 + "…"


@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_a_dry_run_says_what_the_import_then_does(machine: Files, on_existing: str) -> None:
    machine.shop.order_one(license={"key": "R-1", "note": "old"})
    text = f"{LICENSES},customer__email,order__store_id\nR-1,kp,new,,\n" + "".join(
        f"R-{n},{'nope' if n == 5 else 'kp'},{n},c{n % 3}@x.test,o-{n % 4}\n" for n in range(2, 12)
    )
    text += "R-2,kp,2,c2@x.test,o-2\nR-1,kp,new,,\n"

    planned = by_machine(machine, text, dry_run=True, on_existing=on_existing)
    done = by_machine(machine, text, on_existing=on_existing)

    assert machine.rows(planned) == machine.rows(done)
    was = "updated" if on_existing == "update" else "unchanged"
    first = [was, "created", "created", "created", "failed", "created"]
    assert outcomes(machine, done) == [*first, *["created"] * 5, "unchanged", "unchanged"]


def test_a_customer_is_created_by_the_first_row_of_the_file(machine: Files) -> None:
    names = "".join(f"c{n % 4}@x.test,Ana\n" for n in range(10))

    for dry_run in (True, False):
        job = by_machine(machine, f"{EMAILS}\n{names}", "customers", dry_run=dry_run)

        assert outcomes(machine, job) == ["created"] * 4 + ["unchanged"] * 6
        assert [each["row"] for each in machine.rows(job, "outcome=created")] == [1, 2, 3, 4]
        assert len({each["customer_id"] for each in machine.rows(job)}) == 4


@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_features_have_results(machine: Files, on_existing: str) -> None:
    for key in ("R-1", "R-2", "R-3"):
        machine.shop.order_one(license={"key": key})
    by_machine(machine, f"{FEATURES}\nR-1,credits,5\n", "license-features")
    text = (
        f"{FEATURES}\nR-1,credits,6\nR-2,credits,7\nnone,credits,1\nR-3,credits,1\nR-2,credits,7\n"
    )

    planned = by_machine(machine, text, "license-features", dry_run=True, on_existing=on_existing)
    done = by_machine(machine, text, "license-features", on_existing=on_existing)

    was = "updated" if on_existing == "update" else "unchanged"
    assert outcomes(machine, done) == [was, "created", "failed", "created", "unchanged"]
    assert machine.rows(planned) == machine.rows(done)
    if on_existing == "update":
        changes = machine.rows(done)[0]["changes"]
        assert changes["max_consumption"] == {"before": 5, "after": 6}


@pytest.mark.parametrize("kind", ["licenses", "customers", "license-features"])
def test_a_batch_that_runs_again_has_the_same_results(files: Files, kind: str) -> None:
    files.shop.order_one(license={"key": "R-1", "note": "old"})
    files.shop.order_one(license={"key": "R-2"}, customer={"email": "a@x.test"})
    features = f"{FEATURES}\nR-1,credits,5\nR-2,credits,5\n"
    files.requested(f"{FEATURES}\nR-1,credits,4\n", "license-features")
    text = {
        "licenses": f"{LICENSES}\nR-1,kp,new\nR-3,kp,made\n",
        "customers": f"{EMAILS}\na@x.test,Ana\nb@x.test,Ben\n",
        "license-features": features,
    }[kind]
    event = files.prepared(text, kind, on_existing="update")
    put = uploads.put_result

    def lost(job: ImportJob, name: str, data: bytes) -> None:
        if name.startswith("rows-"):
            raise RuntimeError("the worker dies")
        put(job, name, data)

    files.patch.setattr(uploads, "put_result", lost)
    with pytest.raises(Crashed):
        files.run(event)
    files.patch.setattr(uploads, "put_result", put)
    for action in ("cancel", "retry"):
        assert files.ask(files.last().number, action).status == 200
    files.run(event)

    job = files.last()
    assert outcomes(files, job) == ["updated", "created"]
    assert files.rows(job)[0]["changes"]


def test_changes_are_unknown_after_a_change_by_someone_else(files: Files) -> None:
    files.shop.order_one(license={"key": "R-1", "note": "old"})
    (lic,) = files.shop.get("/licenses/", "license_key=R-1").json()["results"]
    event = files.prepared(f"{LICENSES}\nR-1,kp,new\n", on_existing="update")
    files.run(event)
    job = files.last()
    assert files.rows(job)[0]["changes"]
    files.shop.patch(f"/licenses/{lic['id']}/", {"note": "other"})

    with import_chunk.working(job, "write", lambda: 900_000, ended=True) as work:
        read = reader_of(work.terms, work.dialect)
        rows_again = [*map(read, records(b"R-1,kp,new\n", work.dialect, first_row=1, first_line=2))]
        with work.pool() as pool:
            done = import_batch(work.terms, rows_again, dry_run=False, pool=pool)

    assert [(each.outcome, each.changes) for each in done.results.rows()] == [("updated", None)]


def test_a_rejected_import_has_only_failed_rows(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\nR-2,nope,\n", on_error="reject_all")

    assert job.state == "rejected"
    assert [(each["row"], each["outcome"]) for each in files.rows(job)] == [(2, "failed")]
    assert files.rows(job, "outcome=created") == []


def test_results_that_were_deleted_are_left_out(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\n")
    (result,) = batch_results.batch_results(job.company, job.number)
    assert result.row_report is not None
    uploads.delete_result(job, result.row_report)

    reply = files.shop.get(f"/imports/{job.number}/rows/")

    assert (reply.status, reply.json()["results"]) == (200, [])


def test_rows_are_paged_across_batches(machine: Files) -> None:
    text = f"{LICENSES}\n" + "".join(f"R-{n},kp,\n" for n in range(10))
    job = by_machine(machine, text)
    seen, query = [], "limit=4"
    while query:
        page = machine.shop.get(f"/imports/{job.number}/rows/", query).json()
        assert page["count"] == 10
        seen += [each["row"] for each in page["results"]]
        query = page["next"].partition("?")[2] if page["next"] else ""

    assert seen == list(range(1, 11))


def results_csv(files: Files, job: ImportJob) -> Reply:
    return files.shop.get(f"/imports/{job.number}/results.csv")


def written(files: Files, job: ImportJob) -> str:
    """`results.csv` of a job, after the function that writes it has run."""
    waiting = results_csv(files, job)
    assert (waiting.status, waiting.headers["retry-after"]) == (202, "2"), waiting.text
    files.step("results")
    reply = results_csv(files, job)
    assert reply.status == 200, reply.text
    return reply.text


@pytest.mark.parametrize("inline_bytes", ["1000000", "10"])
def test_results_csv_has_the_file_with_the_result_of_each_row(
    machine: Files, monkeypatch: pytest.MonkeyPatch, inline_bytes: str
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", inline_bytes)
    text = (
        'Shelf;license__license_key;product__short_code\n"a;b";R-1;kp\n;R-2;nope\n\n=1;R-3;kp;x\n'
    )
    machine.run(machine.prepared(text))
    if inline_bytes == "10":
        machine.by_machine()
    job = machine.last()

    text = written(machine, job)

    (row,) = machine.rows(job, "outcome=created")
    ids = f"{row['license_id']};{row['order_id']};"
    assert text == (
        "\ufeffShelf;license__license_key;product__short_code"
        ";_row;_outcome;_license_id;_order_id;_customer_id\n"
        f'"a;b";R-1;kp;1;created;{ids}\n;R-2;nope;2;failed;;;\n\'=1;R-3;kp;3;failed;;;;x\n'
    )


def test_results_csv_can_be_imported_as_it_is(files: Files) -> None:
    text = written(files, files.requested(f"{LICENSES}\nR-1,kp,a\nR-2,kp,b\n"))

    again = files.requested(text)

    assert outcomes(files, again) == ["unchanged", "unchanged"]
    assert again.detected is not None
    assert (again.detected["unknown_columns"], again.detected["warnings"]) == ([], [])
    assert written(files, again).splitlines()[0] == text.splitlines()[0]


def test_results_csv_of_a_rejected_import_has_only_failed_rows(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\nR-2,nope,\n", on_error="reject_all")

    lines = written(files, job).splitlines()

    assert [line.split(",", 3)[3] for line in lines[1:]] == ["1,,,,", "2,failed,,,"]


def test_results_csv_is_requested_once_until_it_exists(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\n")
    now = datetime.now(UTC)

    first, second = (import_jobs.claim_results(job, now, every=timedelta(minutes=2)) for _ in "12")
    later = import_jobs.claim_results(job, now + timedelta(minutes=3), every=timedelta(minutes=2))

    assert (first, second, later) == (True, False, True)


def test_results_csv_of_a_running_import_has_to_wait(files: Files) -> None:
    files.prepared(f"{LICENSES}\nR-1,kp,\n")

    reply = results_csv(files, files.last())

    assert (reply.status, reply.json()["code"]) == (409, "import_state")


def test_results_csv_of_a_deleted_file_can_not_be_written(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\n")
    files.delete(job)

    reply = results_csv(files, job)
    files.step("results")

    assert (reply.status, reply.json()["code"]) == (409, "file_gone")


def test_results_csv_of_an_archived_file_has_to_wait_for_its_restore(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nR-1,kp,\n")
    place: Any = {"Bucket": job.bucket, "Key": job.key}
    source: Any = {**place, "VersionId": job.version_id or ""}
    with outside():
        uploads.client().copy_object(**place, CopySource=source, StorageClass="GLACIER")
        versions = uploads.client().list_object_versions(Bucket=job.bucket, Prefix=job.key)
    archived = job.model_copy(update={"version_id": versions["Versions"][0]["VersionId"]})
    assert import_jobs.put_job(archived, job)

    reply = results_csv(files, archived)

    assert (reply.status, reply.json()["code"]) == (409, "file_archived")


def test_there_are_no_results_of_a_file_that_was_refused(files: Files) -> None:
    job = files.requested("nothing\n1\n")

    assert job.state == "failed"
    assert results_csv(files, job).status == 404


def test_large_results_are_a_link(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_status, "_MOST_INLINE", 10)
    job = files.requested(f"{LICENSES}\nR-1,kp,\n")
    results_csv(files, job)
    files.step("results")

    reply = results_csv(files, job)

    assert reply.status == 307
    assert f"/_results/{job.company}/{job.number}/results-" in reply.headers["location"]
