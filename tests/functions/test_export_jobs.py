"""Exports of any size: every record once (H1), of one company (H4), and the life of an export."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import export_chunk, sweep
from shared import export_job
from shared.errors import Busy
from shared.store import export_files, licenses, uploads
from shared.workflows import export_records, run_export
from tests.engine import EXPORT_MACHINE, Engine
from tests.functions.exporter import Exporter, keys_of, rows_of
from tests.functions.import_files import Context, Files
from tests.functions.shop import Shop
from tests.grants.recorder import outside
from tests.wiretap import Killed, answer_lost, killed_after, killed_before, meanwhile, tapped


@pytest.fixture
def exporter(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    """The company acme, whose exports have steps of 2 records, and parts of 2 steps or so."""
    monkeypatch.setattr(export_records, "STEP", 2)
    monkeypatch.setattr(export_job, "_PART", 600)
    monkeypatch.setattr(run_export, "LEAST_PART", 1)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    licenses.forget_committed()
    return Exporter(shop)


def sell(shop: Shop, *keys: str, **order: Any) -> list[int]:
    """Order these licenses; their ids."""
    order = shop.sell(*({"key": key} for key in keys), **order)
    return [lic["id"] for lic in order["order_items"][0]["licenses"]]


def begun(exporter: Exporter, licenses: int) -> int:
    """An export of so many licenses, K-0 and so on, of which one step is done: its number."""
    for n in range(licenses):
        sell(exporter.shop, f"K-{n}")
    number = exporter.start()
    exporter.step(number, left=1000)
    return number


def test_every_license_is_in_the_file_once(exporter: Exporter) -> None:
    for order in range(4):
        sell(exporter.shop, *(f"K-{order}-{n}" for n in range(5)))

    number = exporter.start()
    job = exporter.run(number)

    assert sorted(keys_of(exporter.text(number))) == [
        f"K-{o}-{n}" for o in range(4) for n in range(5)
    ]
    assert (job.rows, job.records, job.parts > 3) == (20, 20, True)


def test_the_state_machine_is_told_of_the_export(exporter: Exporter, engine: Engine) -> None:
    number = exporter.start()

    (started,) = (sent for operation, sent in engine.calls if operation == "StartExecution")
    assert started["stateMachineArn"] == EXPORT_MACHINE
    assert started["name"] == f"acme-{number}-1"


def test_an_export_of_nothing_has_the_header(exporter: Exporter) -> None:
    assert rows_of(exporter.exported("customers")) == []
    assert exporter.exported("license-features").startswith("license_key,code,")


def test_imported_licenses_are_exported_from_their_pages(exporter: Exporter, files: Files) -> None:
    keys = [f"IMP-{n}" for n in range(7)]
    text = "license__license_key,product__short_code\n" + "".join(f"{key},kp\n" for key in keys)
    files.imported(text)
    sell(exporter.shop, "ORD-1")

    assert sorted(keys_of(exporter.exported())) == [*keys, "ORD-1"]


def test_customers_of_requests_and_imports_are_exported(exporter: Exporter, files: Files) -> None:
    files.imported("email,first_name\na@x.test,Ana\nb@x.test,=Ben\n", kind="customers")
    exporter.shop.make("/customers/", email="c@x.test")

    rows = {row["email"]: row["first_name"] for row in rows_of(exporter.exported("customers"))}

    assert rows == {"a@x.test": "Ana", "b@x.test": "'=Ben", "c@x.test": ""}


def test_features_are_exported_with_their_terms(exporter: Exporter) -> None:
    features = ["f1", {"code": "credits", "max_consumption": 7}]
    exporter.shop.order_one(license={"key": "K-1", "product_features": features})

    rows = rows_of(exporter.exported("license-features"))

    found = {(row["license_key"], row["code"]): row["max_consumption"] for row in rows}
    assert found == {("K-1", "f1"): "0", ("K-1", "credits"): "7"}


def test_licenses_without_key_and_users_are_counted_and_left_out(exporter: Exporter) -> None:
    id = exporter.shop.order_one("up", {"users": [{"email": "u@x.test"}]})["id"]
    user = {"license_user_email": "u@x.test"}
    assert exporter.shop.post(f"/licenses/{id}/unassign_user/", user).status == 200
    sell(exporter.shop, "K-1")

    job = exporter.run(exporter.start())

    assert (job.rows, job.left_out, job.records) == (1, 1, 2)


def test_filters_select_licenses(exporter: Exporter) -> None:
    sell(exporter.shop, "ANA-1", "ANA-2", customer={"email": "ana@x.test"})
    sell(exporter.shop, "BEN-1", customer={"email": "ben@x.test"})
    exporter.shop.order_one("p1", {"key": "P1"}, customer={"email": "ana@x.test"})
    (ana,) = (
        each["id"]
        for each in exporter.shop.get("/customers/").json()["results"]
        if each["email"] == "ana@x.test"
    )
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    assert sorted(keys_of(exporter.exported(product="kp"))) == ["ANA-1", "ANA-2", "BEN-1"]
    assert sorted(keys_of(exporter.exported(customer=ana))) == ["ANA-1", "ANA-2", "P1"]
    assert keys_of(exporter.exported(customer=ana, product="p1")) == ["P1"]
    assert keys_of(exporter.exported(created_at__gte=later)) == []
    assert len(keys_of(exporter.exported(created_at__lt=later))) == 4


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"kind": "orders"}, "/kind", "literal_error"),
        ({"kind": "licenses", "product": "nope"}, "/product", "unknown_product"),
        ({"kind": "licenses", "customer": 4711}, "/customer", "validation_error"),
        ({"kind": "customers", "product": "kp"}, "/product", "validation_error"),
        (
            {"kind": "licenses", "created_at__gte": "2026-02-01", "created_at__lt": "2026-01-01"},
            "/created_at__gte",
            "invalid_range",
        ),
    ],
)
def test_a_request_that_selects_nothing_sensible_is_refused(
    exporter: Exporter, body: Any, pointer: str, code: str
) -> None:
    problem = exporter.shop.post("/exports/", body).refused()

    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(pointer, code)]


def test_an_external_id_starts_one_export(exporter: Exporter) -> None:
    body = {"kind": "licenses", "external_id": "nightly-1"}
    first, again = (exporter.shop.post("/exports/", body) for _ in range(2))
    other = exporter.shop.post("/exports/", {**body, "kind": "customers"})

    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status, other.json()["code"]) == (409, "external_id_reused")


def test_a_company_has_ten_exports_at_once(exporter: Exporter) -> None:
    for _ in range(10):
        first = exporter.start()

    refused = exporter.shop.post("/exports/", {"kind": "licenses"})
    exporter.run(first)

    assert (refused.status, refused.json()["code"]) == (409, "too_many_exports")
    assert exporter.start()


def test_a_step_without_time_continues_later(exporter: Exporter) -> None:
    keys = sorted(f"K-{n:02}" for n in range(13))
    for key in keys:
        sell(exporter.shop, key)
    number = exporter.start()

    steps = 1
    while not exporter.step(number, left=1000)["done"]:
        steps += 1

    assert sorted(keys_of(exporter.text(number))) == keys
    assert steps > 3


@pytest.mark.parametrize("fault", [killed_before, killed_after, answer_lost])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_worker_that_dies_at_any_write_loses_and_doubles_nothing(
    exporter: Exporter, fault: Callable[..., Any], nth: int
) -> None:
    keys = sorted(f"K-{n}" for n in range(9))
    for key in keys:
        sell(exporter.shop, key)
    number = exporter.start()

    with tapped("TransactWriteItems", fault, nth=nth):
        try:
            exporter.run(number)
        except Killed:
            exporter.run(number)

    assert sorted(keys_of(exporter.text(number))) == keys


def test_records_that_are_deleted_meanwhile_shift_no_other_record(
    exporter: Exporter, files: Files
) -> None:
    keys = [f"IMP-{n}" for n in range(8)]
    text = "license__license_key,product__short_code\n" + "".join(f"{key},kp\n" for key in keys)
    files.imported(text)
    number = exporter.start()
    exporter.step(number, left=1000)
    done = exporter.job(number)
    first = exporter.shop.get("/licenses/", "limit=100").json()["results"]
    ids = sorted(each["id"] for each in first)
    assert 0 < done.records < 8

    # Ids before and after the checkpoint: positions in the page shift.
    for id in (ids[0], ids[-1]):
        assert exporter.shop.delete(f"/licenses/{id}/").status == 204
    exporter.run(number)

    gone = {each["license_key"] for each in first if each["id"] in (ids[0], ids[-1])}
    found = keys_of(exporter.text(number))
    assert len(found) == len(set(found))
    assert set(keys) - gone <= set(found) <= set(keys)


def test_records_of_later_are_not_in_the_file(exporter: Exporter) -> None:
    for n in range(5):
        sell(exporter.shop, f"OLD-{n}")
    number = exporter.start()
    exporter.step(number, left=1000)

    sell(exporter.shop, "NEW-1")
    exporter.run(number)

    assert sorted(keys_of(exporter.text(number))) == [f"OLD-{n}" for n in range(5)]


def test_a_key_that_a_running_import_issues_again_is_in_the_file_once(
    exporter: Exporter, files: Files
) -> None:
    """The import began before the export, so its page is listed before the export's start."""
    for n in range(5):
        sell(exporter.shop, f"A-{n}")
    event = files.prepared("license__license_key,product__short_code\nA-0,kp\nB-1,kp\n")
    number = exporter.start()
    exporter.step(number, left=1000)
    (first,) = exporter.shop.get("/licenses/", "license_key=A-0").json()["results"]

    assert exporter.shop.delete(f"/licenses/{first['id']}/").status == 204
    files.run(event)
    exporter.run(number)

    found = keys_of(exporter.text(number))
    assert found.count("A-0") <= 1
    assert {f"A-{n}" for n in range(1, 5)} <= set(found)


