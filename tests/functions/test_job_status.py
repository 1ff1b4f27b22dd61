"""Import results and progress, cancelling and retrying."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from shared.contract.imports import DetectedFile, FileWarning
from shared.import_job import KINDS, FileFault, ImportJob, State
from shared.store import import_jobs, uploads
from tests.engine import execution_arn
from tests.functions.importer import Importer, bad_row, new_importer
from tests.http_event import Reply
from tests.s3_answers import s3_answers
from tests.wiretap import answer_lost, meanwhile, tapped

COUNTS = {
    "total_row_count": 3,
    "valid_row_count": 2,
    "created_customers_count": 1,
    "existed_customers_count": 1,
    "created_orders_count": 1,
    "existed_orders_count": 1,
    "created_licenses_count": 2,
    "existed_licenses_count": 0,
    "updated_licenses_count": 0,
    "unchanged_licenses_count": 0,
    "warnings": 1,
}
ARN = execution_arn("acme-1-1")
DETECTED = DetectedFile(
    encoding="utf-8",
    bom=False,
    delimiter=",",
    line_end="LF",
    sep_line=False,
    columns=("email", "note"),
    names=("email", "note"),
    header_line=1,
    body_start=11,
    body_line=2,
    unknown_columns=["note"],
    warnings=[FileWarning(code="encoding_assumed", message="The file is not UTF-8", column=None)],
).model_dump(mode="json")


def refused(reply: Reply, status: int, code: str) -> str:
    assert (reply.status, reply.json()["code"]) == (status, code), reply.text
    return str(reply.json()["message"])


def finish(
    importer: Importer, number: int, state: State = "completed_with_errors", bad: int = 1
) -> None:
    """As the last step of an import does."""
    job = importer.move(number, "running", rows=3, file_sha256="ab" * 32, detected=DETECTED)
    rows = [bad_row(n + 1) for n in range(bad)]
    importer.chunk(job, 0, bad=bad, rows=3, valid=3 - bad)
    uploads.put_result(job, "failed.json", orjson.dumps(rows))
    uploads.put_result(job, "failed.rows", "code,_row\r\nMüller,1\r\n".encode())
    counts = COUNTS | {"valid_row_count": 3 - bad}
    importer.move(number, state, counts=counts, failed_report="failed" if bad else None)


# The published results


def test_a_finished_import_has_the_published_shape(importer: Importer) -> None:
    finish(importer, importer.dropped().number)

    view = importer.get("/licenses-import-results/1/").json()

    assert list(view)[:7] == [
        "id", "file_name", "status", "created_at", "started_at", "finished_at", "result"
    ]  # fmt: skip
    assert (view["id"], view["file_name"], view["status"]) == (1, "a.csv", "error")
    assert view["created_at"] <= view["started_at"] <= view["finished_at"]
    assert view["finished_at"].endswith("Z")
    own = ("warnings", "updated_licenses_count", "unchanged_licenses_count")
    published = {name: count for name, count in COUNTS.items() if name not in own}
    assert view["result"] == published | {"invalid_rows": [bad_row(1) | {"shortened": False}]}
    assert view["warnings"] == 1
    assert view["progress"] == {"rows_done": 3, "rows_total": 3, "percent": 100}
    assert view["errors_url"] == "https://api.test/api/v1/imports/1/errors/"
    assert view["failed_rows_url"] == "https://api.test/api/v1/imports/1/failed.csv"
    assert (view["dry_run"], view["on_error"]) == (False, "skip_row")
    assert (view["file_sha256"], view["detected"]) == ("ab" * 32, DETECTED)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("customers", ["created_customers_count", "existed_customers_count"]),
        ("license-features", ["created_license_features", "existed_license_features"]),
    ],
)
def test_each_kind_has_its_own_counters(importer: Importer, kind: str, names: list[str]) -> None:
    finish(importer, importer.dropped(kind).number, "succeeded", bad=0)

    view = importer.get(f"/{kind}-import-results/1").json()

    assert view["status"] == "success"
    assert list(view["result"]) == ["total_row_count", "valid_row_count", "invalid_rows", *names]
    assert view["failed_rows_url"] is None


def test_an_import_that_has_not_ended_has_no_result(importer: Importer) -> None:
    job = importer.dropped()
    assert importer.get("/licenses-import-results/1/").json()["status"] == "pending"

    importer.move(job.number, "running", rows=10)
    importer.chunk(job, 0, rows=4)

    view = importer.get("/licenses-import-results/1/").json()
    assert (view["status"], view["result"], view["finished_at"]) == ("running", None, None)
    assert view["progress"] == {"rows_done": 4, "rows_total": 10, "percent": 40}


def test_a_refused_file_says_why_in_a_row_that_is_none(importer: Importer) -> None:
    refusal = FileFault(code="missing_header", message="Line 1: no", line=1, column="email")
    importer.move(importer.dropped().number, "failed", refusal=refusal)

    result = importer.get("/licenses-import-results/1/").json()["result"]

    assert (result["total_row_count"], result["valid_row_count"]) == (0, 0)
    (row,) = result["invalid_rows"]
    assert (row["row"], row["line"]) == (None, 1)
    (fault,) = row["errors"]
    assert (fault["code"], fault["column"]) == ("missing_header", "email")


def test_an_import_is_found_among_its_kind_and_company_alone(importer: Importer) -> None:
    number = importer.dropped().number

    for kind in ("customers", "license-features"):
        assert "There is no import 1" in refused(
            importer.get(f"/{kind}-import-results/{number}/"), 404, "not_found"
        )
    for path in ("/licenses-import-results/1/", "/imports/1/", "/imports/1/errors/"):
        refused(new_importer("globex").get(path), 404, "not_found")
    refused(importer.get("/licenses-import-results/2/"), 404, "not_found")


def test_results_are_listed_newest_first_by_page(importer: Importer) -> None:
    for n in range(3):
        importer.dropped(version=f"v{n}")
    importer.dropped("customers")

    first = importer.get("/licenses-import-results/", "limit=2").json()
    second = importer.get("/licenses-import-results/", "limit=2&offset=2").json()

    assert (first["count"], [each["id"] for each in first["results"]]) == (3, [3, 2])
    assert [each["id"] for each in second["results"]] == [1]
    assert (first["previous"], second["next"]) == (None, None)
    by_cursor = importer.get("/licenses-import-results/", f"cursor={first['cursor']}").json()
    assert by_cursor["results"] == second["results"]


@pytest.mark.parametrize("name", ["status__iexact", "status_iexact"])
@pytest.mark.parametrize(
    ("status", "ids"), [("SUCCESS", [1]), ("error", [2]), ("Pending", [3]), ("running", [])]
)
def test_results_are_found_by_status(
    importer: Importer, name: str, status: str, ids: list[int]
) -> None:
    finish(importer, importer.dropped(version="v1").number, "succeeded", bad=0)
    importer.move(importer.dropped(version="v2").number, "failed")
    importer.dropped(version="v3")

    view = importer.get("/licenses-import-results/", f"{name}={status}").json()

    assert [each["id"] for each in view["results"]] == ids


def test_a_status_that_is_none_is_refused(importer: Importer) -> None:
    refused(
        importer.get("/licenses-import-results/", "status__iexact=done"), 400, "validation_error"
    )


@pytest.mark.parametrize("query", ["unfinished=true", "status__iexact=pending"])
def test_unfinished_imports_are_listed_without_reading_ended_ones(
    importer: Importer, query: str
) -> None:
    finish(importer, importer.dropped(version="v1").number, "succeeded", bad=0)
    first, second, third = (importer.dropped(version=f"v{n}").number for n in (2, 3, 4))
    importer.dropped("customers", version="v5")

    with tapped() as tap:
        page = importer.get("/imports/", f"{query}&kind=licenses&limit=2").json()

    assert (page["count"], [each["id"] for each in page["results"]]) == (3, [third, second])
    assert not any("BETWEEN" in each["KeyConditionExpression"] for each in tap.bodies("Query"))
    onward = importer.get("/imports/", f"{query}&kind=licenses&cursor={page['cursor']}").json()
    assert [each["id"] for each in onward["results"]] == [first]
    oldest = importer.get("/imports/", f"{query}&order_by=created_at").json()["results"]
    assert oldest[0]["id"] == first


# Our own view


def test_our_view_says_more_and_has_all_kinds(importer: Importer) -> None:
    finish(importer, importer.dropped().number)
    importer.dropped("customers")

    view = importer.get("/imports/").json()["results"]

    assert [(each["id"], each["kind"], each["state"]) for each in view] == [
        (2, "customers", "queued"),
        (1, "licenses", "completed_with_errors"),
    ]
    assert [each["counts"] for each in view] == [None, COUNTS]
    by_kind = importer.get("/imports/", "kind=customers&state=queued").json()
    assert by_kind["results"] == view[:1]


def test_errors_are_read_page_by_page_in_the_order_of_the_file(importer: Importer) -> None:
    job = importer.dropped()
    importer.chunk(job, 0, bad=3)
    importer.chunk(job, 1)
    importer.chunk(job, 2, bad=2)

    pages = [importer.get("/imports/1/errors/", "limit=2").json()]
    while cursor := pages[-1]["cursor"]:
        pages.append(importer.get("/imports/1/errors/", f"limit=2&cursor={cursor}").json())

    rows = [[row["row"] for row in page["results"]] for page in pages]
    assert rows == [[1, 2], [3, 2001], [2002]]
    assert {page["count"] for page in pages} == {5}
    assert pages[0]["next"].endswith(f"/imports/1/errors/?limit=2&cursor={pages[0]['cursor']}")
    assert pages[0]["results"][0] == bad_row(1) | {"shortened": False}


def test_pages_of_errors_end_where_chunks_end(importer: Importer) -> None:
    job = importer.dropped()
    importer.chunk(job, 0, bad=2)
    importer.chunk(job, 1, bad=1)

    first = importer.get("/imports/1/errors/", "limit=2").json()
    second = importer.get("/imports/1/errors/", f"limit=2&cursor={first['cursor']}").json()

    assert [len(first["results"]), len(second["results"])] == [2, 1]
    assert second["next"] is None


def test_a_page_of_large_errors_is_cut_to_what_an_answer_holds(importer: Importer) -> None:
    job = importer.dropped()
    importer.chunk(job, 0, bad=3)
    rows = [bad_row(n) | {"data": {"note": "x" * 2_500_000}} for n in range(3)]
    uploads.put_result(job, "chunk-0.json", orjson.dumps({"invalid": rows}))

    first = importer.get("/imports/1/errors/").json()
    second = importer.get("/imports/1/errors/", f"cursor={first['cursor']}").json()

    assert [[row["row"] for row in page["results"]] for page in (first, second)] == [[0, 1], [2]]
    assert not any(row["shortened"] for row in first["results"] + second["results"])


def test_a_row_that_alone_is_too_large_is_shortened_and_says_so(importer: Importer) -> None:
    job = importer.dropped()
    importer.chunk(job, 0, bad=2)
    large = bad_row(1) | {"data": {"note": "x" * 6_000_000, "code": "short"}}
    uploads.put_result(job, "chunk-0.json", orjson.dumps({"invalid": [large, bad_row(2)]}))

    (row, other) = importer.get("/imports/1/errors/").json()["results"]

    assert row["shortened"]
    assert row["data"] == {"note": "x" * 200 + "…", "code": "short"}
    assert other == bad_row(2) | {"shortened": False}


def test_a_cursor_of_another_imports_errors_is_refused(importer: Importer) -> None:
    for version in ("v1", "v2"):
        importer.chunk(importer.dropped(version=version), 0, bad=2)
    cursor = importer.get("/imports/1/errors/", "limit=1").json()["cursor"]

    message = refused(
        importer.get("/imports/2/errors/", f"cursor={cursor}"), 400, "validation_error"
    )

    assert "is not a cursor of this list" in message


def test_the_reason_of_a_refusal_stands_before_all_errors(importer: Importer) -> None:
    importer.move(
        importer.dropped().number, "failed", refusal=FileFault(code="not_text", message="no")
    )

    view = importer.get("/imports/1/errors/", "limit=1").json()

    assert (view["count"], view["results"][0]["errors"][0]["code"]) == (1, "not_text")


def test_failed_rows_are_a_file(importer: Importer) -> None:
    finish(importer, importer.dropped().number)

    reply = importer.get("/imports/1/failed.csv")

    assert reply.status == 200
    assert reply.text == "code,_row\r\nMüller,1\r\n"
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="a-failed.csv"' in reply.headers["content-disposition"]


def test_many_failed_rows_are_a_link(importer: Importer) -> None:
    finish(importer, importer.dropped().number)
    uploads.put_result(importer.job(1), "failed.rows", b"x" * 4_000_001)

    reply = importer.get("/imports/1/failed.csv")

    assert (reply.status, reply.text) == (307, "")
    assert "_results/acme/1/failed.rows?" in reply.headers["location"]
    assert "X-Amz-Expires=3600" in reply.headers["location"]


def test_reports_that_have_expired_are_no_errors(importer: Importer) -> None:
    """The bucket's lifecycle deletes them before it deletes the job."""
    finish(importer, importer.dropped().number)
    job = importer.job(1)
    for name in ("failed.rows", "chunk-0.json"):
        uploads.delete_result(job, name)

    assert "no failed rows" in refused(importer.get("/imports/1/failed.csv"), 404, "not_found")
    errors = importer.get("/imports/1/errors/")
    assert (errors.status, errors.json()["results"]) == (200, [])


