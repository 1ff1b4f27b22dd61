"""The undo of an import: what it removes, sets back and keeps, and what waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from functions import start_import, sweep
from shared.access import new_api_key
from shared.import_job import ImportJob, same_file
from shared.store import dynamo, import_jobs, workers
from shared.store.access import add_api_key
from shared.workflows import import_chunk, undo_features, undo_updates
from shared.workflows.import_results import results_csv
from tests.engine import Engine
from tests.functions.import_files import Context, Files
from tests.functions.test_deletes import HEAD
from tests.s3_answers import s3_answers

THREE = HEAD + "K-1,kp,o-1,ana@x.test\nK-2,kp,o-1,ana@x.test\nK-3,cp,o-2,ben@x.test\n"
ALL = {
    "reverted_licenses_count": 3,
    "reverted_orders_count": 2,
    "reverted_customers_count": 2,
}
CUSTOMERS = "email,first_name\nana@x.test,Ana\nben@x.test,Ben\n"
FEATURES = "license_key,code,max_consumption\nK-1,f1,\nK-1,credits,5\nK-2,f1,\n"
UPDATE = {"on_existing": "update"}


@pytest.fixture(params=["inline", "machine"])
def by(request: pytest.FixtureRequest, files: Files, monkeypatch: pytest.MonkeyPatch) -> str:
    """How undos run: in one function, or in small batches by the state machine, each twice."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 2)
    return str(request.param)


def run(files: Files, number: int, by: str = "inline") -> ImportJob:
    """Run a job that no object announces."""
    if by == "machine":
        files.by_machine(again=True)
    else:
        files.run({"step": "run", "company": files.shop.company, "number": number})
    return job_of(files, number)


def job_of(files: Files, number: int) -> ImportJob:
    job = import_jobs.get_job(files.shop.company, number)
    assert job is not None
    return job


def undone(files: Files, job: ImportJob, by: str = "inline", **body: Any) -> ImportJob:
    """Undo an import, and run the job that does it."""
    return run(files, files.ask(job.number, "undo", **body).ok(202)["id"], by)


def refused(files: Files, number: int, action: str = "undo", **body: Any) -> str:
    return str(files.ask(number, action, **body).refused(409)["code"])


def shown(files: Files, job: ImportJob) -> dict[str, int]:
    """The counts of an undo that are not zero, without those of rows."""
    assert job.state == "succeeded", job
    counts = files.shown(job)["counts"]
    return {name: n for name, n in counts.items() if n and "row" not in name}


def kept(files: Files, job: ImportJob) -> list[tuple[int, str]]:
    body = files.shop.get(f"/imports/{job.number}/rows/", "outcome=kept").ok()
    return [(row["row"], row["reason"]) for row in body["results"]]


def outcomes(files: Files, job: ImportJob, query: str = "") -> list[tuple[int, str]]:
    return [(row["row"], row["outcome"]) for row in files.rows(job, query)]