def test_an_export_has_nothing_of_another_company(exporter: Exporter, other_shop: Shop) -> None:
    for shop in (exporter.shop, other_shop):
        for n in range(3):
            customer = {"email": f"{shop.company}{n}@x.test"}
            sell(shop, f"{shop.company}-{n}", customer=customer)
    theirs = other_shop.get("/customers/").json()["results"][0]["id"]

    for kind in ("licenses", "customers", "license-features"):
        assert "globex" not in exporter.exported(kind)
    assert exporter.shop.post("/exports/", {"kind": "licenses", "customer": theirs}).status == 400
    number = exporter.start()
    for path in ("", "file.csv"):
        assert other_shop.get(f"/exports/{number}/{path}").status == 404
    assert other_shop.post(f"/exports/{number}/cancel/").status == 404
    assert other_shop.get("/exports/").json()["results"] == []


def test_a_cancelled_export_leaves_no_file(exporter: Exporter) -> None:
    number = begun(exporter, 6)

    cancelled = exporter.shop.post(f"/exports/{number}/cancel/")
    done = exporter.step(number)

    assert (cancelled.status, cancelled.json()["state"], done["done"]) == (200, "cancelled", True)
    assert exporter.file(number) is None
    uploads_left = uploads.client().list_multipart_uploads(Bucket=uploads.bucket())
    assert not uploads_left.get("Uploads")
    refused = exporter.shop.get(f"/exports/{number}/file.csv")
    assert (refused.status, refused.json()["code"]) == (409, "export_state")
    assert exporter.shop.post(f"/exports/{number}/cancel/").json()["state"] == "cancelled"


