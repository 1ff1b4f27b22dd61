"""Imports that update, keep or refuse existing records, and create or refuse missing ones."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from functions.telemetry.redaction import Crashed
from shared import row_updates
from shared.import_job import ImportJob
from shared.store import bulk, dynamo
from shared.workflows import import_chunk, import_repeats, update_records
from tests.functions.import_files import Files, counts

LICENSES = "license__license_key,product__short_code,license__note,license__max_activations"
CREATED = "created_licenses", "existed_licenses", "updated_licenses", "unchanged_licenses"
UPDATE = {"on_existing": "update"}


def run(files: Files, text: str, kind: str = "licenses", **options: Any) -> ImportJob:
    return files.requested(text, kind, **{**UPDATE, **options})


def faults(files: Files, job: ImportJob) -> list[tuple[int, str, str]]:
    """Row, column and code of each fault."""
    return [
        (row["row"], fault["column"], fault["code"])
        for row in files.errors(job)
        for fault in row["errors"]
    ]


def warnings(files: Files, job: ImportJob) -> list[tuple[int, str, str]]:
    return [
        (row["row"], each["column"], each["code"])
        for row in files.rows(job, "outcome=warning")
        for each in row["warnings"]
    ]


def stored(files: Files, key: str) -> dict[str, Any]:
    """The license with a key, as it is in the table."""
    (lic,) = files.shop.get("/licenses/", f"license_key={key}").json()["results"]
    item = dynamo.get("LICENSES_TABLE", (dynamo.partition(files.shop.company, lic["id"]),))
    assert item is not None
    return item


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """The requests to DynamoDB by operation and, for writes, table."""
    seen: Counter[str] = Counter()

    def note(request: AWSPreparedRequest, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        table = "Licenses" if f'"{dynamo.table("LICENSES_TABLE")}"' in body else "other"
        seen[f"{operation} {table}"] += 1

    clients: list[Any] = [dynamo.client().meta, bulk.client()]
    for each in clients:
        each.events.register_first("before-send.dynamodb", note)
    try:
        yield seen
    finally:
        for each in clients:
            each.events.unregister("before-send.dynamodb", note)


def test_a_row_sets_the_fields_that_it_names_and_no_others(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1", "note": "old", "max_activations": 3})
    before = stored(files, "U-1")

    job = run(files, f"{LICENSES}\nU-1,kp,new,\nU-2,kp,made,4\n")

    assert job.state == "succeeded"
    assert counts(job, *CREATED) == [1, 1, 1, 0]
    after = stored(files, "U-1")
    made = {"applied_rows": ["import 1#1"], "changed_by": "import 1#1"}
    kept = {"job": 1, "fields": {"note": "old"}}
    moved = {"updated_at": after["updated_at"], "note": "new"}
    assert after == {**before, **moved, **made, "changed_from": kept}
    assert after["updated_at"] > before["updated_at"]
    assert stored(files, "U-2")["note"] == "made"


def test_a_changed_license_costs_one_write(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    event = files.prepared(f"{LICENSES}\nU-1,kp,new,\n", **UPDATE)

    with calls() as seen:
        files.run(event)

    licenses = {call: count for call, count in seen.items() if call.endswith("Licenses")}
    assert licenses == {"BatchGetItem Licenses": 1, "UpdateItem Licenses": 1}


def test_the_same_file_again_changes_nothing_and_costs_no_write(files: Files) -> None:
    text = f"{LICENSES}\nU-1,kp,a,3\nU-2,kp,,1\n"
    run(files, text)
    before = [stored(files, key) for key in ("U-1", "U-2")]

    with calls() as seen:
        job = run(files, text)

    assert counts(job, *CREATED) == [0, 2, 0, 2]
    assert [stored(files, key) for key in ("U-1", "U-2")] == before
    licenses = {call: count for call, count in seen.items() if call.endswith("Licenses")}
    assert licenses == {"BatchGetItem Licenses": 1}


def test_records_that_are_kept_cost_no_more_requests(files: Files) -> None:
    text = f"{LICENSES}\nU-1,kp,a,3\nU-2,kp,,1\n"
    run(files, text, on_existing="keep")
    event = files.prepared(text.replace("3", "4"), on_existing="keep")

    with calls() as seen:
        files.run(event)

    licenses = {call: count for call, count in seen.items() if call.endswith("Licenses")}
    # tests/partiql.py executes the two INSERTs of the one request.
    assert licenses == {"PutItem Licenses": 2, "BatchGetItem Licenses": 1}
    assert counts(files.last(), *CREATED) == [0, 2, 0, 2]


def test_a_cell_with_no_value_clears_the_field(files: Files) -> None:
    columns = "license__license_key,product__short_code,license__note,license__subscription_id"
    columns += ",license__metadata,license__validity_period"
    lic = {"key": "U-1", "note": "n", "subscription_id": "s", "metadata": {"a": 1}}
    files.shop.order_one(license={**lic, "validity_period": "2030-01-01"})

    job = run(files, f"{columns}\nU-1,kp,\\N,\\N,\\N,\\N\n")

    assert counts(job, *CREATED) == [0, 1, 1, 0]
    assert not {"note", "subscription_id", "metadata", "validity_period"} & {*stored(files, "U-1")}


def test_a_field_that_needs_a_value_can_not_be_cleared(files: Files) -> None:
    columns = "license__license_key,product__short_code,license__max_activations,license__enabled"
    files.shop.order_one(license={"key": "U-1"})

    job = run(files, f"{columns}\nU-1,kp,\\N,\\N\n\\N,kp,,\nU-3,\\N,,\n")

    assert faults(files, job) == [
        (1, "license__max_activations", "required"),
        (1, "license__enabled", "required"),
        (2, "license__license_key", "required"),
        (3, "product__short_code", "required"),
    ]


def test_no_value_is_a_text_where_records_are_kept(files: Files) -> None:
    job = run(files, f"{LICENSES}\nU-1,kp,\\N,\n", on_existing="keep")

    assert job.state == "succeeded"
    assert stored(files, "U-1")["note"] == "\\N"


def test_product_and_type_of_a_license_can_not_be_changed(files: Files) -> None:
    columns = "license__license_key,product__short_code,license__license_type"
    for key in ("U-1", "U-2", "U-3"):
        files.shop.order_one(license={"key": key})

    job = run(files, f"{columns}\nU-1,cp,\nU-2,kp,subscription\nU-3,kp,perpetual\nU-1x,no,\n")

    assert faults(files, job) == [
        (1, "product__short_code", "product_differs"),
        (2, "license__license_type", "immutable"),
        (4, "product__short_code", "unknown_product"),
    ]
    assert counts(job, *CREATED) == [0, 1, 0, 1]


def test_the_changed_license_must_pass_the_rules_of_orders(files: Files) -> None:
    columns = "license__license_key,product__short_code,license__valid_duration"
    columns += ",license__floating_users,license__validity_period"
    timed = {"license_type": "time-limited", "valid_duration": "1y"}
    for key in ("U-1", "U-2", "U-3"):
        files.shop.order_one(license={"key": key, **timed})

    job = run(files, f"{columns}\nU-1,kp,\\N,,\nU-2,kp,,9,\nU-3,kp,2y,,2030-01-01\n")

    assert faults(files, job) == [
        (1, "license__valid_duration", "duration_required"),
        (2, "license__floating_users", "too_many_floating_users"),
        (3, "license__validity_period", "term_conflict"),
    ]
    assert stored(files, "U-3")["valid_duration"] == "1y"


def test_a_row_that_could_create_no_license_updates_an_existing_one(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    products = files.shop.get("/products/").json()["results"]
    (kp,) = (each for each in products if each["short_code"] == "kp")
    assert files.shop.patch(f"/products/{kp['id']}/", {"is_archived": True}).status == 200

    job = run(files, f"{LICENSES}\nU-1,kp,moved,\nU-2,kp,,\n")

    assert counts(job, *CREATED) == [0, 1, 1, 0]
    assert faults(files, job) == [(2, "product__short_code", "archived_product")]
    assert stored(files, "U-1")["note"] == "moved"


def test_order_and_customer_of_a_license_stay_with_a_warning(files: Files) -> None:
    columns = "license__license_key,product__short_code,order__store_id,order__language"
    columns += ",customer__email,customer__first_name"
    ana = {"email": "ana@x.test", "first_name": "Ana"}
    files.shop.order_one(license={"key": "U-1"}, id="o-1", customer=ana)
    rows = (
        "U-1,kp,o-1,,ana@x.test,\n",
        "U-1,kp,o-2,es,ben@x.test,Ben\n",
        "U-1,kp,,,ana@x.test,Anna\n",
    )

    jobs = [run(files, f"{columns}\n{row}") for row in rows]

    assert [warnings(files, job) for job in jobs] == [
        [],
        [
            (1, "order__store_id", "not_changed_here"),
            (1, "order__language", "not_changed_here"),
            (1, "customer__email", "not_changed_here"),
            (1, "customer__first_name", "not_changed_here"),
        ],
        [(1, "customer__first_name", "not_changed_here")],
    ]
    assert all(counts(job, *CREATED) == [0, 1, 0, 1] for job in jobs)


@pytest.mark.parametrize("first", ["files", "machine"])
def test_the_first_row_that_names_a_record_acts_wherever_the_others_are(
    first: str, request: pytest.FixtureRequest
) -> None:
    files: Files = request.getfixturevalue(first)
    files.shop.order_one(license={"key": "U-1"})
    filler = "".join(f"X-{n},kp,,\n" for n in range(60))
    text = f"{LICENSES}\nU-1,kp,first,\nN-1,kp,one,\n{filler}U-1,kp,second,\nU-1,kp,first,\n"
    text += "N-1,kp,two,\nN-1,kp,one,\n"

    files.run(files.prepared(text, **UPDATE))
    if first == "machine":
        files.by_machine(again=True)
    job = files.last()

    key = "license__license_key"
    assert faults(files, job) == [(63, key, "duplicate_in_file"), (65, key, "duplicate_in_file")]
    assert "row 1 of this file" in files.errors(job)[0]["errors"][0]["message"]
    assert counts(job, *CREATED) == [61, 3, 1, 2]
    assert [stored(files, each)["note"] for each in ("U-1", "N-1")] == ["first", "one"]
    assert stored(files, "U-1")["applied_rows"] == [f"import {job.number}#1"]


def test_a_blank_cell_and_a_default_differ_in_rows_of_one_key(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1", "max_activations": 3})

    job = run(files, f"{LICENSES}\nU-1,kp,,\nU-1,kp,,1\n")

    assert faults(files, job) == [(2, "license__license_key", "duplicate_in_file")]
    assert stored(files, "U-1")["max_activations"] == 3


def test_a_file_that_repeats_too_many_records_is_refused(files: Files) -> None:
    files.patch.setattr(import_repeats, "MOST_ROWS", 1)
    text = f"{LICENSES}\nU-1,kp,,\nU-1,kp,,\nU-1,kp,,\n"

    job = run(files, text)

    assert (job.state, files.license_count()) == ("failed", 0)
    assert job.refusal is not None
    assert (job.refusal.code, job.refusal.line) == ("too_many_repeats", 4)
    assert "Keep one row per license key" in job.refusal.message
    assert run(files, text, on_existing="keep").state == "succeeded"


def test_rows_that_are_invalid_own_no_record(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})

    job = run(files, f"{LICENSES}\nU-1,kp,first,x\nU-1,kp,second,\n")

    assert faults(files, job) == [(1, "license__max_activations", "invalid_value")]
    assert stored(files, "U-1")["note"] == "second"


def test_a_dry_run_counts_what_would_be_updated(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    before = stored(files, "U-1")

    job = run(files, f"{LICENSES}\nU-1,kp,new,\nU-2,kp,,\n", dry_run=True)

    assert counts(job, *CREATED) == [1, 1, 1, 0]
    assert stored(files, "U-1") == before


def test_a_rejected_file_updates_nothing(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    before = stored(files, "U-1")
    text = f"{LICENSES}\nU-1,kp,new,\nU-2,no,,\n"

    job = run(files, text, on_error="reject_all")

    assert (job.state, stored(files, "U-1")) == ("rejected", before)
    job = run(files, text.replace("no,", "kp,"), on_error="reject_all")
    assert (job.state, counts(job, *CREATED)) == ("succeeded", [1, 1, 1, 0])


def test_the_licenses_of_a_bundle_are_updated_by_key_and_product(files: Files) -> None:
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "licenses": [{"key": "B-1", "products": members}]}]
    assert files.shop.order(is_bundle=True, items=items).status == 200

    job = run(files, f"{LICENSES}\nB-1,bnd,whole,\nB-1,p1,member,\nB-1,p1,other,\n")

    assert faults(files, job) == [(3, "license__license_key", "duplicate_in_file")]
    assert counts(job, *CREATED) == [0, 2, 2, 0]
    found = files.shop.get("/licenses/", "license_key=B-1").json()["results"]
    notes = {lic["product"]["short_code"]: lic["note"] for lic in found}
    assert notes == {"bnd": "whole", "p1": "member", "p2": None}


def test_missing_records_can_be_refused(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    text = f"{LICENSES}\nU-1,kp,new,\nU-2,kp,,\nU-2,kp,,\n"

    for existing, changed in (("keep", [0, 1, 0, 1]), ("update", [0, 1, 1, 0])):
        job = run(files, text, on_existing=existing, on_missing="refuse")

        key = "license__license_key"
        assert faults(files, job) == [(2, key, "no_such_record"), (3, key, "no_such_record")]
        assert counts(job, *CREATED) == changed
    assert files.license_count() == 1


def test_existing_records_can_be_refused(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    before = stored(files, "U-1")

    job = run(files, f"{LICENSES}\nU-1,kp,new,\nU-2,kp,,\nU-2,kp,,\n", on_existing="refuse")

    assert faults(files, job) == [(1, "license__license_key", "already_exists")]
    assert counts(job, *CREATED) == [1, 1, 0, 1]
    assert stored(files, "U-1") == before


def test_customers_are_updated_by_their_email(files: Files) -> None:
    ana = {"email": "ana@x.test", "first_name": "Ana", "reference": "r-1", "city": "Jaca"}
    assert files.shop.post("/customers/", ana).status == 201
    text = (
        "email,first_name,reference,city\nANA@x.test,Anna,r-2,\\N\nben@x.test,Ben,,\n,Cleo,r-9,\n"
        "ana@x.test,Other,,\n\\N,Dora,,\n"
    )

    job = run(files, text, "customers")

    assert faults(files, job) == [
        (3, "email", "no_key_to_match"),
        (4, "email", "duplicate_in_file"),
        (5, "email", "required"),
    ]
    names = "created_customers", "existed_customers", "updated_customers", "unchanged_customers"
    assert counts(job, *names) == [1, 1, 1, 0]
    (found,) = files.shop.get("/customers/", "reference=r-2").json()["results"]
    assert (found["first_name"], found["city"], found["email"]) == ("Anna", None, "ana@x.test")
    assert files.shop.get("/customers/", "reference=r-1").json()["results"] == []
    assert counts(run(files, text, "customers"), *names) == [0, 2, 0, 2]


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"on_existing": "refuse"}, [(1, "email", "already_exists")]),
        ({"on_existing": "keep", "on_missing": "refuse"}, [(2, "email", "no_such_record")]),
    ],
)
def test_customers_can_be_refused(
    files: Files, options: dict[str, str], codes: list[tuple[int, str, str]]
) -> None:
    assert files.shop.post("/customers/", {"email": "ana@x.test"}).status == 201

    job = run(files, "email,first_name\nana@x.test,Ana\nben@x.test,Ben\n", "customers", **options)

    assert faults(files, job) == codes
    created = int(options["on_existing"] == "refuse")
    assert counts(job, "created_customers", "existed_customers") == [created, 1 - created]
    assert files.shop.get("/customers/").json()["count"] == 1 + created


def test_features_are_updated_by_license_key_and_code(files: Files) -> None:
    files.shop.order_one(
        license={
            "key": "U-1",
            "product_features": [
                {"code": "credits", "max_consumption": 5, "expiry_date": "2030-01-01"}
            ],
        }
    )
    text = (
        "license_key,code,max_consumption,expiry_date\nU-1,credits,7,\nU-1,f1,,\nU-1,credits,8,\n"
    )
    names = [f"{each}_license_features" for each in ("created", "existed", "updated", "unchanged")]

    job = run(files, text, "license-features")

    assert faults(files, job) == [(3, "code", "duplicate_in_file")]
    assert counts(job, *names) == [1, 1, 1, 0]
    grants = {each["code"]: each for each in stored(files, "U-1")["product_features"]}
    assert grants["credits"] == {
        "code": "credits",
        "max_consumption": 7,
        "expiry_date": "2030-01-01",
        "applied_rows": ["import 1#1"],
        "changed_by": "import 1#1",
        "changed_from": {"job": 1, "fields": {"max_consumption": 5}},
    }
    before = stored(files, "U-1")
    assert counts(run(files, text, "license-features"), *names) == [0, 2, 0, 2]
    assert stored(files, "U-1") == before
    cleared = run(files, "license_key,code,expiry_date\nU-1,credits,\\N\n", "license-features")
    assert counts(cleared, *names) == [0, 1, 1, 0]
    assert "expiry_date" not in stored(files, "U-1")["product_features"][0]


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"on_existing": "refuse"}, [(1, "code", "already_exists")]),
        ({"on_existing": "keep", "on_missing": "refuse"}, [(2, "code", "no_such_record")]),
        ({"on_missing": "refuse"}, [(2, "code", "no_such_record")]),
    ],
)
def test_features_can_be_refused(
    files: Files, options: dict[str, str], codes: list[tuple[int, str, str]]
) -> None:
    files.shop.order_one(license={"key": "U-1", "product_features": ["f1"]})

    text = "license_key,code\nU-1,f1\nU-1,f2\n"
    job = run(files, text, "license-features", **options)

    assert faults(files, job) == codes


def test_a_copied_file_names_its_options_in_its_metadata(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    options = {"on-existing": "Update", "on-missing": "refuse"}

    job = files.imported(f"{LICENSES}\nU-1,kp,new,\nU-2,kp,,\n", metadata=options)

    assert (job.on_existing, job.on_missing) == ("update", "refuse")
    assert counts(job, *CREATED) == [0, 1, 1, 0]
    assert faults(files, job) == [(2, "license__license_key", "no_such_record")]
    shown = files.shown(job)
    assert (shown["on_existing"], shown["on_missing"]) == ("update", "refuse")


@pytest.mark.parametrize(
    ("name", "supported"),
    [("on-existing", "'keep', 'update' or 'refuse'"), ("on-missing", "'create' or 'refuse'")],
)
def test_an_unknown_option_of_a_copied_file_is_refused(
    files: Files, name: str, supported: str
) -> None:
    job = files.imported(f"{LICENSES}\nU-1,kp,,\n", metadata={name: "maybe"})

    assert job.refusal is not None
    assert job.refusal.code == "invalid_metadata"
    assert f"x-amz-meta-{name}: 'maybe'; supported: {supported}" in job.refusal.message


def test_a_change_by_request_removes_what_an_import_noted_and_keeps_its_row(files: Files) -> None:
    files.shop.order_one(license={"key": "U-1"})
    run(files, f"{LICENSES}\nU-1,kp,new,\n")
    item = stored(files, "U-1")

    assert files.shop.post(f"/licenses/{item['id']}/disable/").status == 200

    after = stored(files, "U-1")
    assert not {"changed_by", "changed_from"} & {*after}
    assert after["applied_rows"] == ["import 1#1"]


def crash(files: Files, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an import whose worker writes the rows, and ends before it has stored the result."""
    event = files.prepared(text, **UPDATE)
    with monkeypatch.context() as dying:
        dying.setattr(import_chunk, "report_batch", lambda *_, **__: 1 // 0)
        with pytest.raises(Crashed):
            files.run(event)


def test_a_row_that_runs_again_does_not_overwrite_a_later_change(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.shop.order_one(license={"key": "U-1"})
    crash(files, f"{LICENSES}\nU-1,kp,new,\n", monkeypatch)
    item = stored(files, "U-1")
    assert item["note"] == "new"
    assert files.shop.patch(f"/licenses/{item['id']}/", {"note": "later"}).status == 200

    files.by_machine()

    job = files.last()
    assert (job.state, counts(job, *CREATED)) == ("succeeded", [0, 1, 1, 0])
    assert stored(files, "U-1")["note"] == "later"


def test_a_row_that_runs_again_does_not_create_the_deleted_license_that_it_had_updated(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.shop.order_one(license={"key": "U-1"})
    crash(files, f"{LICENSES}\nU-1,kp,new,\n", monkeypatch)
    assert files.shop.delete(f"/licenses/{stored(files, 'U-1')['id']}/").status == 204

    files.by_machine()

    job = files.last()
    assert (job.state, counts(job, *CREATED)) == ("succeeded", [0, 1, 1, 0])
    assert files.shop.get("/licenses/", "license_key=U-1").json()["count"] == 0


def test_a_row_decides_again_when_its_record_changes(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.shop.order_one(license={"key": "U-1"})
    change_between(files, monkeypatch, times=1)

    job = run(files, f"{LICENSES}\nU-1,kp,new,\n")

    assert counts(job, *CREATED) == [0, 1, 1, 0]
    item = stored(files, "U-1")
    assert (item["note"], item["subscription_id"]) == ("new", "s1")


def test_a_record_that_always_changes_is_an_error_after_eight_tries(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.shop.order_one(license={"key": "U-1"})
    change_between(files, monkeypatch, times=20)

    job = run(files, f"{LICENSES}\nU-1,kp,new,\n")

    assert faults(files, job) == [(1, "", "changed_meanwhile")]
    item = stored(files, "U-1")
    assert ("note" in item, item["subscription_id"]) == (False, "s9")


def test_a_change_keeps_at_most_16_kb_of_earlier_values(files: Files) -> None:
    metadata = {f"k{n}": "x" * 250 for n in range(63)}
    files.shop.order_one(license={"key": "U-1", "metadata": metadata, "note": "y" * 900})
    columns = "license__license_key,product__short_code,license__metadata,license__note"

    job = run(files, f"{columns}\nU-1,kp,\\N,\\N\n")

    assert faults(files, job) == [(1, "", "record_too_large")]


def change_between(files: Files, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Change the license by request between the first reads and writes of a row."""
    id, done = stored(files, "U-1")["id"], Counter[str]()
    monkeypatch.setattr(update_records, "pause", lambda _: 0)

    def decided(*args: Any) -> Any:
        change = decide(*args)
        if done["changes"] < times:
            done["changes"] += 1
            value = {"subscription_id": f"s{done['changes']}"}
            assert files.shop.patch(f"/licenses/{id}/", value).status == 200
        return change

    decide = row_updates.license_change
    monkeypatch.setattr(update_records, "license_change", decided)