def test_without_failed_rows_there_is_no_file(importer: Importer) -> None:
    finish(importer, importer.dropped().number, "succeeded", bad=0)

    assert "has succeeded" in refused(importer.get("/imports/1/failed.csv"), 404, "not_found")


# Cancel and retry


@pytest.mark.parametrize("state", ["awaiting_upload", "queued", "validating", "running"])
def test_an_import_that_has_not_ended_is_cancelled(importer: Importer, state: State) -> None:
    importer.request_upload()
    if state != "awaiting_upload":
        importer.move(1, "queued", version_id="v1")
    if state not in ("awaiting_upload", "queued"):
        importer.move(1, state)

    view = importer.post("/imports/1/cancel/").json()

    assert (view["state"], view["status"]) == ("cancelled", "error")
    assert view["finished_at"] is not None
    assert (importer.engine.operations, importer.engine.announced) == ([], [])


def test_cancelling_stops_the_execution_and_may_be_repeated(importer: Importer) -> None:
    importer.move(importer.dropped().number, "running", execution_arn=ARN)

    first, again = importer.post("/imports/1/cancel/"), importer.post("/imports/1/cancel/")

    assert first.json() == again.json()
    assert importer.engine.operations == ["StopExecution", "StopExecution"]
    assert importer.engine.calls[0][1]["executionArn"] == ARN
    importer.engine.refusals["StopExecution"] = "ExecutionDoesNotExist"
    assert importer.post("/imports/1/cancel/").status == 200