@pytest.mark.parametrize("nth", range(1, 7))
def test_a_cancellation_at_any_write_of_the_worker_leaves_a_file_or_none(
    exporter: Exporter, nth: int
) -> None:
    for n in range(5):
        sell(exporter.shop, f"K-{n}")
    number = exporter.start()
    replies = []

    def cancel() -> None:
        replies.append(exporter.shop.post(f"/exports/{number}/cancel/"))

    with tapped("TransactWriteItems", meanwhile(cancel), nth=nth):
        exporter.run(number)

    state = exporter.job(number).state
    assert (exporter.file(number) is not None) == (state == "succeeded")
    assert all((each.status == 200) == (state == "cancelled") for each in replies)


def test_the_file_is_downloaded_by_a_link(exporter: Exporter) -> None:
    sell(exporter.shop, "K-1")
    number = exporter.start()
    assert exporter.shop.get(f"/exports/{number}/").json()["file_url"] is None
    early = exporter.shop.get(f"/exports/{number}/file.csv")
    exporter.run(number)

    view = exporter.shop.get(f"/exports/{number}/").json()
    reply = exporter.shop.get(f"/exports/{number}/file.csv")

    assert (early.status, early.json()["code"]) == (409, "export_state")
    assert view["file_url"].endswith(f"/api/v1/exports/{number}/file.csv")
    assert view["progress"] == {"records_done": 1, "records_total": 1, "percent": 100}
    assert reply.status == 307
    assert f"_exports/acme/{number}/0" in reply.headers["location"]
    assert "licenses-export" in reply.headers["location"]


def test_a_file_is_kept_for_seven_days(exporter: Exporter) -> None:
    number = exporter.start()
    job = exporter.run(number)
    assert job.finished_at is not None

    with time_machine.travel(job.finished_at + timedelta(days=7, seconds=1), tick=False):
        reply = exporter.shop.get(f"/exports/{number}/file.csv")
        view = exporter.shop.get(f"/exports/{number}/").json()

    assert (reply.status, reply.json()["code"]) == (410, "export_expired")
    assert "7 days" in reply.json()["message"]
    assert view["file_url"] is None


