"""Imports of files: rows are created, counted as existing or refused, exactly once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import import_csv
from shared.errors import Busy
from shared.import_job import ImportJob
from shared.store import uploads
from shared.store.batch_results import batch_results
from shared.store.import_jobs import get_job, list_jobs
from shared.workflows import import_chunk, import_lifecycle, pending_orders
from tests.batch_results import put_batch_result
from tests.engine import Engine
from tests.functions.import_files import Context, Files, counts, ended_execution
from tests.wiretap import Killed, killed_before, meanwhile, tapped

TWO = """license__license_key,product__short_code,order__store_id,customer__email
impo-rtor-derk-ey00,kp,o-1,ana@x.test
impo-rtor-derk-ey01,kp,o-1,ana@x.test
"""
BAD = """license__license_key,product__short_code,license__license_type
K-1,kp,perpetual
K-2,nope,perpetual
K-3,kp,foo
K-4,kp,
"""


def many(rows: int, per_order: int = 4) -> str:
    lines = ["license__license_key,product__short_code,order__store_id,customer__email"]
    lines += [f"K-{n:05},kp,o-{n // per_order},c{n // per_order}@x.test" for n in range(rows)]
    return "\n".join(lines) + "\n"


ALL = (
    "total",
    "valid",
    "created_customers",
    "existed_customers",
    "created_orders",
    "existed_orders",
    "created_licenses",
    "existed_licenses",
)


def test_two_rows_of_one_order_are_one_order_and_one_customer(files: Files) -> None:
    job = files.imported(TWO)

    assert (job.state, counts(job, *ALL)) == ("succeeded", [2, 2, 1, 1, 1, 1, 2, 0])
    order = files.shop.get("/orders/", "store_id=o-1").json()["results"][0]
    shown = files.shop.get(f"/orders/{order['id']}/").json()
    keys = {lic["license_key"] for item in shown["order_items"] for lic in item["licenses"]}
    assert keys == {"impo-rtor-derk-ey00", "impo-rtor-derk-ey01"}
    assert shown["customer_email"] == "ana@x.test"


def test_the_same_file_again_changes_nothing(files: Files) -> None:
    files.imported(TWO)

    job = files.imported(TWO, name="again.csv")

    assert (job.state, counts(job, *ALL)) == ("succeeded", [2, 2, 0, 2, 0, 2, 0, 2])
    assert files.license_count() == 2


def test_bad_rows_are_reported_with_row_line_column_and_value(files: Files) -> None:
    job = files.imported(BAD)

    assert (job.state, counts(job, "total", "valid", "created_licenses")) == (
        "completed_with_errors",
        [4, 2, 2],
    )
    unknown, wrong = files.errors(job)
    assert (unknown["row"], unknown["line"]) == (2, 3)
    assert unknown["errors"][0]["code"] == "unknown_product"
    assert unknown["errors"][0]["value"] == "nope"
    assert wrong["errors"][0]["column"] == "license__license_type"
    assert wrong["data"]["license__license_key"] == "K-3"


def test_failed_rows_go_round(files: Files) -> None:
    job = files.imported(BAD)
    failed = files.failed_csv(job)

    corrected = failed.replace("nope", "kp").replace("foo", "perpetual")
    again = files.imported(corrected, name="corrected.csv")

    assert (again.state, counts(again, "total", "created_licenses")) == ("succeeded", [2, 2])
    assert files.license_count() == 4


def test_the_rules_of_orders_hold_for_rows(files: Files) -> None:
    head = "license__license_key,product__short_code,license__license_type,"
    job = files.imported(
        head + "license__max_overages,license__floating_users,license__max_activations\n"
        "K-1,kp,perpetual,3,,\n"
        "K-2,kp,time-limited,,,\n"
        "K-3,kp,perpetual,,10,5\n"
        "K-4,up,,,,\n"
    )

    errors = [row["errors"][0] for row in files.errors(job)]
    assert [error["code"] for error in errors] == [
        "consumption_only",
        "duration_required",
        "too_many_floating_users",
        "key_not_allowed",
    ]
    assert errors[0]["column"] == "license__max_overages"
    assert files.license_count() == 0


def test_a_damaged_key_is_an_error_and_not_a_license(files: Files) -> None:
    job = files.imported("license__license_key,product__short_code\n1.9E+18,kp\n#REF!,kp\n")

    assert [row["errors"][0]["column"] for row in files.errors(job)] == 2 * ["license__license_key"]
    assert files.license_count() == 0


def test_keys_keep_their_zeros_and_names_what_they_say(files: Files) -> None:
    files.imported(
        "license__license_key;product__short_code;customer__email;customer__first_name\r\n"
        "00123;kp;x@x.test;'=1+1\r\n".encode("utf-16")
    )

    found = files.shop.get("/licenses/", "license_key=00123").json()["results"][0]
    assert found["customer"]["first_name"] == "=1+1"


def test_an_export_imports_as_what_is_there(files: Files) -> None:
    files.shop.order_one(id="o-1", customer={"email": "a@x.test", "first_name": "Peña"})
    files.shop.order_one(id="o-1", append=True, license={"policy_code": "policy_A"})
    order = files.shop.get("/orders/").json()["results"][0]["id"]
    export = files.shop.get(f"/orders/{order}/export/").text

    job = files.imported(export)

    assert (job.state, counts(job, *ALL)) == ("succeeded", [2, 2, 0, 2, 0, 2, 0, 2])


def test_a_row_without_an_order_id_is_an_order_of_its_own(files: Files) -> None:
    text = "license__license_key,product__short_code\nK-1,kp\nK-2,kp\n"

    job = files.imported(text)

    assert counts(job, "created_orders", "existed_orders") == [2, 0]
    assert files.shop.get("/orders/").json()["count"] == 2


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("license__license_key\nK-1\n", "missing_header", 1),
        ("license__license_key,product__short_code,product__short_code\n", "duplicate_header", 1),
        ("", "empty_file", 1),
        ('license__license_key,product__short_code\nK-1,kp\n"K-2,kp\n', "unbalanced_quote", 3),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_written(
    files: Files, text: str, code: str, line: int
) -> None:
    job = files.imported(text)

    assert job.state == "failed"
    assert job.refusal is not None
    assert (job.refusal.code, job.refusal.line) == (code, line)
    assert files.license_count() == 0


def test_a_file_of_another_kind_makes_no_empty_customers(files: Files) -> None:
    job = files.imported(TWO, "customers")

    assert job.refusal is not None
    assert (job.state, job.refusal.code) == ("failed", "missing_header")
    assert files.shop.get("/customers/").json()["count"] == 0


def test_customers_are_known_by_email_and_may_share_a_reference(files: Files) -> None:
    text = "\ufeffemail,first_name,reference\nM@x.test,Müller,r\np@x.test,Peña,r\n"
    text += "m@X.test,Müller,r\n"

    job = files.imported(text, "customers")
    again = files.imported(text, "customers", "b.csv")

    assert counts(job, "created_customers", "existed_customers") == [2, 1]
    assert counts(again, "created_customers", "existed_customers") == [0, 3]
    found = files.shop.get("/customers/", "email=m@x.test").json()["results"][0]
    assert found["first_name"] == "Müller"


def test_a_customer_without_email_is_made_once_by_its_row(files: Files) -> None:
    event = files.drop("first_name\nAna\n\nAna\n", "customers")

    files.run(event)
    files.run(event)

    assert files.shop.get("/customers/").json()["count"] == 2


def test_features_are_added_once_to_licenses_that_are_there(files: Files) -> None:
    files.shop.order_one(license={"key": "K-1"})
    text = (
        "license_key,code,max_consumption,total_consumptions,expiry_date,allow_overages\n"
        "K-1,credits,33,5,2027-09-09,1\nK-1,f1,,,,\nK-1,f1,,,,\nK-9,f1,,,,\nK-1,nope,,,,\n"
    )

    job = files.imported(text, "license-features")
    again = files.imported(text, "license-features", "b.csv")

    assert counts(job, "valid", "created_license_f", "existed_license_f") == [3, 2, 1]
    assert counts(again, "valid", "created_license_f", "existed_license_f") == [3, 0, 3]
    codes = [row["errors"][0]["code"] for row in files.errors(job)]
    assert codes == ["license_not_found", "unsupported_product_feature"]
    credits, _ = files.shop.get("/licenses/").json()["results"][0]["product_features"]
    assert (credits["max_consumption"], credits["total_consumptions"]) == (33, 5)


@pytest.mark.parametrize("kind", ["licenses", "customers", "license-features"])
def test_a_dry_run_says_what_the_real_run_then_does(files: Files, kind: str) -> None:
    files.shop.order_one(license={"key": "K-00001"})
    texts = {
        "licenses": many(30) + "K-00003,kp,other,\nK-00001,kp,,\nK-9,nope,,\n",
        "customers": "email\na@x.test\nb@x.test\na@x.test\nbad\n",
        "license-features": "license_key,code\nK-00001,f1\nK-00001,f1\nK-9,f1\n",
    }
    planned = files.requested(texts[kind], kind, dry_run=True)
    written = files.license_count(), files.shop.get("/customers/").json()["count"]

    real = files.imported(texts[kind], kind)

    assert planned.counts == real.counts
    assert (planned.state, real.state) == 2 * ("completed_with_errors",)
    assert written == (1, 0)


def test_reject_all_writes_nothing_if_any_row_is_bad(files: Files) -> None:
    job = files.requested(BAD, on_error="reject_all")

    assert (job.state, len(files.errors(job))) == ("rejected", 2)
    assert files.license_count() == 0


def test_reject_all_writes_everything_if_no_row_is_bad(files: Files) -> None:
    job = files.requested(TWO, on_error="reject_all")

    assert (job.state, counts(job, *ALL)) == ("succeeded", [2, 2, 1, 1, 1, 1, 2, 0])


def test_an_event_that_comes_twice_is_one_job(files: Files) -> None:
    event = files.drop(TWO)

    files.run(event)
    files.run(event)

    assert len(list(list_jobs("acme"))) == 1
    assert counts(files.last(), *ALL) == [2, 2, 1, 1, 1, 1, 2, 0]


def test_an_object_overwritten_meanwhile_is_another_job(files: Files) -> None:
    first = files.drop(TWO)
    second = files.drop(TWO.replace("derk", "other"))

    files.run(second)
    files.run(first)

    newest, oldest = list_jobs("acme")
    assert (newest.version_id != oldest.version_id, files.license_count()) == (True, 4)
    assert counts(oldest, "created_licenses") == counts(newest, "created_licenses") == [2]


@pytest.mark.parametrize("fault", ["lost", "throttled", "failed"])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_lost_or_throttled_insert_is_counted_once(files: Files, fault: str, batch: int) -> None:
    files.inserts.faults[batch] = fault

    job = files.imported(many(30))

    assert counts(job, *ALL) == [30, 30, 8, 22, 8, 22, 30, 0]
    assert files.license_count() == 30


@pytest.mark.parametrize("fault", ["killed_before", "killed_after"])
@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_an_import_killed_anywhere_is_finished_by_the_next_event(
    files: Files, fault: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = files.drop(many(30))
    files.inserts.faults[batch] = fault
    with pytest.raises(Killed):
        files.run(event)
    monkeypatch.setattr(import_lifecycle, "ALIVE_SECONDS", 0)

    files.run(event)

    assert (files.last().state, counts(files.last(), *ALL)) == (
        "succeeded",
        [30, 30, 8, 22, 8, 22, 30, 0],
    )
    assert files.license_count() == 30


def test_a_second_event_leaves_a_job_that_is_alive_alone(files: Files) -> None:
    event = files.drop(many(30))
    files.inserts.faults[1] = "killed_before"
    with pytest.raises(Killed):
        files.run(event)

    files.run(event)

    assert files.last().state == "running"


def test_an_order_that_takes_a_key_first_keeps_it(files: Files) -> None:
    files.shop.order_one(id="mine", license={"key": "K-00002"})

    job = files.imported(many(4))

    assert counts(job, "created_licenses", "existed_licenses") == [3, 1]
    found = files.shop.get("/licenses/", "license_key=K-00002").json()["results"][0]
    assert found["order_store_id"] == "mine"


def test_an_import_that_takes_a_key_first_keeps_it(files: Files) -> None:
    files.imported(many(4))

    reply = files.shop.order(
        items=[{"product_code": "kp", "licenses": [{"key": "K-00002"}]}], id="late"
    )

    assert (reply.status, reply.json()["code"]) == (409, "license_key_exists")


def test_a_row_may_add_to_an_order_that_was_placed(files: Files) -> None:
    files.shop.order_one(id="o-1")

    job = files.imported(TWO)

    assert counts(job, "created_orders", "existed_orders", "created_licenses") == [0, 2, 2]
    order = files.shop.get("/orders/", "store_id=o-1").json()["results"][0]
    assert sum(len(item["licenses"]) for item in order["order_items"]) == 3


def test_a_later_row_that_says_otherwise_is_imported_with_a_warning(files: Files) -> None:
    head = "license__license_key,product__short_code,order__store_id,customer__email,"
    rows = "customer__first_name\nK-1,kp,o-1,a@x.test,Ana\nK-2,kp,o-1,a@x.test,Anne\n"

    job = files.imported(head + rows)

    assert (job.state, counts(job, "created_licenses", "warnings")) == ("succeeded", [2, 1])
    found = files.shop.get("/customers/").json()["results"][0]
    assert found["first_name"] == "Ana"


def test_a_large_file_goes_to_the_state_machine_once(files: Files, engine: Engine) -> None:
    event = files.drop(many(4000))

    files.run(event)
    files.run(event)

    job = files.last()
    names = {json["name"] for operation, json in engine.calls if operation == "StartExecution"}
    assert (names, job.execution_arn is not None) == ({f"acme-{job.number}-1"}, True)


SMALL = many(150, per_order=7) + "K-9,nope,,\nK-00003,kp,o-0,c0@x.test\n"


@pytest.fixture
def machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Every file is a large one, and is imported in short stretches."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 10)
    return files


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("on_error", ["skip_row", "reject_all"])
def test_ranges_in_any_order_and_twice_come_to_the_same_counts(
    machine: Files, again: bool, on_error: str
) -> None:
    text = SMALL if on_error == "skip_row" else SMALL.replace("nope", "kp")
    machine.run(machine.prepared(text, on_error=on_error))

    machine.by_machine(again)

    faulty = on_error == "skip_row"
    expected = (
        [152, 151, 22, 129, 22, 129, 150, 1] if faulty else [152, 152, 22, 129, 23, 129, 151, 1]
    )
    assert counts(machine.last(), *ALL) == expected
    assert machine.last().state == ("completed_with_errors" if faulty else "succeeded")
    assert machine.license_count() == expected[6]


def test_an_order_has_the_columns_of_its_first_row_whatever_ran_first(machine: Files) -> None:
    head = "license__license_key,product__short_code,order__store_id,order__language,"
    rows = "".join(f"K-{n},kp,o-1,{'first' if n == 0 else 'later'},x{n}\n" for n in range(60))
    machine.run(machine.drop(f"{head}license__note\n{rows}"))

    machine.by_machine()

    order = machine.shop.get("/orders/", "store_id=o-1").json()["results"][0]
    assert order["language"] == "first"
    assert order["licenses_count"] == 60


def test_the_first_row_wins_though_another_range_writes_in_between(machine: Files) -> None:
    head = "license__license_key,product__short_code,order__store_id,order__language,"
    rows = [f"K-{n},kp,o-1,l{n},a@x.test,name-{n}\n" for n in range(120)]
    machine.run(machine.drop(f"{head}customer__email,customer__first_name\n{''.join(rows)}"))
    first, second, *_, last = machine.plan()

    machine.chunk(last)
    # The first range has read what the last one wrote; the second one replaces it.
    with tapped("TransactWriteItems", meanwhile(lambda: machine.chunk(second))):
        machine.chunk(first)

    order = machine.shop.get("/orders/", "store_id=o-1").json()["results"][0]
    assert order["language"] == "l0"
    assert order["customer"]["first_name"] == "name-0"


def test_reject_all_by_the_machine_writes_nothing_if_any_row_is_bad(machine: Files) -> None:
    machine.run(machine.prepared(SMALL, on_error="reject_all"))

    machine.by_machine()

    assert (machine.last().state, machine.license_count()) == ("rejected", 0)
    assert machine.failed_csv(machine.last()).count("K-9,nope") == 1


def test_a_result_that_comes_while_an_import_ends_changes_nothing(machine: Files) -> None:
    """A late worker stores a result between the counts of the end and its write."""
    machine.run(machine.drop(SMALL))
    job = machine.last()
    for chunk in machine.plan():
        machine.chunk(chunk)

    def late() -> None:
        *_, result = batch_results("acme", job.number)
        better = {"valid": result.rows, "invalid": 0, "report": None}
        put_batch_result("acme", job.number, result.model_copy(update=better))

    with tapped("TransactWriteItems", meanwhile(late)):
        machine.step("finish")

    job = machine.last()
    assert job.state == "completed_with_errors"
    assert [error["row"] for error in machine.errors(job)] == [151]
    assert machine.failed_csv(job).count("K-9,nope") == 1


def test_a_worker_short_of_time_hands_over_and_nothing_is_lost(machine: Files) -> None:
    machine.run(machine.drop(many(60)))
    manifest = machine.plan()

    workers = [machine.chunk(chunk, left=10_000) for chunk in manifest]

    machine.step("finish")
    assert sum(workers) > len(manifest)
    assert counts(machine.last(), "total", "created_licenses") == [60, 60]


def test_a_range_that_arrives_cut_is_not_imported(machine: Files) -> None:
    machine.run(machine.drop(many(60)))
    chunk, *_ = machine.plan()

    with pytest.raises(Busy):
        machine.chunk(chunk | {"sha256": "0" * 64})

    assert machine.license_count() == 0


def test_a_cancelled_import_stops_between_two_stretches(machine: Files) -> None:
    machine.run(machine.drop(many(60)))
    manifest = machine.plan()
    machine.chunk(manifest[0])
    machine.ask(1, "cancel")

    machine.chunk(manifest[1])
    machine.step("finish")

    done = sum(result.rows for result in batch_results("acme", 1))
    assert (machine.last().state, machine.license_count()) == ("cancelled", done)


def test_a_failed_execution_fails_its_job_and_a_late_notice_does_not(machine: Files) -> None:
    machine.run(machine.drop(many(60)))
    job = machine.last()
    detail = ended_execution(job)
    late = int((job.heartbeat_at - timedelta(minutes=1)).timestamp() * 1000)

    machine.run({"detail": {**detail, "stopDate": late}})
    before = machine.last().state
    machine.run({"detail": detail})

    assert (before, machine.last().state) == ("queued", "failed")


def test_a_finished_job_that_is_run_again_changes_nothing(machine: Files) -> None:
    machine.run(machine.drop(SMALL))
    machine.by_machine()
    job = machine.last()

    machine.by_machine(again=True)

    assert get_job("acme", job.number) == job


def test_an_order_shows_imported_licenses_with_their_customers(files: Files) -> None:
    items = [{"product_code": "kp", "licenses": [{}]}]
    id = files.shop.order(id="o-1", items=items).json()["id"]
    files.imported(TWO)

    order = files.shop.get(f"/orders/{id}/").json()

    licenses = [lic for item in order["order_items"] for lic in item["licenses"]]
    emails = [lic["customer"]["email"] for lic in licenses if lic["customer"]]
    assert emails == ["ana@x.test", "ana@x.test"]


MANY = [{"product_code": "kp", "licenses": [{"key": "WANTED"}, *[{}] * 110]}]


def test_a_large_append_whose_order_an_import_makes_meanwhile_is_placed_whole(files: Files) -> None:
    with tapped("TransactWriteItems", meanwhile(lambda: files.imported(TWO)), nth=4):
        reply = files.shop.order(id="o-1", append=True, items=MANY)

    assert len(reply.json()["license_keys"]) == 111
    assert files.license_count() == 113
    files.patch.setattr(pending_orders, "LEFT_ALONE", timedelta(0))
    assert [*pending_orders.roll_back_abandoned(datetime.now(UTC))] == []


def test_a_large_order_whose_id_an_import_takes_meanwhile_leaves_nothing_behind(
    files: Files,
) -> None:
    with tapped("TransactWriteItems", meanwhile(lambda: files.imported(TWO)), nth=4):
        reply = files.shop.order(id="o-1", items=MANY)

    assert (reply.status, reply.json()["code"]) == (409, "order_id_exists")
    assert files.shop.order_one(license={"key": "WANTED"})["license_key"] == "WANTED"


def test_nothing_is_written_of_a_file_that_was_not_validated_to_its_end(files: Files) -> None:
    files.patch.setattr(import_chunk, "BATCH_ROWS", 2)
    event = files.prepared(many(4) + "K-9,nope,,\n", on_error="reject_all")

    files.run(event, left=1000)

    assert files.last().state == "validating"
    assert files.license_count() == 0


@pytest.mark.parametrize("on_error", ["skip_row", "reject_all"])
def test_the_state_machine_goes_on_where_a_function_had_no_time_left(
    files: Files, engine: Engine, monkeypatch: pytest.MonkeyPatch, on_error: str
) -> None:
    """It cuts the file as the function did: nothing is counted twice."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 2)
    monkeypatch.setattr(import_csv, "_INLINE_CHUNK", 60)
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "1000")

    left = iter([900_000] * 4)
    event = files.prepared(many(7), on_error=on_error)
    with monkeypatch.context() as patch:
        patch.setattr(Context, "get_remaining_time_in_millis", lambda _: next(left, 1000))
        files.run(event)
    operations, results = list(engine.operations), batch_results("acme", files.last().number)
    files.by_machine()

    assert operations == ["StartExecution"]
    assert [result.index for result in results] == [1, 3, 4]
    assert counts(files.last(), "total", "created_licenses") == [7, 7]
    assert files.last().state == "succeeded"