def test_a_cancellation_whose_answer_is_lost_is_one(importer: Importer) -> None:
    importer.dropped()

    with tapped("TransactWriteItems", answer_lost):
        assert importer.post("/imports/1/cancel/").json()["state"] == "cancelled"

    assert importer.job(1).revision == 2


def test_an_import_that_ended_meanwhile_is_not_cancelled(importer: Importer) -> None:
    importer.dropped()

    with tapped("TransactWriteItems", meanwhile(lambda: finish(importer, 1))):
        reply = importer.post("/imports/1/cancel/")

    assert "has completed with errors" in refused(reply, 409, "import_state")
    assert importer.engine.calls == []


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_an_import_is_run_again_by_the_function(importer: Importer, state: State) -> None:
    job = importer.stored()
    importer.move(job.number, state)

    view = importer.post("/imports/1/retry/").json()

    assert (view["state"], view["attempts"], view["finished_at"]) == ("queued", 2, None)
    assert importer.engine.announced == [(job.key, job.version_id)]
    assert importer.engine.calls == []


def test_a_large_import_goes_on_where_its_execution_ended(importer: Importer) -> None:
    planned(importer)

    importer.post("/imports/1/retry/")

    ((operation, request),) = importer.engine.calls
    assert (operation, request["executionArn"]) == ("RedriveExecution", ARN)
    assert request["clientToken"] == "acme-1-2"
    assert importer.engine.invoked == []