def records(files: Files, job: ImportJob) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The rows of an undo, each with its outcome and the records that it keeps."""
    for row in files.rows(job):
        yield row["row"], row["outcome"], row["kept"] or {}


def prepared(files: Files, text: str, kind: str = "licenses", **options: Any) -> ImportJob:
    """Import a file with options."""
    job = files.requested(text, kind, **options)
    assert job.state in ("succeeded", "completed_with_errors"), job
    return job


def stored(files: Files, key: str) -> dict[str, Any]:
    """The license with a key, without what says when and by whom it was changed."""
    id = files.shop.ids_by_key()[key]
    item = dynamo.get("LICENSES_TABLE", (dynamo.partition(files.shop.company, id),))
    assert item is not None
    state = ("updated_at", "applied_rows", "changed_by_key")
    for grant in item.get("product_features", ()):
        grant.pop("applied_rows", None)
    return {name: value for name, value in item.items() if name not in state}


def test_licenses_and_their_orders_and_customers_are_removed(files: Files, by: str) -> None:
    job = files.imported(THREE)

    undo = undone(files, job, by)

    assert (undo.undoes, job_of(files, job.number).undone_by) == (job.number, undo.number)
    assert shown(files, undo) == ALL
    assert files.shop.keys() == []
    assert files.shop.listed("/orders/") == files.shop.listed("/customers/") == []
    assert kept(files, undo) == []
    rows = [(1, "reverted"), (2, "reverted"), (3, "reverted")]
    assert outcomes(files, undo) == outcomes(files, undo, "outcome=reverted") == rows


def test_a_dry_run_counts_the_same_and_changes_nothing(files: Files, by: str) -> None:
    job = files.imported(THREE)

    undo = undone(files, job, by, dry_run=True)

    assert shown(files, undo) == ALL
    assert files.shop.keys() == ["K-1", "K-2", "K-3"]
    assert job_of(files, job.number).undone_by is None
    assert import_jobs.undo_of(files.shop.company) is None


@pytest.mark.parametrize("dry_run", [True, False])
def test_changed_and_used_licenses_are_kept_with_their_orders(
    files: Files, by: str, dry_run: bool
) -> None:
    users = HEAD + "K-1,kp,o-1,ana@x.test\nK-2,kp,o-2,ana@x.test\nK-3,kp,o-3,ben@x.test\n"
    job = files.imported(users)
    files.shop.change_license("K-2", note="x")
    before = stored(files, "K-2")

    undo = undone(files, job, by, dry_run=dry_run)

    assert kept(files, undo) == [(1, "has_orders"), (2, "changed_since"), (2, "has_licenses")]
    assert outcomes(files, undo) == [(1, "reverted"), (2, "kept"), (3, "reverted")]
    assert [*records(files, undo)] == [
        (1, "reverted", {"customer_id": "has_orders"}),
        (2, "kept", {"license_id": "changed_since", "order_id": "has_licenses"}),
        (3, "reverted", {}),
    ]
    assert shown(files, undo) == {
        "reverted_licenses_count": 2,
        "kept_licenses_count": 1,
        "reverted_orders_count": 2,
        "kept_orders_count": 1,
        "reverted_customers_count": 1,
        "kept_customers_count": 1,
        "kept_because_changed_since": 1,
        "kept_because_has_licenses": 1,
        "kept_because_has_orders": 1,
    }
    assert stored(files, "K-2") == before
    assert files.shop.keys() == (["K-1", "K-2", "K-3"] if dry_run else ["K-2"])


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_order_with_added_licenses_and_a_reused_customer_are_kept(
    files: Files, by: str, dry_run: bool
) -> None:
    job = files.imported(THREE)
    files.shop.order_one(license={"key": "A-1"}, id="o-1", append=True)
    files.shop.order_one(license={"key": "N-1"}, id="n-1", customer={"email": "ben@x.test"})

    undo = undone(files, job, by, dry_run=dry_run)

    assert shown(files, undo) == {
        "reverted_licenses_count": 3,
        "reverted_orders_count": 1,
        "kept_orders_count": 1,
        "kept_customers_count": 2,
        "kept_because_appended_since": 1,
        "kept_because_has_orders": 2,
    }
    if not dry_run:
        assert files.shop.keys() == ["A-1", "N-1"]
        assert files.shop.keys("order_store_id=o-1") == ["A-1"]


def test_an_older_record_is_not_ours(files: Files, by: str) -> None:
    files.shop.order_one(license={"key": "K-2"}, id="shop", customer={"email": "ana@x.test"})
    job = files.imported(THREE)
    before = stored(files, "K-2")

    undo = undone(files, job, by)

    assert kept(files, undo) == [(2, "not_ours")]
    assert shown(files, undo) == {
        "reverted_licenses_count": 2,
        "kept_licenses_count": 1,
        "reverted_orders_count": 2,
        "reverted_customers_count": 1,
        "kept_because_not_ours": 1,
    }
    assert stored(files, "K-2") == before
    assert [each["email"] for each in files.shop.listed("/customers/")] == ["ana@x.test"]


def test_updated_licenses_get_their_values_back(files: Files, by: str) -> None:
    files.imported(THREE)
    before = [stored(files, key) for key in ("K-1", "K-2")]
    rows = "K-1,kp,new,9\nK-2,kp,,7\nK-3,cp,,3\n"
    text = "license__license_key,product__short_code,license__note,license__max_activations\n"
    job = prepared(files, text + rows, **UPDATE)
    files.shop.change_license("K-3", note="x")

    undo = undone(files, job, by)

    assert [stored(files, key) for key in ("K-1", "K-2")] == before
    assert kept(files, undo) == [(3, "changed_since")]
    assert shown(files, undo)["reverted_licenses_count"] == 2
    assert stored(files, "K-3")["max_activations"] == 3


def test_customers_are_removed_and_set_back(files: Files, by: str) -> None:
    first = prepared(files, CUSTOMERS, "customers")
    changed = "email,first_name,phone\nana@x.test,Anna,1\ncarl@x.test,Carl,\n"
    second = prepared(files, changed, "customers", **UPDATE)

    again = undone(files, second, by)
    after = {each["email"]: each for each in files.shop.listed("/customers/")}

    assert shown(files, again) == {"reverted_customers_count": 2}
    assert sorted(after) == ["ana@x.test", "ben@x.test"]
    assert (after["ana@x.test"]["first_name"], after["ana@x.test"]["phone"]) == ("Ana", None)
    undo = undone(files, first, by)
    assert kept(files, undo) == [(1, "changed_since")]
    assert [each["email"] for each in files.shop.listed("/customers/")] == ["ana@x.test"]


def test_features_are_removed_and_set_back(files: Files, by: str) -> None:
    files.imported(THREE)
    plain = [stored(files, key) for key in ("K-1", "K-2")]
    first = prepared(files, FEATURES, "license-features")
    before = [stored(files, key) for key in ("K-1", "K-2")]
    second = prepared(
        files, "license_key,code,max_consumption\nK-1,credits,8\n", "license-features", **UPDATE
    )

    undo = undone(files, second, by)

    assert [stored(files, key) for key in ("K-1", "K-2")] == before
    assert shown(files, undo) == {"reverted_license_features": 1}
    undo = undone(files, first, by)
    assert [stored(files, key) for key in ("K-1", "K-2")] == plain
    assert shown(files, undo) == {"reverted_license_features": 3}


def test_a_changed_feature_is_kept(files: Files, by: str) -> None:
    files.imported(THREE)
    job = prepared(files, FEATURES, "license-features")
    wanted = ["f1", {"code": "credits", "max_consumption": 9}]
    files.shop.change_license("K-1", product_features=wanted)

    undo = undone(files, job, by)

    assert kept(files, undo) == [(2, "changed_since")]
    codes = [each["code"] for each in stored(files, "K-1")["product_features"]]
    assert codes == ["credits"]


def test_an_undo_happens_once(files: Files) -> None:
    job = files.imported(THREE)
    undo = undone(files, job)

    again = files.ask(job.number, "undo")

    assert (again.status, again.json()["id"]) == (202, undo.number)
    assert again.headers["idempotent-replayed"] == "true"
    assert refused(files, undo.number) == "nothing_to_undo"


def twice(files: Files, number: int, between: Callable[[], object]) -> ImportJob:
    """Run the only chunk of an undo twice, as after a lost worker, and something in between."""
    (chunk,) = files.plan()
    files.chunk(chunk)
    between()
    files.chunk(chunk)
    files.step("finish")
    return job_of(files, number)


def test_a_customer_that_was_undone_and_is_created_again_is_reverted(files: Files) -> None:
    job = prepared(files, CUSTOMERS, "customers")
    number = files.ask(job.number, "undo").json()["id"]

    undo = twice(files, number, lambda: files.shop.post("/customers/", {"email": "ana@x.test"}))

    assert shown(files, undo) == {"reverted_customers_count": 2}
    assert outcomes(files, undo) == [(1, "reverted"), (2, "reverted")]


def test_a_feature_that_was_undone_is_reverted_although_its_key_is_sold_again(
    files: Files,
) -> None:
    files.shop.order_one(license={"key": "K-1"})
    files.shop.order_one(license={"key": "K-2"})
    job = prepared(files, FEATURES, "license-features")
    number = files.ask(job.number, "undo").json()["id"]

    def sell_again() -> None:
        files.shop.delete_licenses("K-1")
        files.shop.order_one(license={"key": "K-1", "product_features": [{"code": "f1"}]})

    undo = twice(files, number, sell_again)

    assert shown(files, undo) == {"reverted_license_features": 3}
    assert outcomes(files, undo) == [(row, "reverted") for row in (1, 2, 3)]


def test_the_corrected_and_the_same_file_create_everything_again(files: Files, by: str) -> None:
    undone(files, files.imported(THREE), by)

    again = files.imported(THREE)
    assert again.counts["created_licenses_count"] == 3
    assert again.counts["created_orders_count"] == again.counts["created_customers_count"] == 2
    assert shown(files, undone(files, again, by)) == ALL
    assert files.shop.keys() == []
    corrected = files.imported(THREE.replace("K-3,cp", "K-3,kp"))

    assert corrected.counts["created_licenses_count"] == 3
    assert files.shop.keys() == ["K-1", "K-2", "K-3"]


def test_what_wrote_nothing_can_not_be_undone(files: Files) -> None:
    dry = prepared(files, THREE, dry_run=True)
    assert refused(files, dry.number) == "nothing_to_undo"
    files.imported("nope\n1\n")
    assert refused(files, files.last().number) == "nothing_to_undo"
    files.run(files.prepared(HEAD + "K-9,nope,,\n", on_error="reject_all"))
    assert files.last().state == "rejected"
    assert refused(files, files.last().number) == "import_state"
    undone(files, files.imported(THREE), dry_run=True)
    assert refused(files, files.imported(THREE).number) == "nothing_to_undo"
    same = prepared(files, CUSTOMERS.splitlines()[0] + "\nana@x.test,\n", "customers", **UPDATE)
    assert refused(files, same.number, dry_run=True) == "nothing_to_undo"
    assert files.ask(99, "undo").status == 404


def test_a_running_import_and_a_late_worker_refuse_the_undo(files: Files) -> None:
    job = files.imported(THREE)
    workers.register(files.shop.company, job.number, "late", datetime.now(UTC))
    assert refused(files, job.number, dry_run=True) == "import_running"
    workers.release(files.shop.company, job.number, "late")
    files.prepared(THREE)
    files.set_state(files.last().number, "running")

    assert refused(files, job.number) == "import_running"
    assert files.ask(job.number, "undo", dry_run=True).status == 202


def test_a_second_undo_waits_for_the_first_and_an_import_too(files: Files, engine: Engine) -> None:
    one, two = files.imported(THREE), files.imported("email\nzoe@x.test\n", "customers")
    undo = files.ask(one.number, "undo").json()["id"]
    assert refused(files, two.number) == "import_running"

    waiting = files.imported(THREE.replace("K-", "L-"))
    assert waiting.state == "queued"
    run(files, undo)

    assert import_jobs.undo_of(files.shop.company) is None
    assert engine.operations == ["StartExecution"]
    files.by_machine()
    assert files.shop.keys() == ["L-1", "L-2", "L-3"]
    assert files.shop.listed("/customers/")[0]["email"] in ("ana@x.test", "ben@x.test")


def test_the_sweeper_leaves_waiting_imports_alone(files: Files, engine: Engine) -> None:
    job = files.imported(THREE)
    undo = files.ask(job.number, "undo").json()["id"]
    waiting = files.imported(THREE.replace("K-", "L-"))
    for number in (undo, waiting.number):
        old = {"heartbeat_at": datetime.now(UTC) - timedelta(hours=2)}
        import_jobs.change_job(
            files.shop.company, number, partial(ImportJob.model_copy, update=old)
        )
    engine.invoked.clear()

    sweep.handler({}, Context())

    assert [job_of(files, each).attempts for each in (undo, waiting.number)] == [2, 1]
    assert engine.invoked == [{"step": "run", "company": "acme", "number": undo}]


def test_a_cancelled_undo_lets_imports_start_and_can_be_retried(
    files: Files, engine: Engine
) -> None:
    job = files.imported(THREE)
    undo = files.ask(job.number, "undo").json()["id"]
    waiting = files.imported(CUSTOMERS, "customers")
    assert files.ask(undo, "cancel").status == 200

    assert import_jobs.undo_of(files.shop.company) is None
    (started,) = engine.invoked[-1]["Records"]
    assert started["s3"]["object"]["versionId"] == waiting.version_id
    assert refused(files, undo, "retry") == "import_running"
    files.by_machine()
    assert files.ask(undo, "retry").status == 200
    assert import_jobs.undo_of(files.shop.company) == undo
    assert shown(files, run(files, undo))["reverted_licenses_count"] == 3
    assert refused(files, undo, "retry") == "import_state"


def test_an_undone_import_is_not_retried(files: Files) -> None:
    job = files.imported(THREE)
    files.set_state(job.number, "cancelled")
    undone(files, job)

    assert refused(files, job.number, "retry") == "import_state"


def test_a_deleted_file_can_not_be_read_again(files: Files) -> None:
    job = files.imported(THREE)
    files.delete(job)

    assert refused(files, job.number) == "file_gone"


def test_undos_are_no_published_imports(files: Files) -> None:
    job = files.imported(THREE)
    undo = undone(files, job)

    results = files.shop.listed("/licenses-import-results/")

    assert [each["id"] for each in results] == [job.number]
    assert files.shop.get(f"/licenses-import-results/{undo.number}/").status == 404


def test_a_row_that_was_deleted_since_or_failed_has_no_outcome(files: Files, by: str) -> None:
    job = files.imported(THREE + "K-4,nope,,\n")
    files.shop.delete_licenses("K-1")

    undo = undone(files, job, by)

    assert shown(files, undo)["reverted_licenses_count"] == 2
    assert kept(files, undo) == []


def test_an_import_with_a_mapping_is_undone_by_it(files: Files, by: str) -> None:
    mapping = {"columns": {"Serial": "license__license_key"}}
    mapping["constants"] = {"product__short_code": "kp"}
    job = prepared(files, "Serial;Batch\nK-1;a\nK-2;b\n", mapping=mapping)

    assert shown(files, undone(files, job, by))["reverted_licenses_count"] == 2
    assert files.shop.keys() == []


def test_the_commit_of_a_plan_is_undone_with_the_orders_that_the_plan_named(
    files: Files, by: str
) -> None:
    text = "license__license_key,product__short_code\nK-1,kp\nK-2,kp\n"
    plan = files.requested(text, dry_run=True)
    reply = files.ask(plan.number, "commit", hash=plan.plan_hash)
    job = run(files, reply.json()["id"])
    assert files.shop.keys() == ["K-1", "K-2"]

    assert shown(files, undone(files, job, by)) == {
        "reverted_licenses_count": 2,
        "reverted_orders_count": 2,
    }
    assert files.shop.listed("/orders/") == []


def committed(files: Files, plan: ImportJob, by: str = "inline") -> ImportJob:
    """Commit the plan of a dry run of an undo, and run the job that does it."""
    return run(files, files.ask(plan.number, "commit", hash=plan.plan_hash).ok(202)["id"], by)


def test_a_dry_run_of_an_undo_is_committed_by_its_hash_once(files: Files, by: str) -> None:
    job = files.imported(THREE)
    plan, other = undone(files, job, by, dry_run=True), undone(files, job, by, dry_run=True)
    assert plan.plan_hash == other.plan_hash

    undo = committed(files, plan, by)

    assert (undo.undoes, undo.planned_by, shown(files, undo)) == (job.number, plan.number, ALL)
    assert files.shop.keys() == []
    assert job_of(files, job.number).undone_by == undo.number
    assert job_of(files, plan.number).committed_by == undo.number
    again = files.ask(plan.number, "commit", hash=plan.plan_hash)
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (undo.number, "true")
    assert refused(files, other.number, "commit", hash=other.plan_hash) == "import_state"


def test_an_undo_of_a_plan_reverts_only_what_its_dry_run_has_shown(files: Files, by: str) -> None:
    job = prepared(files, CUSTOMERS, "customers")
    files.shop.order_one(license={"key": "N-1"}, id="n-1", customer={"email": "ana@x.test"})
    plan = undone(files, job, by, dry_run=True)
    assert kept(files, plan) == [(1, "has_orders")]
    (order,) = files.shop.listed("/orders/")
    files.shop.delete_licenses("N-1")
    assert files.shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    undo = committed(files, plan, by)

    assert kept(files, undo) == [(1, "not_as_planned")]
    assert outcomes(files, undo) == [(1, "kept"), (2, "reverted")]
    assert [each["email"] for each in files.shop.listed("/customers/")] == ["ana@x.test"]


def test_what_the_dry_run_has_shown_and_was_changed_since_is_kept(files: Files, by: str) -> None:
    job = files.imported(THREE)
    plan = undone(files, job, by, dry_run=True)
    files.shop.change_license("K-2", note="x")

    undo = committed(files, plan, by)

    assert kept(files, undo) == [(1, "has_licenses"), (1, "has_orders"), (2, "changed_since")]
    assert files.shop.keys() == ["K-2"]


def test_the_commit_of_an_undo_waits_for_running_imports(files: Files) -> None:
    plan = undone(files, files.imported(THREE), dry_run=True)
    files.prepared(THREE.replace("K-", "L-"))
    files.set_state(files.last().number, "running")

    assert refused(files, plan.number, "commit", hash=plan.plan_hash) == "import_running"
    assert job_of(files, plan.number).committed_by is None


def test_the_commit_of_an_undo_needs_its_scope_and_its_hash(files: Files) -> None:
    plan = undone(files, files.imported(THREE), dry_run=True)
    assert refused(files, plan.number, "commit", hash="0" * 64) == "plan_changed"
    now, scopes = datetime.now(UTC), frozenset({"imports:write"})
    key, writer = new_api_key(files.shop.company, now=now, scopes=scopes)
    add_api_key(key)

    path = f"/imports/{plan.number}/commit/"
    reply = replace(files.shop, key=writer).post(path, {"hash": plan.plan_hash})

    assert (reply.status, "imports:undo" in reply.json()["message"]) == (403, True)


def test_a_record_of_several_batches_is_listed_once_with_what_all_of_them_do(
    files: Files, by: str
) -> None:
    """The order of rows 1 to 3 and 5 is in three batches, and its first row creates it."""
    rows = ["K-1,kp,o-1,ana@x.test", "K-2,kp,o-1,", "K-3,kp,o-1,", "K-4,kp,o-2,ben@x.test"]
    job = files.imported(HEAD + "\n".join([*rows, "K-5,kp,o-1,\n"]))
    one, two = (undone(files, job, by, dry_run=True) for _ in range(2))
    files.shop.change_license("K-5", note="x")
    three = undone(files, job, by, dry_run=True)

    assert one.plan_hash == two.plan_hash != three.plan_hash
    assert [kept for *_, kept in records(files, one)] == [{}] * 5
    stays = {"order_id": "has_licenses", "customer_id": "has_orders"}
    planned = [kept for *_, kept in records(files, three)]
    assert planned == [stays, {}, {}, {}, {"license_id": "changed_since"}]
    undo = undone(files, job, by)
    assert [*records(files, undo)] == [*records(files, three)]
    assert kept(files, undo) == kept(files, three)


def test_an_order_and_a_customer_that_the_dry_run_keeps_are_kept(files: Files, by: str) -> None:
    job = files.imported(HEAD + "K-1,kp,o-1,ana@x.test\nK-2,kp,o-2,\nK-3,kp,o-1,\n")
    files.shop.order_one(license={"key": "N-1"}, id="n-1", customer={"email": "ana@x.test"})
    files.shop.order_one(license={"key": "A-1"}, id="o-1", append=True)
    plan = undone(files, job, by, dry_run=True)
    assert kept(files, plan) == [(1, "appended_since"), (1, "has_orders")]
    files.shop.delete_licenses("N-1", "A-1")
    (order,) = [each for each in files.shop.listed("/orders/") if each["client_order_id"] == "n-1"]
    assert files.shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    undo = committed(files, plan, by)

    assert kept(files, undo) == [(1, "not_as_planned"), (1, "has_orders")]
    assert shown(files, undo) == {
        "reverted_licenses_count": 3,
        "reverted_orders_count": 1,
        "kept_orders_count": 1,
        "kept_customers_count": 1,
        "kept_because_not_as_planned": 1,
        "kept_because_has_orders": 1,
    }
    assert [each["client_order_id"] for each in files.shop.listed("/orders/")] == ["o-1"]


def test_features_are_undone_on_a_license_that_changes_between_read_and_write(files: Files) -> None:
    files.imported(THREE)
    job = prepared(files, "license_key,code\nK-1,f1\n", "license-features")
    notes = ["sold"]

    def update(undo: Any) -> Any:
        made = make(undo)
        for note in notes:
            files.shop.change_license("K-1", note=note)
        notes.clear()
        return made

    make = undo_features._Undo.update  # noqa: SLF001  # the write that is decided before the change
    files.patch.setattr(undo_features._Undo, "update", update)  # noqa: SLF001

    undo = undone(files, job)

    assert shown(files, undo) == {"reverted_license_features": 1}
    after = stored(files, "K-1")
    assert (after["note"], after.get("product_features")) == ("sold", None)


def test_a_record_that_changes_between_read_and_write_is_kept(files: Files) -> None:
    files.imported(THREE)
    text = "license__license_key,product__short_code,license__note\nK-1,kp,new\n"
    job = prepared(files, text, **UPDATE)

    def body(*args: Any) -> Any:
        made = make(*args)
        files.shop.change_license("K-1", note="sold")
        return made

    make = undo_updates._body  # noqa: SLF001  # the write that is decided before the change
    files.patch.setattr(undo_updates, "_body", body)

    undo = undone(files, job)

    assert kept(files, undo) == [(1, "changed_since")]
    assert stored(files, "K-1")["note"] == "sold"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [(404, {}, "file_gone"), (200, {"x-amz-storage-class": "GLACIER"}, "file_archived")],
)
def test_an_import_whose_file_can_not_be_read_is_not_undone(
    files: Files, status: int, headers: dict[str, str], code: str
) -> None:
    job = files.imported(THREE)

    with s3_answers("HeadObject", status, headers):
        assert refused(files, job.number) == code

    assert files.shop.keys() == ["K-1", "K-2", "K-3"]


def test_an_undo_and_a_commit_read_the_file_with_every_option_of_the_import(files: Files) -> None:
    of_the_job = {"file_name", "size", "dry_run", "on_error", "external_id", "corrects"}
    options = {*start_import.ImportRequest.model_fields} - of_the_job

    assert options <= same_file(files.imported(THREE)).keys()


def test_a_row_that_wrote_nothing_is_unchanged_and_all_rows_are_in_results_csv(
    files: Files, by: str
) -> None:
    text = HEAD + "K-1,kp,o-1,ana@x.test\nK-2,nope,,\nK-3,kp,,\n"
    job = prepared(files, text)
    ids, (customer,) = files.shop.ids_by_key(), files.shop.listed("/customers/")
    two, one = (each["id"] for each in files.shop.listed("/orders/"))
    assert files.shop.delete(f"/licenses/{ids['K-3']}/").status == 204

    undo = undone(files, job, by)

    assert outcomes(files, undo) == [(1, "reverted"), (2, "unchanged"), (3, "reverted")]
    assert outcomes(files, undo, "outcome=unchanged") == [(2, "unchanged")]
    lines = "".join(part.decode() for part in results_csv(undo)).splitlines()
    assert lines[1:] == [
        f"K-1,kp,o-1,ana@x.test,1,reverted,{ids['K-1']},{one},{customer['id']}",
        "K-2,nope,,,2,unchanged,,,",
        f"K-3,kp,,,3,reverted,,{two},",
    ]


def test_features_and_free_json_are_set_back(files: Files) -> None:
    features = [{"code": "credits", "max_consumption": 7}, "f1"]
    fields = [{"name": "seat", "value": 1}]
    license = {"key": "K-1", "product_features": features, "custom_fields": fields}
    files.shop.order_one(license=license, customer={"email": "ana@x.test", "metadata": {"a": 1}})
    path = f"/licenses/{files.shop.ids_by_key()['K-1']}/"
    before, customers = files.shop.get(path).json(), files.shop.get("/customers/").json()
    header = "license__license_key,product__short_code,license__product_features"
    cells = 'K-1,kp,f2,"[{""name"": ""seat"", ""value"": 2}]"\n'

    licenses = files.requested(f"{header},license__custom_fields\n{cells}", **UPDATE)
    text = 'email,metadata\nana@x.test,"{""a"": true}"\n'
    customers_job = files.requested(text, "customers", **UPDATE)
    updated = files.shop.get(path).json()
    jobs = [undone(files, each) for each in (customers_job, licenses)]

    assert [each["product_feature"]["code"] for each in updated["product_features"]] == ["f2"]
    assert updated["custom_fields"] == [{"name": "seat", "value": 2}]
    assert [job.state for job in jobs] == ["succeeded", "succeeded"]
    after = files.shop.get(path).json()
    for name in ("product_features", "custom_fields"):
        assert after[name] == before[name]
    (customer,) = files.shop.get("/customers/").json()["results"]
    assert customer["metadata"] == customers["results"][0]["metadata"] == {"a": 1}


def test_a_batch_that_runs_again_counts_the_customer_it_has_removed_for_another(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer of an order is in another batch, which is done, and kept it because of it."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 2)
    rows = "K-1,kp,o-1,ana@x.test\nK-2,kp,o-2,cem@x.test\nK-3,kp,o-1,ben@x.test\n"
    job = files.imported(HEAD + rows)
    number = files.ask(job.number, "undo").json()["id"]
    (chunk,) = files.plan()
    files.chunk(chunk)

    files.step("chunk", **{"pass": "write"}, chunk=chunk, done_rows=2, done=False)
    files.step("finish")

    assert shown(files, job_of(files, number)) == {
        "reverted_licenses_count": 3,
        "reverted_orders_count": 2,
        "reverted_customers_count": 3,
    }
