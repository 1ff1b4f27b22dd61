"""Imports that can't continue: their file was deleted, or they were cancelled."""

from typing import Any

import pytest

from functions.telemetry.redaction import Crashed
from shared.errors import Busy
from shared.import_job import ImportJob
from shared.store import uploads
from shared.store.batch_results import batch_results
from shared.workflows import import_lifecycle
from shared.workflows.import_totals import Totals
from tests.functions.import_files import Files, ended_execution
from tests.functions.log_lines import Out
from tests.http_event import Reply
from tests.s3_answers import error, s3_answers
from tests.wiretap import meanwhile, tapped

HEADER = "license__license_key,product__short_code\n"
ROWS = HEADER + "".join(f"K-{n:05},kp\n" for n in range(200))


@pytest.fixture
def machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """The company acme, whose files are imported by the state machine, read in small parts."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setattr(uploads.stream, "__kwdefaults__", {"part": 500})
    return files


def post(files: Files, action: str) -> Reply:
    return files.ask(files.last().number, action)


def reports() -> set[str]:
    """What imports have written into the bucket."""
    found = uploads.client().list_objects_v2(Bucket="uploads", Prefix="_results/")
    return {each["Key"].rpartition("/")[2] for each in found.get("Contents", ())}


def outcome(files: Files) -> tuple[str, str]:
    job = files.last()
    return job.state, job.refusal.code if job.refusal else ""


# The file was deleted


GONE = [
    (404, "NoSuchVersion", "file_gone"),
    (404, "NoSuchKey", "file_gone"),
    (405, "MethodNotAllowed", "file_gone"),
    (403, "InvalidObjectState", "file_archived"),
]
"""What S3 answers for a version that was destroyed or has expired, for an object that was, for the
marker of a delete, and for an object in an archive."""


@pytest.mark.parametrize(("status", "s3_code", "code"), GONE)
def test_a_file_that_cannot_be_read_fails_its_import_at_once(
    files: Files, out: Out, status: int, s3_code: str, code: str
) -> None:
    event = files.drop(ROWS, name="secret.csv")

    with s3_answers("GetObject", status, body=error(s3_code, StorageClass="DEEP_ARCHIVE")) as urls:
        files.run(event)

    assert outcome(files) == ("failed", code)
    assert len(urls) == 1
    assert files.license_count() == 0
    refusal = files.last().refusal
    assert refusal is not None
    assert "secret.csv" in refusal.message
    assert "mport the file again" in refusal.message
    assert ("DEEP_ARCHIVE" in refusal.message) == (code == "file_archived")
    lines = out()
    assert not [line for line in lines if line.get("message") == "crash"]
    assert "secret" not in str(lines)


@pytest.mark.parametrize(
    ("status", "s3_code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "InvalidRequest")]
)
def test_a_file_that_may_not_be_read_is_left_to_the_operator(
    files: Files, out: Out, status: int, s3_code: str
) -> None:
    event = files.drop(ROWS)

    with s3_answers("GetObject", status, body=error(s3_code)), pytest.raises(Crashed):
        files.run(event)

    assert files.last().state == "validating"
    assert [line["error"].split()[1] for line in out() if line.get("message") == "crash"] == [
        s3_code
    ]


def test_a_deleted_file_is_reported_by_the_api(files: Files) -> None:
    event = files.drop(ROWS)
    version = event["Records"][0]["s3"]["object"]["versionId"]
    uploads.client().delete_object(Bucket="uploads", Key="acme/licenses/a.csv", VersionId=version)
    files.run(event)

    message = (
        f"a.csv (version {version} of acme/licenses/a.csv) was deleted from the bucket,"
        " or has expired. Import the file again."
    )
    shown = files.shown(files.last())
    assert (shown["state"], shown["status"]) == ("failed", "error")
    assert (shown["refusal"]["code"], shown["refusal"]["message"]) == ("file_gone", message)
    ((reason,),) = (each["errors"] for each in files.errors(files.last()))
    assert (reason["code"], reason["message"]) == ("file_gone", message)
    retried = post(files, "retry")
    assert (retried.status, retried.json()["code"]) == (409, "file_gone")


def test_a_file_deleted_before_it_is_planned_ends_the_execution_without_an_alarm(
    machine: Files,
) -> None:
    machine.run(machine.drop(ROWS))
    machine.delete(machine.last())

    planned = machine.step("plan")
    assert planned["passes"] == ["none"]
    assert machine.step("finish") == {}

    assert outcome(machine) == ("failed", "file_gone")
    assert reports() == set()


def test_a_file_that_goes_in_the_middle_of_planning_ends_it(machine: Files) -> None:
    machine.run(machine.drop(ROWS))

    with s3_answers("GetObject", 404, body=error("NoSuchVersion"), from_nth=3):
        assert machine.step("plan")["passes"] == ["none"]

    assert outcome(machine) == ("failed", "file_gone")


def test_a_file_that_goes_while_its_ranges_are_imported_ends_them_all(machine: Files) -> None:
    machine.run(machine.drop(ROWS))
    first, second, *_ = machine.plan()
    machine.chunk(first)
    machine.delete(machine.last())

    with s3_reads() as urls:
        workers = machine.chunk(second) + machine.chunk(second)

    assert workers == 2
    assert len([url for url in urls if "a.csv" in url]) == 1
    assert outcome(machine) == ("failed", "file_gone")
    assert machine.step("finish") == {}
    assert machine.last().state == "failed"
    assert machine.license_count() == first["rows"]


def s3_reads() -> Any:
    """The reads of the file alone: reports are read by the same operation."""
    return s3_answers("GetObject", 200, from_nth=99)


@pytest.mark.parametrize("name", ["catalog.json"])
def test_a_deleted_pinned_catalog_is_not_taken_for_an_empty_one(machine: Files, name: str) -> None:
    machine.run(machine.drop(ROWS))
    chunk, *_ = machine.plan()
    uploads.delete_result(machine.last(), name)

    machine.chunk(chunk)

    assert outcome(machine) == ("failed", "results_gone")
    assert batch_results("acme", 1) == []
    assert post(machine, "retry").status == 200
    machine.by_machine()
    assert machine.last().state == "succeeded"


def test_a_deleted_report_is_not_taken_for_an_empty_one(machine: Files) -> None:
    machine.run(machine.drop(ROWS + "K-bad,nope\n"))
    for chunk in machine.plan():
        machine.chunk(chunk)
    for result in batch_results("acme", 1):
        if result.invalid and result.report:
            uploads.delete_result(machine.last(), result.report)

    machine.step("finish")

    assert outcome(machine) == ("failed", "results_gone")
    post(machine, "retry")
    machine.by_machine()
    assert machine.last().state == "completed_with_errors"
    assert machine.last().counts["valid_row_count"] == 200


# A client cancels it


@pytest.mark.parametrize("heartbeats", [1, 2, 5])
def test_a_planner_stops_when_its_import_is_cancelled(machine: Files, heartbeats: int) -> None:
    machine.run(machine.drop(ROWS))

    with tapped() as tap, s3_reads() as urls:
        tap.on("UpdateItem", meanwhile(lambda: post(machine, "cancel")), nth=heartbeats)
        planned = machine.step("plan")

    assert planned["passes"] == ["none"]
    assert len(urls) == heartbeats
    assert reports() == set()
    cancelled = machine.last()
    assert cancelled.state == "cancelled"
    assert machine.step("finish") == {}
    assert machine.last() == cancelled


def test_a_planner_whose_import_is_cancelled_at_its_end_writes_no_plan(machine: Files) -> None:
    machine.run(machine.drop(ROWS))

    # The first transaction begins the job, the second would note what its file is.
    with tapped("TransactWriteItems", meanwhile(lambda: post(machine, "cancel")), nth=2):
        planned = machine.step("plan")

    assert planned["passes"] == ["none"]
    assert "manifest.json" not in reports()
    assert machine.last().state == "cancelled"


def test_a_planner_that_has_lost_its_import_does_not_finish_it(machine: Files) -> None:
    """Cancelled and retried meanwhile: the import waits for its next attempt, with no rows yet."""
    machine.run(machine.drop(ROWS))

    def again() -> None:
        post(machine, "cancel")
        assert post(machine, "retry").status == 200

    with tapped("UpdateItem", meanwhile(again), nth=2):
        assert machine.step("plan")["passes"] == ["none"]
    machine.step("finish")

    assert (machine.last().state, machine.last().attempts) == ("queued", 2)
    machine.by_machine()
    assert machine.last().counts["total_row_count"] == 200


def test_an_import_by_one_function_stops_when_it_is_cancelled(files: Files) -> None:
    with tapped("UpdateItem", meanwhile(lambda: post(files, "cancel")), nth=2):
        files.run(files.drop(ROWS))

    assert files.last().state == "cancelled"
    assert reports() == set()
    assert files.license_count() == 0


def test_an_import_that_is_cancelled_at_its_end_writes_no_result(files: Files) -> None:
    finish = import_lifecycle.finish

    def cancelled(job: ImportJob) -> None:
        post(files, "cancel")
        finish(job)

    files.patch.setattr("functions.import_csv.finish", cancelled)
    files.run(files.drop(ROWS + "K-bad,nope\n"))

    assert files.last().state == "cancelled"
    assert not [name for name in reports() if name.startswith("failed")]


def test_an_end_of_an_earlier_attempt_waits_for_every_batch_of_the_new_one(
    files: Files, machine: Files
) -> None:
    """The first attempt's batches have every row, but of a company that has changed since."""
    machine.run(machine.prepared(ROWS + "K-bad,later\n", on_error="reject_all"))
    chunks = machine.plan()
    for chunk in chunks:
        machine.chunk(chunk, "validate")
    post(machine, "cancel")
    post(machine, "retry")
    chunks = machine.plan()
    machine.chunk(chunks[0], "validate")

    with pytest.raises(Busy):
        machine.step("finish")

    assert machine.last().state == "validating"
    for chunk in chunks[1:]:
        machine.chunk(chunk, "validate")
    assert machine.step("decide")["go"] == "finish"
    machine.step("finish")
    assert machine.last().state == "rejected"
    assert machine.failed_csv(machine.last()).count("unknown_product") == 1