def test_an_execution_that_cannot_go_on_is_begun_again(importer: Importer) -> None:
    job = planned(importer)
    importer.engine.refusals["RedriveExecution"] = "ExecutionNotRedrivable"

    assert importer.post("/imports/1/retry/").status == 200

    assert importer.engine.announced == [(job.key, job.version_id)]


@pytest.mark.parametrize("name", ["catalog.json", "manifest.json", "repeats.json"])
def test_an_execution_whose_plan_was_deleted_is_started_again(
    importer: Importer, name: str
) -> None:
    job = planned(importer)
    uploads.delete_result(job, name)

    assert importer.post("/imports/1/retry/").json()["state"] == "queued"

    assert importer.engine.operations == []
    assert importer.engine.announced == [(job.key, job.version_id)]
    assert importer.job(1).execution_arn is None


@pytest.mark.parametrize("code", [None, "no_progress", "file_archived"])
def test_an_import_that_ended_before_its_execution_has_a_new_one(
    importer: Importer, code: str | None
) -> None:
    """Its ranges noticed that it had ended, and are done for the execution without their rows."""
    job = planned(importer, code)

    importer.post("/imports/1/retry/")

    assert importer.engine.operations == []
    assert importer.engine.announced == [(job.key, job.version_id)]
    assert importer.job(1).execution_arn is None