def test_rows_that_were_only_validated_are_not_counted_as_written(files: Files) -> None:
    """A function writes some rows and dies, and the next one has no time for the others."""
    files.patch.setattr(import_chunk, "BATCH_ROWS", 2)
    files.patch.setattr(import_lifecycle, "ALIVE_SECONDS", 0)
    event = files.prepared(many(4), on_error="reject_all")
    with tapped("PutItem", killed_before, nth=4), pytest.raises(Killed):
        files.run(event)

    files.run(event, left=1000)
    files.by_machine()

    assert counts(files.last(), "created_licenses") == [4]
    assert files.license_count() == 4


def test_of_a_file_that_another_import_made_between_the_passes_all_existed(files: Files) -> None:
    event = files.prepared(many(4), on_error="reject_all")
    begin_writing = import_lifecycle.begin_writing

    with pytest.MonkeyPatch.context() as patch:

        def look(job: ImportJob) -> bool:
            patch.undo()
            files.imported(many(4))
            return begin_writing(job)

        patch.setattr(import_csv, "begin_writing", look)
        files.run(event)

    job = get_job("acme", 1)
    assert job is not None
    assert counts(job, "created_licenses", "created_orders", "created_customers") == [0, 0, 0]


@pytest.mark.parametrize("options", [{"dry_run": True}, {"on_error": "reject_all"}])
def test_a_form_that_is_sent_twice_is_one_import_with_its_own_options(
    files: Files, options: dict[str, Any]
) -> None:
    text = f"{TWO}impo-rtor-derk-ey02,nope,o-1,\n"
    first = files.prepared(text, **options)
    name = files.last().key.split("/", 2)[2]
    files.run(first)

    files.run(files.drop(text, "licenses", name))

    assert [job.number for job in list_jobs("acme")] == [1]
    assert files.shop.get("/licenses/").json()["count"] == 0


