"""Plans: a dry run says what would happen, and its commit does exactly that."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.access import SCOPES, new_api_key
from shared.import_job import ImportJob
from shared.store import import_jobs, uploads
from shared.store.access import add_api_key
from shared.store.batch_results import batch_results
from shared.workflows import import_chunk
from tests.functions.import_files import Files
from tests.http_event import Reply
from tests.s3_answers import s3_answers

LICENSES = "license__license_key,product__short_code,license__note,order__store_id,customer__email"
EMAILS = "email,first_name"
FEATURES = "license_key,code,max_consumption"


@pytest.fixture(params=["inline", "machine"])
def either(request: pytest.FixtureRequest, files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Imports by one function, and imports by the state machine in small batches."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 3)
    monkeypatch.setattr(import_chunk, "_SMALLEST_BATCH", 3)
    if request.param == "machine":
        monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    return files


def planned(files: Files, text: str, kind: str = "licenses", **options: Any) -> ImportJob:
    files.run(files.prepared(text, kind, dry_run=True, **options))
    return finished(files)


def finished(files: Files) -> ImportJob:
    """The newest job, which the state machine runs unless it has ended."""
    if not files.last().is_ended:
        files.by_machine()
    return files.last()


def commit(files: Files, plan: ImportJob, hash: str | None = None) -> Reply:
    return files.ask(plan.number, "commit", hash=hash or plan.plan_hash)


def committed(files: Files, plan: ImportJob) -> ImportJob:
    body = commit(files, plan).ok(202)
    files.run({"step": "run", "company": plan.company, "number": body["id"]})
    return finished(files)


def rows(files: Files, job: ImportJob) -> list[dict[str, Any]]:
    return files.rows(job, "limit=100")


def outcomes(files: Files, job: ImportJob) -> list[str]:
    return [each["outcome"] for each in rows(files, job)]


def codes(files: Files, job: ImportJob) -> dict[int, str]:
    return {each["row"]: each["errors"][0]["code"] for each in files.errors(job)}


def refused(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.json()["code"]) == (status, code)


TEXTS = {
    "licenses": (
        f"{LICENSES}\nP-1,kp,new,,\nP-2,kp,,o-1,ana@x.test\nP-3,nope,,,\nP-4,kp,,,b@x.test\n"
        "P-2,kp,,o-1,ana@x.test\nP-2,kp,other,o-1,ana@x.test\nP-5,kp,x,o-1,ana@x.test\n"
    ),
    "customers": (
        f"{EMAILS}\nana@x.test,Ana\nb@x.test,B\nbad,\nc@x.test,C\nb@x.test,B\nc@x.test,D\n"
    ),
    "license-features": (
        f"{FEATURES}\nP-1,credits,6\nnone,credits,1\nP-8,credits,7\nP-9,credits,1\n"
        "P-8,credits,7\nP-8,credits,8\n"
    ),
}


def stock(files: Files) -> None:
    """The records that exist before a plan."""
    files.shop.order_one(license={"key": "P-1", "note": "old"}, customer={"email": "ana@x.test"})
    credits = [{"code": "credits", "max_consumption": 5}]
    files.shop.order_one(license={"key": "P-8"})
    files.shop.order_one(license={"key": "P-9", "product_features": credits})


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_a_commit_does_what_the_dry_run_has_shown(
    either: Files, kind: str, on_existing: str
) -> None:
    stock(either)
    plan = planned(either, TEXTS[kind], kind, on_existing=on_existing)

    job = committed(either, plan)

    assert rows(either, job) == rows(either, plan)
    assert "created" in outcomes(either, job)
    assert either.errors(job) == either.errors(plan)
    assert (job.counts, job.state) == (plan.counts, plan.state)
    assert (job.planned_by, job.dry_run) == (plan.number, False)


def test_a_repeated_row_names_its_license_also_if_its_chunk_runs_first(files: Files) -> None:
    files.patch.setenv("IMPORT_INLINE_BYTES", "10")
    lines = [f"P-{n},kp,{'x' * 200},," for n in range(20)]
    plan = planned(files, "\n".join([LICENSES, *lines, lines[0], ""]))

    job = committed(files, plan)

    assert rows(files, job) == rows(files, plan)
    assert rows(files, job)[-1]["license_id"] == rows(files, job)[0]["license_id"]


def test_an_import_names_the_key_that_has_started_it(files: Files) -> None:
    key, presented = new_api_key(
        files.shop.company, now=datetime.now(UTC), name="webshop", scopes=SCOPES
    )
    add_api_key(key)
    files.shop = replace(files.shop, key=presented)

    plan = planned(files, TEXTS["customers"], "customers")
    job = committed(files, plan)
    undo = files.ask(job.number, "undo")
    files.imported(EMAILS + "\nz@x.test,Zoe\n", "customers")

    listed = files.shop.get("/imports/").json()["results"]
    by = [(each["id"], each["requested_by"], each["requested_by_name"]) for each in listed]
    assert by == [
        (files.last().number, "s3", ""),
        *((id, key.prefix, "webshop") for id in (undo.json()["id"], job.number, plan.number)),
    ]


def test_a_plan_is_shown_with_its_hash_and_end(files: Files) -> None:
    plan = planned(files, TEXTS["licenses"])

    before = files.shown(plan)
    job = committed(files, plan)
    after = files.shown(plan)

    assert plan.finished_at is not None
    assert before["plan"]["hash"] == plan.plan_hash
    ends = datetime.fromisoformat(before["plan"]["expires_at"])
    assert ends == plan.finished_at + timedelta(days=7)
    assert (before["plan"]["committed_by"], after["plan"]["committed_by"]) == (None, job.number)


def test_equal_dry_runs_of_other_options_have_other_hashes(files: Files) -> None:
    options: list[dict[str, Any]] = [{}, {"on_error": "reject_all"}, {"dates": "dmy"}]
    text = f"{LICENSES}\nP-1,kp,,,\n"

    hashes = {planned(files, text, **each).plan_hash for each in options}

    assert len(hashes) == 3


def test_a_license_key_that_was_taken_is_not_as_planned(either: Files) -> None:
    plan = planned(either, f"{LICENSES}\nP-1,kp,,,\nP-2,kp,,,\n")
    taken = either.shop.order_one(license={"key": "P-1"})

    job = committed(either, plan)

    assert outcomes(either, job) == ["failed", "created"]
    assert codes(either, job) == {1: "not_as_planned"}
    (lic,) = either.shop.get("/licenses/", "license_key=P-1").json()["results"]
    assert lic["id"] == taken["id"]
    assert job.counts["created_licenses_count"] == 1
    assert job.counts["valid_row_count"] == 1
    assert job.counts["existed_licenses_count"] == 0


@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_a_license_that_was_deleted_is_not_created(either: Files, on_existing: str) -> None:
    lic = either.shop.order_one(license={"key": "P-1", "note": "old"})
    plan = planned(either, f"{LICENSES}\nP-1,kp,new,,\nP-2,kp,,,\n", on_existing=on_existing)
    either.shop.delete(f"/licenses/{lic['id']}/")

    job = committed(either, plan)

    assert outcomes(either, job) == ["failed", "created"]
    assert codes(either, job) == {1: "not_as_planned"}
    assert either.shop.get("/licenses/", "license_key=P-1").json()["count"] == 0


@pytest.mark.parametrize("note", ["new", "third", "old"])
def test_a_license_that_was_changed_is_not_updated(either: Files, note: str) -> None:
    lic = either.shop.order_one(license={"key": "P-1", "note": "old"})
    plan = planned(either, f"{LICENSES}\nP-1,kp,new,,\n", on_existing="update")
    either.shop.patch(f"/licenses/{lic['id']}/", {"note": note})

    job = committed(either, plan)

    as_planned = note == "old"
    assert outcomes(either, job) == ["updated" if as_planned else "failed"]
    assert codes(either, job) == ({} if as_planned else {1: "not_as_planned"})
    (after,) = either.shop.get("/licenses/", "license_key=P-1").json()["results"]
    assert after["note"] == ("new" if as_planned else note)


def test_a_license_that_did_not_differ_and_now_does_is_not_updated(either: Files) -> None:
    lic = either.shop.order_one(license={"key": "P-1", "note": "new"})
    plan = planned(either, f"{LICENSES}\nP-1,kp,new,,\n", on_existing="update")
    either.shop.patch(f"/licenses/{lic['id']}/", {"note": "other"})

    job = committed(either, plan)

    assert (outcomes(either, plan), outcomes(either, job)) == (["unchanged"], ["failed"])
    (after,) = either.shop.get("/licenses/", "license_key=P-1").json()["results"]
    assert after["note"] == "other"


@pytest.mark.parametrize("on_existing", ["keep", "update"])
def test_a_customer_that_someone_else_created_is_not_as_planned(
    either: Files, on_existing: str
) -> None:
    text = f"{EMAILS}\nana@x.test,Ana\nb@x.test,B\nana@x.test,Ana\n"
    plan = planned(either, text, "customers", on_existing=on_existing)
    either.shop.post("/customers/", {"email": "ana@x.test", "first_name": "Anna"})

    job = committed(either, plan)

    assert outcomes(either, job)[:2] == ["failed", "created"]
    (customer,) = either.shop.get("/customers/", "email=ana%40x.test").json()["results"]
    assert customer["first_name"] == "Anna"


def test_a_disabled_license_is_planned_and_disabled_at_the_time_of_the_commit(
    either: Files,
) -> None:
    either.shop.order_one(license={"key": "P-1"})
    text = "license__license_key,product__short_code,license__enabled\nP-1,kp,false\n"
    plan = planned(either, text, on_existing="update")

    job = committed(either, plan)

    assert outcomes(either, job) == ["updated"]


def test_a_commit_decides_by_the_catalog_of_the_plan(either: Files) -> None:
    plan = planned(either, f"{LICENSES}\nP-1,kp,,,\n")
    (product,) = either.shop.get("/products/", "short_code=kp").json()["results"]
    either.shop.patch(f"/products/{product['id']}/", {"is_archived": True})

    job = committed(either, plan)

    assert outcomes(either, job) == ["created"]


def test_one_difference_rejects_a_commit_of_all_or_nothing(either: Files) -> None:
    plan = planned(either, f"{LICENSES}\nP-1,kp,,,\nP-2,kp,,,\n", on_error="reject_all")
    either.shop.order_one(license={"key": "P-1"})

    job = committed(either, plan)

    assert (plan.state, job.state) == ("succeeded", "rejected")
    assert codes(either, job) == {1: "not_as_planned"}
    assert either.shop.get("/licenses/", "license_key=P-2").json()["count"] == 0


def test_all_or_nothing_is_committed_as_planned(either: Files) -> None:
    text = f"{LICENSES}\nP-1,kp,,,\nP-2,kp,,,\nP-3,kp,,,\nP-4,kp,,,\nP-1,kp,,,\n"
    plan = planned(either, text, on_error="reject_all")

    job = committed(either, plan)

    assert job.state == "succeeded"
    got = rows(either, job)
    assert [each["outcome"] for each in got] == ["created"] * 4 + ["unchanged"]
    assert got == rows(either, plan)


def test_a_plan_is_committed_once(files: Files) -> None:
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n")

    first, second = commit(files, plan), commit(files, plan)

    assert (first.status, second.status) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert len(list(import_jobs.list_jobs(plan.company))) == 2


def test_a_commit_corrects_what_its_dry_run_corrects(files: Files) -> None:
    wrong = files.requested(f"{LICENSES}\nP-1,nope,,,\n")
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n", corrects=wrong.number)

    job = committed(files, plan)

    shown = files.shown(wrong)
    assert job.corrects == wrong.number
    assert [(each["id"], each["resolved_rows"]) for each in shown["corrections"]] == [
        (job.number, 1),
        (plan.number, 0),
    ]


def test_another_hash_is_refused(files: Files) -> None:
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n")

    refused(commit(files, plan, "0" * 64), 409, "plan_changed")


def test_a_plan_expires(files: Files) -> None:
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n")
    late = {"finished_at": datetime.now(UTC) - timedelta(days=7)}
    assert import_jobs.put_job(plan.model_copy(update=late), plan)

    refused(commit(files, plan), 409, "plan_expired")


def test_only_a_finished_dry_run_can_be_committed(files: Files) -> None:
    job = files.requested(f"{LICENSES}\nP-1,kp,,,\n")
    refused(commit(files, job, "a"), 409, "import_state")
    missing = job.model_copy(update={"number": 99})
    refused(commit(files, missing, "a"), 404, "not_found")
    plan = planned(files, f"{LICENSES}\nP-1,nope,,,\n", on_error="reject_all")
    refused(commit(files, plan, "a"), 409, "import_state")


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [(404, {}, "file_gone"), (200, {"x-amz-storage-class": "GLACIER"}, "file_archived")],
)
def test_a_plan_whose_file_can_not_be_read_is_not_committed(
    files: Files, status: int, headers: dict[str, str], code: str
) -> None:
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n")

    with s3_answers("HeadObject", status, headers):
        reply = commit(files, plan)

    refused(reply, 409, code)
    assert len(list(import_jobs.list_jobs(plan.company))) == 1


@pytest.mark.parametrize("what", ["catalog", "rows"])
def test_a_plan_whose_results_were_changed_is_not_committed(files: Files, what: str) -> None:
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\n")
    (result,) = batch_results(plan.company, plan.number)
    name = "catalog.json" if what == "catalog" else result.row_report or ""
    uploads.put_result(plan, name, (uploads.get_result(plan, name) or b"") + b" ")

    job = committed(files, plan)

    assert (job.state, job.refusal and job.refusal.code) == ("failed", "plan_changed")
    assert files.license_count() == 0


def test_results_that_s3_stores_late_change_no_plan(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch plans to create the license of the key, until all are compared."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 1)
    monkeypatch.setattr(import_chunk, "_SMALLEST_BATCH", 1)
    put, first = uploads.put_result, dict[str, tuple[ImportJob, bytes]]()

    def noted(job: ImportJob, name: str, data: bytes) -> None:
        put(job, name, data)
        if name.startswith("rows-"):
            first.setdefault(name, (job, data))

    monkeypatch.setattr(uploads, "put_result", noted)
    plan = planned(files, f"{LICENSES}\nP-1,kp,,,\nP-1,kp,,,\n")
    for name, (job, data) in first.items():
        put(job, name, data)

    job = committed(files, plan)

    assert job.state == "succeeded"
    assert outcomes(files, job) == outcomes(files, plan) == ["created", "unchanged"]


@pytest.mark.parametrize("seed", range(12))
def test_written_rows_are_planned_rows_while_the_world_moves(either: Files, seed: int) -> None:
    """P1: what a commit writes was planned like this; P2: what did not move is as planned."""
    rng = random.Random(seed)
    shop, keys = either.shop, [f"P-{n}" for n in range(8)]
    held = {
        key: shop.order_one(license={"key": key, "note": rng.choice("abc")})
        for key in keys
        if rng.random() < 0.5
    }
    text = f"{LICENSES}\n" + "".join(
        f"{rng.choice(keys)},kp,{rng.choice('abd')},,{rng.choice(('', 'ana@x.test'))}\n"
        for _ in range(9)
    )
    plan = planned(either, text, on_existing=rng.choice(("keep", "update")))
    moved = set()
    for key in rng.sample(keys, 3):
        moved.add(key)
        if key not in held:
            shop.order_one(license={"key": key, "note": "taken"})
        elif rng.random() < 0.5:
            shop.patch(f"/licenses/{held[key]['id']}/", {"note": rng.choice("xyz")})
        else:
            shop.delete(f"/licenses/{held[key]['id']}/")

    job = committed(either, plan)

    lines = [line.split(",")[0] for line in text.splitlines()[1:]]
    for key, before, after in zip(lines, rows(either, plan), rows(either, job), strict=True):
        if key not in moved or after["outcome"] in ("created", "updated"):
            assert after == before, key
        else:
            assert after["outcome"] in ("failed", "unchanged"), (key, before, after)


def test_a_plan_with_a_mapping_is_committed_with_it(either: Files) -> None:
    mapping = {"columns": {"Serial": "license__license_key", "Type": "license__license_type"}}
    mapping["constants"] = {"product__short_code": "kp"}
    mapping["values"] = {"license__license_type": {"lifetime": "perpetual"}}  # type: ignore[dict-item]
    text = "Serial;Type\nK-1;lifetime\nK-2;never\nK-3;lifetime\n"
    plan = planned(either, text, mapping=mapping)

    job = committed(either, plan)

    assert outcomes(either, job) == outcomes(either, plan) == ["created", "failed", "created"]
    assert either.errors(job) == either.errors(plan)
    assert either.errors(job)[0]["errors"][0]["value"] == "never"