def planned(importer: Importer, code: str | None = "import_failed") -> ImportJob:
    """A large import that failed after its file was planned; without a code, was cancelled."""
    job = importer.stored().model_copy(update={"on_existing": "update"})
    for name in uploads.planned_results(job):
        uploads.put_result(job, name, b"[]")
    refusal = FileFault(code=code, message="The import stopped.") if code else None
    state: State = "failed" if code else "cancelled"
    changes = {"execution_arn": ARN, "refusal": refusal, "on_existing": job.on_existing}
    return importer.move(job.number, state, **changes)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_an_import_whose_file_was_deleted_is_not_run_again(
    importer: Importer, state: State
) -> None:
    job = importer.stored()
    importer.move(job.number, state)
    uploads.client().delete_object(Bucket=job.bucket, Key=job.key, VersionId=job.version_id or "")

    message = refused(importer.post("/imports/1/retry/"), 409, "file_gone")

    assert message == (
        f"a.csv (version {job.version_id} of acme/licenses/a.csv) was deleted from the bucket,"
        " or has expired. Import the file again."
    )
    assert (importer.engine.operations, importer.engine.announced) == ([], [])
    assert (importer.job(1).state, importer.job(1).attempts) == (state, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_whose_file_is_only_hidden_is_run_again(importer: Importer, kind: str) -> None:
    job = importer.stored(kind)
    importer.move(job.number, "failed")
    uploads.client().delete_object(Bucket=job.bucket, Key=job.key)

    assert importer.post("/imports/1/retry/").status == 200


@pytest.mark.parametrize(
    ("status", "headers", "answer"),
    [
        (404, {}, "file_gone"),
        (405, {"x-amz-delete-marker": "true"}, "file_gone"),
        (200, {"x-amz-storage-class": "GLACIER"}, "file_archived"),
        (200, {"x-amz-storage-class": "DEEP_ARCHIVE"}, "file_archived"),
        (
            200,
            {"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="true"'},
            "file_archived",
        ),
        (
            200,
            {
                "x-amz-storage-class": "INTELLIGENT_TIERING",
                "x-amz-archive-status": "ARCHIVE_ACCESS",
            },
            "file_archived",
        ),
        (403, {}, "internal_error"),
        (
            200,
            {"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="false"'},
            None,
        ),
        (200, {"x-amz-storage-class": "GLACIER_IR"}, None),
        (200, {"x-amz-storage-class": "STANDARD_IA"}, None),
    ],
)
def test_what_s3_says_of_the_file_decides_whether_an_import_is_run_again(
    importer: Importer, status: int, headers: dict[str, str], answer: str | None
) -> None:
    importer.move(importer.stored().number, "failed")

    with s3_answers("HeadObject", status, headers):
        reply = importer.post("/imports/1/retry/")

    assert reply.json().get("code") == answer
    assert reply.status == {"internal_error": 500, None: 200}.get(answer, 409)


@pytest.mark.parametrize(
    "state", ["queued", "running", "succeeded", "completed_with_errors", "rejected"]
)
def test_only_what_failed_or_was_cancelled_is_run_again(importer: Importer, state: State) -> None:
    importer.move(importer.dropped().number, state)

    assert state.replace("_", " ") in refused(
        importer.post("/imports/1/retry/"), 409, "import_state"
    )

    assert (importer.engine.operations, importer.engine.announced) == ([], [])


def test_an_import_without_a_file_cannot_be_run(importer: Importer) -> None:
    importer.request_upload()
    importer.move(1, "failed")

    assert "its file never came" in refused(importer.post("/imports/1/retry/"), 409, "import_state")


def test_two_retries_at_once_run_it_once(importer: Importer) -> None:
    importer.move(importer.stored().number, "failed")

    with tapped("TransactWriteItems", meanwhile(lambda: importer.post("/imports/1/retry/"))):
        refused(importer.post("/imports/1/retry/"), 409, "import_state")

    assert len(importer.engine.invoked) == 1
    assert importer.job(1).attempts == 2


def test_a_late_heartbeat_leaves_a_cancelled_import_cancelled(importer: Importer) -> None:
    importer.move(importer.dropped().number, "running", runner="r1")
    importer.post("/imports/1/cancel/")

    assert not import_jobs.heartbeat("acme", 1, "r1", datetime.now(UTC))

    assert importer.get("/imports/1/").json()["state"] == "cancelled"


@pytest.mark.parametrize("path", ["/imports/1/cancel/", "/imports/1/retry/"])
def test_no_company_cancels_or_retries_an_import_of_another(importer: Importer, path: Any) -> None:
    importer.dropped()

    refused(new_importer("globex").post(path), 404, "not_found")

    assert importer.job(1).state == "queued"