def test_a_form_that_is_sent_after_a_cancellation_imports_nothing(files: Files) -> None:
    event = files.prepared(TWO)
    assert files.ask(1, "cancel").status == 200

    for _ in range(2):
        files.run(event)
        event = files.drop(TWO, "licenses", files.last().key.split("/", 2)[2])

    assert files.last().state == "cancelled"
    assert files.shop.get("/licenses/").json()["count"] == 0


def test_a_rejected_import_counts_nothing_as_created(files: Files) -> None:
    files.run(files.prepared(TWO + "impo-rtor-derk-ey02,nope,o-1,\n", on_error="reject_all"))

    result = files.shop.get("/licenses-import-results/1/").json()["result"]
    assert (result["total_row_count"], result["valid_row_count"]) == (3, 2)
    assert {name: n for name, n in result.items() if name.startswith(("created", "existed"))} == {
        f"{what}_{kind}_count": 0
        for what in ("created", "existed")
        for kind in ("customers", "orders", "licenses")
    }


def test_features_of_a_product_that_is_newer_than_the_job_are_added(files: Files) -> None:
    files.shop.order_one(license={"key": "K-1"})
    event = files.prepared("license_key,code\nK-1,f1\n", "license-features")
    uploads.put_result(files.last(), "catalog.json", b"[]")

    files.run(event)

    assert counts(files.last(), "valid", "created_license_f") == [1, 1]