def test_exports_are_listed_newest_first(exporter: Exporter) -> None:
    numbers = [exporter.start() for _ in range(3)]

    page = exporter.shop.get("/exports/", "limit=2").json()
    rest = exporter.shop.get("/exports/", f"limit=2&cursor={page['cursor']}").json()
    oldest = exporter.shop.get("/exports/", "order_by=created_at").json()

    found = [each["id"] for each in page["results"] + rest["results"]]
    assert (found, page["count"]) == (numbers[::-1], 3)
    assert [each["id"] for each in oldest["results"]] == numbers


def test_progress_is_seen_while_it_runs(exporter: Exporter) -> None:
    number = begun(exporter, 8)

    progress = exporter.shop.get(f"/exports/{number}/").json()["progress"]
    assert progress["records_total"] == 8
    assert 0 < progress["records_done"] < 8
    assert 0 < progress["percent"] < 100


def test_a_failed_execution_fails_the_export_which_can_be_retried(exporter: Exporter) -> None:
    number = begun(exporter, 8)
    before = exporter.job(number)

    fail(exporter, number)
    failed = exporter.shop.get(f"/exports/{number}/").json()
    retried = exporter.shop.post(f"/exports/{number}/retry/")
    again = exporter.shop.post(f"/exports/{number}/retry/")
    fail(exporter, number)  # the event of the first execution, late
    job = exporter.run(number)

    assert (failed["state"], failed["refusal"]["code"]) == ("failed", "export_failed")
    assert (retried.status, retried.json()["attempts"]) == (200, 2)
    assert (again.status, again.json()["code"]) == (409, "export_state")
    assert (job.state, job.generation, job.upload_id) == ("succeeded", 0, before.upload_id)
    assert sorted(keys_of(exporter.text(number))) == [f"K-{n}" for n in range(8)]


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_the_sweeper_fails_an_export_whose_execution_has_ended(
    exporter: Exporter, engine: Engine, status: str
) -> None:
    number, engine.status = exporter.start(), status

    sweep_later()

    assert exporter.job(number).state == ("failed" if status == "FAILED" else "queued")


def test_the_sweeper_starts_an_export_whose_start_was_lost(
    exporter: Exporter, engine: Engine
) -> None:
    number = exporter.start()
    engine.calls.clear()
    engine.refusals["DescribeExecution"] = "ExecutionDoesNotExist"

    sweep_later()

    assert engine.operations == ["DescribeExecution", "StartExecution"]
    assert exporter.job(number).state == "queued"


def sweep_later() -> None:
    """Run the sweeper, 20 minutes from now."""
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20), tick=False):
        sweep.handler({}, LambdaContext())


@pytest.mark.parametrize("again", [True, False])
def test_parts_that_s3_has_lost_are_written_again(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    number = begun(exporter, 6)
    if not again:
        monkeypatch.setattr(run_export, "MOST_RESTARTS", 0)

    upload = export_files.upload_part
    lost: list[Any] = []

    def lose_one(*part: Any) -> Any:
        if not lost:
            lost.append(part)
            raise export_files.UploadLost  # S3 answers NoSuchUpload
        return upload(*part)

    monkeypatch.setattr(run_export, "upload_part", lose_one)
    job = exporter.run(number)

    if again:
        assert (job.state, job.generation) == ("succeeded", 1)
        assert sorted(keys_of(exporter.text(number))) == [f"K-{n}" for n in range(6)]
        return
    assert (job.state, job.refusal and job.refusal.code) == ("failed", "export_failed")
    exporter.shop.post(f"/exports/{number}/retry/")
    assert exporter.run(number).state == "succeeded"


def test_a_part_that_a_late_worker_replaces_is_written_again(exporter: Exporter) -> None:
    """S3 compares the ETags that are stored with those that it has."""
    number = begun(exporter, 6)
    before = exporter.job(number)

    with outside():
        export_files.upload_part(before, 1, b"other content")
    job = exporter.run(number)

    assert (job.state, job.generation) == ("succeeded", 1)
    assert sorted(keys_of(exporter.text(number))) == [f"K-{n}" for n in range(6)]


def test_a_step_that_gets_nowhere_is_an_error(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_export, "LEAST_PART", 10**6)
    for n in range(5):
        sell(exporter.shop, f"K-{n}")

    with pytest.raises(Busy):
        exporter.step(exporter.start(), left=1000)


def fail(exporter: Exporter, number: int) -> None:
    """Deliver the event of a failed first execution."""
    named = f'{{"company":"acme","number":{number}}}'
    detail = {"name": f"acme-{number}-1", "status": "FAILED", "input": named}
    export_chunk.handler({"detail": detail}, Context())