def test_a_redriven_execution_counts_the_chunks_that_were_done_before(machine: Files) -> None:
    """It runs only the step that failed: the other results are of the attempt that planned."""
    machine.run(machine.drop(ROWS))
    chunks = machine.plan()
    for chunk in chunks[1:]:
        machine.chunk(chunk)
    machine.run({"detail": ended_execution(machine.last())})
    assert outcome(machine) == ("failed", "import_failed")

    assert post(machine, "retry").status == 200
    machine.chunk(chunks[0])
    machine.step("finish")

    assert (machine.last().state, machine.last().attempts) == ("succeeded", 2)
    assert machine.last().counts["total_row_count"] == 200


def test_a_late_end_replaces_no_failed_rows(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers end the same import: what is shown is of the one that the job names."""
    finish, ended = import_lifecycle.finish, []

    def twice(job: ImportJob) -> ImportJob | None:
        ended.append(finish(job))
        with monkeypatch.context() as patch:
            patch.setattr(import_lifecycle, "get_job", lambda *_: job)
            patch.setattr(Totals, "failed_rows", lambda _: [b"late"])
            ended.append(finish(job))
        return ended[0]

    monkeypatch.setattr("functions.import_csv.finish", twice)
    files.run(files.drop(ROWS + "K-bad,nope\n"))

    assert [each is not None for each in ended] == [True, False]
    assert len([name for name in reports() if name.startswith("failed")]) == 4
    assert files.failed_csv(files.last()).count("unknown_product") == 1


def test_a_catalog_that_is_pinned_late_replaces_no_other(machine: Files) -> None:
    machine.run(machine.drop(ROWS))
    job = machine.last()

    uploads.put_first_result(job, "catalog.json", b"first")
    uploads.put_first_result(job, "catalog.json", b"late")

    assert uploads.get_result(job, "catalog.json") == b"first"


def test_a_file_of_which_rows_were_written_is_written_to_its_end(machine: Files) -> None:
    """Its second attempt finds a row invalid that the first one did not, and leaves out only it."""
    later = machine.shop.make("/products/", product_name="Later", short_code="later")
    machine.run(machine.prepared(ROWS + "K-later,later\n", on_error="reject_all"))
    chunks = machine.plan()
    for chunk in chunks:
        machine.chunk(chunk, "validate")
    assert machine.step("decide")["go"] == "write"
    machine.chunk(chunks[0])
    post(machine, "cancel")
    post(machine, "retry")
    uploads.delete_result(machine.last(), "catalog.json")
    machine.shop.patch(f"/products/{later['id']}/", {"is_archived": True})

    machine.by_machine()

    assert machine.last().state == "completed_with_errors"
    assert machine.license_count() == 200