def test_a_feature_goes_to_the_member_of_a_bundle_where_it_is_enabled(files: Files) -> None:
    features = {}
    for code in ("bnd", "p1"):
        made = files.shop.make("/product-features/", product=code, code="both", name="Both")
        features[code] = made["id"]
    files.shop.patch(f"/product-features/{features['bnd']}/", {"active": False})
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "key": "K-BND", "licenses": members}]
    assert files.shop.order(is_bundle=True, items=items).status == 200

    job = files.imported("license_key,code\nK-BND,both\n", "license-features")

    assert counts(job, "valid", "created_license_f") == [1, 1]
    held = {
        lic["product"]["short_code"]: [each["product_feature"]["code"] for each in granted]
        for lic in files.shop.get("/licenses/").json()["results"]
        if (granted := lic["product_features"])
    }
    assert held == {"p1": ["both"]}


def test_orders_and_customers_have_their_metadata(files: Files) -> None:
    header = "license__license_key,product__short_code,license__policy_code,order__store_id"
    header += ",order__metadata,customer__email,customer__metadata"
    rows = (
        'K-1,kp,policy_A,o-1,"{""po"": 1}",ana@x.test,"{""crm"": 7}"\n'
        'K-2,kp,,o-1,"{""po"": true}",ana@x.test,"{""crm"": 7}"\n'
    )

    job = files.imported(f"{header}\n{rows}")

    assert job.state == "succeeded", files.errors(job)
    assert job.counts["warnings"] == 1, "row 2 has another metadata of the order"
    (order,) = files.shop.get("/orders/").json()["results"]
    (customer,) = files.shop.get("/customers/").json()["results"]
    assert (order["metadata"], customer["metadata"]) == ({"po": 1}, {"crm": 7})
    licenses = files.shop.get("/licenses/").json()["results"]
    terms = {lic["license_key"]: (lic["policy_code"], lic["max_activations"]) for lic in licenses}
    assert terms == {"K-1": ("policy_A", 5), "K-2": ("default", 1)}
