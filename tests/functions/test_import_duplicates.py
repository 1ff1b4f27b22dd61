"""Rows with the key of another row or of an older record, and other content."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.column_mapping import ColumnMapping
from shared.csv_format.dialect import Dialect
from shared.import_header import check_header
from shared.import_job import ImportJob, requeue, transition
from shared.store.import_jobs import put_job
from shared.workflows import import_bundles, import_chunk
from tests.functions.import_files import Files, counts

LICENSES = "license__license_key,product__short_code,license__max_activations,customer__email"
FEATURES = "license_key,code,max_consumption"
CREATED = ("valid", "created_licenses", "existed_licenses")
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 3)


def rows(files: Files, job: ImportJob, outcome: str) -> list[dict[str, Any]]:
    return files.rows(job, f"outcome={outcome}")


def found(files: Files, job: ImportJob, outcome: str) -> list[tuple[int, str, str]]:
    """Row, column and code of all that was found in rows with an outcome."""
    name = "warnings" if outcome == "warning" else "errors"
    return [
        (row["row"], each["column"], each["code"])
        for row in rows(files, job, outcome)
        for each in row[name]
    ]


def test_one_key_with_other_content_is_an_error_that_names_the_first_row(files: Files) -> None:
    text = f"{LICENSES}\nT-1,kp,1,ana@x.test\nT-1,up2,9,ben@x.test\nT-2,kp,1,\n"
    text = text.replace("up2", "cp")

    job = files.imported(text)

    assert (job.state, counts(job, *CREATED)) == ("completed_with_errors", [2, 2, 0])
    (row,) = rows(files, job, "failed")
    (fault,) = row["errors"]
    assert (row["row"], row["line"], row["outcome"]) == (2, 3, "failed")
    assert fault["column"] == "license__license_key"
    assert (fault["code"], fault["value"]) == ("duplicate_in_file", "T-1")
    assert "row 1 of this file" in fault["message"]
    assert "product__short_code 'kp' instead of 'cp'" in fault["message"]
    (stored,) = files.shop.get("/licenses/", "license_key=T-1").json()["results"]
    assert stored["product"]["short_code"] == "kp"
    assert counts(job, "created_customers", "created_orders") == [1, 2]
    assert "T-1,cp,9,ben@x.test,2,duplicate_in_file" in files.failed_csv(job)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("license__note,a", "license__note,b"),
        ("license__note,a", "license__note,"),
        ("license__subscription_id,a", "license__subscription_id,b"),
        ("license__enabled,1", "license__enabled,0"),
        ("license__license_type,perpetual", "license__license_type,consumption"),
        ("order__store_id,o-1", "order__store_id,o-2"),
        ("order__store_id,o-1", "order__store_id,"),
        ("customer__email,ana@x.test", "customer__email,ben@x.test"),
        ("customer__email,ana@x.test", "customer__email,"),
        ("customer__company_name,Acme", "customer__company_name,Globex"),
        (f"license__note,{'n' * 200}a", f"license__note,{'n' * 200}b"),
        ('license__metadata,"{""a"": 1}"', 'license__metadata,"{""a"": true}"'),
        ("order__store_id,import-x", "order__store_id,"),
    ],
)
@pytest.mark.parametrize("between", [0, 4])
def test_every_column_tells_rows_with_one_key_apart(
    files: Files, first: str, second: str, between: int
) -> None:
    column, value = first.split(",", 1)
    others = "".join(f"O-{n},kp,\n" for n in range(between))
    text = f"license__license_key,product__short_code,{column}\nK-1,kp,{value}\n{others}"
    text += f"K-1,kp,{second.split(',', 1)[1]}\n"

    tried = files.requested(text, dry_run=True)
    job = files.imported(text)
    again = files.imported(text, name="b.csv")

    expected = [(2 + between, "license__license_key", "duplicate_in_file")]
    assert [found(files, each, "failed") for each in (tried, job, again)] == [expected] * 3
    assert tried.counts == job.counts
    assert again.counts["created_licenses_count"] == 0


@pytest.mark.parametrize("between", [0, 4])
def test_rows_that_say_the_same_exist(files: Files, between: int) -> None:
    text = "license__license_key,product__short_code,license__max_activations,customer__last_name"
    text += ",license__metadata,license__start_date,license__max_transfers\n"
    others = "".join(f"O-{n},kp,,,,,\n" for n in range(between))
    own = '"{""a"": [1.50, {""b"": null}]}",2026-02-03,'
    text += f"K-1,kp,1,Peña,{own}0\n{others}K-1,kp,,Peña,{own}\n"  # 1 and 0 are the defaults

    job = files.imported(text)

    assert job.state == "succeeded"
    assert counts(job, *CREATED) == [2 + between, 1 + between, 1]


def test_long_values_are_shown_where_they_differ(files: Files) -> None:
    header, note = "license__license_key,product__short_code,license__note", "n" * 300

    job = files.imported(f"{header}\nK-1,kp,{note}a{note}\nK-1,kp,{note}b{note}\n")

    (row,) = rows(files, job, "failed")
    (fault,) = row["errors"]
    assert f"'…{note[:20]}a{note[:18]}' instead of '…{note[:20]}b{note[:18]}'" in fault["message"]


def test_duplicates_in_other_ranges_are_refused_once(machine: Files) -> None:
    """Whichever range writes first has the license; the other row is compared with it."""
    lines = [f"N-{n:04},kp,{n},c{n}@x.test" for n in range(150)]
    lines += ["N-0003,kp,77,x@x.test", "N-0004,kp,4,c4@x.test"]
    machine.run(machine.drop(LICENSES + "\n" + "\n".join(lines) + "\n"))

    machine.by_machine(again=True)

    job = machine.last()
    assert counts(job, *CREATED) == [151, 150, 1]
    assert found(machine, job, "failed") == [(4, "license__license_key", "duplicate_in_file")]
    assert "row 151 of this file" in rows(machine, job, "failed")[0]["errors"][0]["message"]
    assert "N-0003,kp,3,c3@x.test,4,duplicate_in_file" in machine.failed_csv(job)


@pytest.mark.parametrize("step", ["decide", "finish"])
def test_duplicates_are_refused_also_by_a_step_that_a_retry_repeats(
    machine: Files, step: str
) -> None:
    """A retry queues the import and redrives the step that failed."""
    lines = [f"N-{n:04},kp,{n},c{n}@x.test" for n in range(150)]
    text = "\n".join([LICENSES, *lines, "N-0003,kp,77,x@x.test", ""])
    options = {"on_error": "reject_all"} if step == "decide" else {}
    machine.run(machine.prepared(text, **options))
    (phase, *_) = machine.step("plan")["passes"]
    for chunk in reversed(machine.chunks()):
        machine.chunk(chunk, phase)
    job = machine.last()
    assert put_job(transition(job, "failed", now=NOW), job)
    failed = machine.last()
    assert put_job(requeue(failed, now=NOW), failed)

    machine.step(step)
    if step == "decide":
        machine.step("finish")

    job = machine.last()
    assert job.state == ("rejected" if step == "decide" else "completed_with_errors")
    (row,) = rows(machine, job, "failed")
    assert row["errors"][0]["code"] == "duplicate_in_file"


@pytest.mark.parametrize("options", [{"dry_run": True}, {"on_error": "reject_all"}])
def test_what_is_only_checked_has_the_first_row_of_the_file(
    machine: Files, options: dict[str, Any]
) -> None:
    lines = [f"N-{n:04},kp,{n},c{n}@x.test" for n in range(150)]
    lines += ["N-0003,kp,77,x@x.test", "N-0004,kp,4,c4@x.test", "N-0003,kp,3,c3@x.test"]
    machine.run(machine.prepared(LICENSES + "\n" + "\n".join(lines) + "\n", **options))

    machine.by_machine(again=True)

    job = machine.last()
    assert job.state == ("rejected" if "on_error" in options else "completed_with_errors")
    assert found(machine, job, "failed") == [(151, "license__license_key", "duplicate_in_file")]
    assert "row 4 of this file" in rows(machine, job, "failed")[0]["errors"][0]["message"]
    assert "N-0003,kp,77,x@x.test,151,duplicate_in_file" in machine.failed_csv(job)
    assert (job.counts["total_row_count"], job.counts["valid_row_count"]) == (153, 152)
    assert machine.license_count() == 0


def test_one_refused_duplicate_rejects_a_small_file_too(files: Files) -> None:
    text = f"{LICENSES}\nK-1,kp,1,\nK-2,kp,1,\nK-3,kp,1,\nK-4,kp,1,\nK-1,kp,2,\n"

    job = files.requested(text, on_error="reject_all")

    assert (job.state, files.license_count()) == ("rejected", 0)
    assert found(files, job, "failed") == [(5, "license__license_key", "duplicate_in_file")]


def test_an_older_license_with_other_content_is_counted_and_shown(files: Files) -> None:
    files.shop.order_one(id="o-1", license={"key": "OLD-1"}, customer={"email": "ana@x.test"})

    job = files.imported(f"{LICENSES},license__note\nOLD-1,kp,9,ben@x.test,\nNEW-1,kp,,,\n")

    assert (job.state, counts(job, *CREATED, "warnings")) == ("succeeded", [2, 1, 1, 1])
    assert rows(files, job, "warning") == [
        {
            "row": 1,
            "line": 2,
            "outcome": "warning",
            "warnings": [
                {
                    "column": "license__max_activations",
                    "code": "differs_from_existing",
                    "message": "the existing license has '1', which stays",
                    "value": "9",
                },
                {
                    "column": "customer__email",
                    "code": "differs_from_existing",
                    "message": "the existing license has 'ana@x.test', which stays",
                    "value": "ben@x.test",
                },
            ],
        }
    ]


def test_the_same_file_again_has_no_warnings(files: Files) -> None:
    text = "license__license_key,product__short_code,license__valid_duration,license__note,"
    text += "license__license_type,order__store_id,order__is_test,customer__company_name\n"
    text += "A-1,kp,1y,n,time-limited,,false,Acme\nA-2,kp,,,,o-1,true,Acme\nA-3,kp,,,,o-1,,\n"
    files.imported(text)

    job = files.imported(text, name="b.csv")

    assert counts(job, *CREATED, "warnings") == [3, 0, 3, 0]
    assert files.shop.get("/customers/").json()["count"] == 2


@pytest.mark.parametrize("between", [0, 4])
@pytest.mark.parametrize(
    "text",
    [
        "email,first_name\nana@x.test,Ana\n{}ANA@x.test,Anne\n",
        "reference,first_name\ncrm-1,Ana\n{}crm-1,Anne\n",
        "email,first_name\nana@x.test,Ana\n{}ana@x.test,\n",
    ],
)
def test_one_customer_with_other_content_is_an_error(files: Files, between: int, text: str) -> None:
    text = text.format("".join(f"x{n}@x.test,X\n" for n in range(between)))

    tried = files.requested(text, "customers", dry_run=True)
    job = files.imported(text, "customers")

    for each in (tried, job):
        ((row, _, code),) = found(files, each, "failed")
        assert (row, code) == (2 + between, "duplicate_in_file")
        assert counts(each, "created_customers", "existed_customers") == [1 + between, 0]


def test_the_first_row_of_a_customer_wins_whatever_ran_first(machine: Files) -> None:
    lines = [f"c{n:03}@x.test,Ana {n}" for n in range(150)]
    lines += ["c003@x.test,Anne", "c004@x.test,Ana 4"]
    text = "email,first_name\n" + "\n".join(lines) + "\n"
    machine.run(machine.drop(text, "customers"))

    machine.by_machine(again=True)

    job = machine.last()
    assert found(machine, job, "failed") == [(151, "email", "duplicate_in_file")]
    message = rows(machine, job, "failed")[0]["errors"][0]["message"]
    assert message == "row 4 of this file has the same e-mail with other values"
    assert counts(job, "created_customers", "existed_customers") == [150, 1]


def test_an_older_customer_with_other_content_is_shown(files: Files) -> None:
    files.imported("email,first_name\nana@x.test,Ana\n", "customers")

    job = files.imported("email,first_name,city\nana@x.test,Anne,\n", "customers", "b.csv")

    assert found(files, job, "warning") == [(1, "first_name", "differs_from_existing")]
    assert counts(job, "created_customers", "existed_customers") == [0, 1]


@pytest.mark.parametrize("between", [0, 4])
def test_one_feature_with_other_content_is_an_error(files: Files, between: int) -> None:
    others = "".join(f"K-{n},f1,7\n" for n in range(1, between + 1))
    for n in range(between + 1):
        files.shop.order_one(id=f"o-{n}", license={"key": f"K-{n}"})
    text = f"{FEATURES}\nK-0,f1,5\n{others}K-0,f1,6\n"

    tried = files.requested(text, "license-features", dry_run=True)
    job = files.imported(text, "license-features")
    again = files.imported(text, "license-features", "b.csv")

    for each in (tried, job):
        assert found(files, each, "failed") == [(2 + between, "code", "duplicate_in_file")]
        assert counts(each, "created_license_f", "existed_license_f") == [1 + between, 0]
    assert found(files, again, "failed") == [(2 + between, "code", "duplicate_in_file")]
    assert found(files, again, "warning") == []


@pytest.mark.parametrize("values", ["ABAB", "ABBA", "AABC"])
def test_one_feature_in_several_ranges_is_added_once(machine: Files, values: str) -> None:
    """Ranges of three rows run from the last to the first, each twice."""
    machine.patch.setenv("IMPORT_CHUNK_BYTES", "600")
    monthly = {"A": "5,monthly", "B": "6,monthly", "C": "5,daily"}
    keys = [f"K-{n:0200}" for n in range(12)]
    for key in keys:
        machine.shop.order_one(id=key[-20:], license={"key": key})
    lines = [f"{key},f1,1," for key in keys]
    for at, value in enumerate(values):
        lines[3 * at] = f"{keys[0]},f1,{monthly[value]}"
    text = "\n".join([f"{FEATURES},consumption_period", *lines, ""])
    machine.run(machine.drop(text, "license-features"))

    machine.by_machine(again=True)

    job, holder = machine.last(), values[-1]
    refused = [3 * at + 1 for at, value in enumerate(values) if value != holder]
    assert found(machine, job, "failed") == [(row, "code", "duplicate_in_file") for row in refused]
    assert all("row 10 of" in each["errors"][0]["message"] for each in rows(machine, job, "failed"))
    made = counts(job, "created_license_f", "existed_license_f")
    assert made == [9, values[:-1].count(holder)]
    assert sum(made) + len(refused) == len(lines)


BUNDLE = "license__license_key,product__short_code\nB-1,bnd\nB-1,p1\nB-1,p2\nB-2,p1\n"


def test_the_rows_of_a_bundle_are_refused_clearly(files: Files) -> None:
    job = files.imported(BUNDLE)

    code = ("product__short_code", "bundle_members_missing")
    assert found(files, job, "failed") == [(row, *code) for row in (1, 2, 3)]
    assert counts(job, *CREATED) == [1, 1, 0]
    assert files.failed_csv(job).count("B-1") == 3


HEADER, BUNDLE_ROW = "license__license_key,product__short_code", "B-1,bnd"
MEMBERS = ["B-1,p1", "B-1,p2"]
OTHERS = [f"K-{n:040},p1" for n in range(40)]
REFUSED = ("product__short_code", "bundle_members_missing")


@pytest.mark.parametrize(
    "first",
    [[MEMBERS[0]], [*MEMBERS], [BUNDLE_ROW]],
    ids=lambda rows: f"{len(rows)} first",
)
@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"on_error": "reject_all"}])
@pytest.mark.parametrize("where", ["inline", "distributed"])
def test_the_rows_of_a_bundle_in_several_batches_are_refused(
    files: Files,
    first: list[str],
    options: dict[str, Any],
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest = [row for row in (BUNDLE_ROW, *MEMBERS) if row not in first]
    text = "\n".join([HEADER, *first, *OTHERS, *rest, ""])
    if where == "distributed":
        monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    files.run(files.prepared(text, **options))
    if where == "distributed":
        files.by_machine(again=True)

    job = files.last()
    expected = [n + 1 for n in range(len(first))] + [41 + len(first) + n for n in range(len(rest))]
    assert found(files, job, "failed") == [(row, *REFUSED) for row in expected]
    assert counts(job, *CREATED) == [40, 40, 0]
    assert files.license_count() == (0 if options else 40)
    assert files.failed_csv(job).count("B-1") == 3


@pytest.mark.parametrize(
    "bundle",
    ["B-1,bnd,nine", " B-1 ,\u200bbnd\u00a0,1", "'=B-1,bnd,1,surplus", '"B-1","bnd",1'],
    ids=["with a fault", "with blanks", "with a cell too many", "quoted"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_the_members_of_a_bundle_with_an_odd_row_are_refused(
    machine: Files, bundle: str, encoding: str
) -> None:
    bundle = bundle.replace("\u200b", "") if encoding == "windows-1252" else bundle
    key = "'=B-1" if "surplus" in bundle else "B-1"
    others = [f"{row},1" for row in OTHERS]
    text = "\n".join([f"{HEADER},license__max_activations", f"{key},p1,1", *others, bundle, ""])
    machine.run(machine.drop(text.encode({"windows-1252": "cp1252"}.get(encoding, encoding))))

    machine.by_machine()

    job = machine.last()
    assert (1, *REFUSED) in found(machine, job, "failed")
    assert counts(job, *CREATED) == [40, 40, 0]


def test_a_code_with_accents_is_found_as_well(machine: Files) -> None:
    product = {"product_name": "Écran", "short_code": "é-1", "bundle_products": ["p1"]}
    assert machine.shop.post("/products/", {**product, "is_bundle": True}).status == 201
    text = "\n".join([HEADER, "B-1,p1", *OTHERS, "B-1,e\u0301-1", ""])
    machine.run(machine.drop(text))

    machine.by_machine()

    assert found(machine, machine.last(), "failed") == [(1, *REFUSED), (42, *REFUSED)]


def test_a_bundle_made_while_the_file_is_planned_is_found(machine: Files) -> None:
    def meanwhile(job: ImportJob, dialect: Dialect, mapping: ColumnMapping) -> None:
        product = {"product_name": "B", "short_code": "bnd2", "bundle_products": ["p1"]}
        assert machine.shop.post("/products/", {**product, "is_bundle": True}).status == 201
        check_header(job, dialect, mapping)

    machine.patch.setattr("shared.workflows.import_lifecycle.check_header", meanwhile)
    machine.run(machine.drop("\n".join([HEADER, "B-1,p1", *OTHERS, "B-1,bnd2", ""])))

    machine.by_machine()

    assert found(machine, machine.last(), "failed") == [(1, *REFUSED), (42, *REFUSED)]


def test_too_many_bundles_are_refused_before_anything_is_written(machine: Files) -> None:
    machine.patch.setattr(import_bundles, "MOST_KEYS", 2)
    machine.run(machine.drop("\n".join([HEADER, *OTHERS, "B-1,bnd", "B-2,bnd", "B-3,bnd", ""])))

    machine.by_machine()

    job = machine.last()
    assert (job.state, machine.license_count()) == ("failed", 0)
    assert job.refusal is not None
    assert job.refusal.code == "too_many_bundles"
    assert "more than 2 bundles. Cut it before this line" in job.refusal.message


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_rows_of_a_bundle_that_exists_change_nothing(files: Files, batch: int) -> None:
    files.patch.setattr(import_chunk, "BATCH_ROWS", batch)
    members = [{"product_code": "p1", "policy_code": "std"}, {"product_code": "p2"}]
    members[1]["license_template_code"] = "pro"
    bundle = {"key": "B-1", "products": members}
    reply = files.shop.order(is_bundle=True, items=[{"product_code": "bnd", "licenses": [bundle]}])
    assert reply.status == 200, reply.text
    order = files.shop.get("/orders/").json()["results"][0]
    exported = files.shop.get(f"/orders/{order['id']}/export/").text
    assert exported.count("\nB-1,") == 3, exported

    job = files.imported(exported)

    assert (job.state, counts(job, *CREATED)) == ("succeeded", [3, 0, 3])
    assert rows(files, job, "warning") == []


def test_a_customer_without_email_is_the_same_when_its_file_comes_again(files: Files) -> None:
    text = "first_name,company_name\nAna,Acme\nBen,Acme\n"

    files.imported(text, "customers")
    job = files.imported(text, "customers", "b.csv")

    assert counts(job, "created_customers", "existed_customers") == [0, 2]
    assert files.shop.get("/customers/").json()["count"] == 2


def test_a_customer_without_email_is_known_by_reference(files: Files) -> None:
    files.imported("reference,city\ncrm-1,Bonn\n", "customers")
    text = "license__license_key,product__short_code,customer__reference,customer__city\n"

    files.imported(f"{text}K-1,kp,crm-1,Bonn\nK-2,kp,crm-1,Bonn\nK-3,kp,crm-2,\n")

    assert files.shop.get("/customers/").json()["count"] == 2


def test_rows_of_one_order_share_its_customer(files: Files) -> None:
    files.shop.order_one(id="o-1", customer={"company_name": "Acme"})
    text = "license__license_key,product__short_code,order__store_id,customer__company_name\n"

    job = files.imported(f"{text}K-1,kp,o-1,Acme\nK-2,kp,o-1,Acme\nK-3,kp,o-1,Other\n")

    assert files.shop.get("/customers/").json()["count"] == 1
    assert found(files, job, "warning") == [(3, "customer__company_name", "differs_from_existing")]


TWO = "license__license_key,product__short_code,order__store_id,customer__email\n"


@pytest.mark.parametrize("between", [0, 4])
def test_another_customer_under_one_order_is_shown_and_exported(files: Files, between: int) -> None:
    others = "".join(f"O-{n},kp,,\n" for n in range(between))

    job = files.imported(f"{TWO}TWO-1,kp,two,ana@x.test\n{others}TWO-2,kp,two,ben@x.test\n")

    assert found(files, job, "warning") == [(2 + between, "customer__email", "another_customer")]
    order = files.shop.get("/orders/", "store_id=two").json()["results"][0]
    exported = files.shop.get(f"/orders/{order['id']}/export/").text.splitlines()
    owners = {line.split(",")[0]: line for line in exported[1:]}
    assert "ana@x.test" in owners["TWO-1"]
    assert "ben@x.test" in owners["TWO-2"]


def test_a_license_without_a_customer_is_exported_without_one(files: Files) -> None:
    """Its order has a customer; the file comes back without a warning."""
    files.imported(f"{TWO}ONE-1,kp,one,ana@x.test\nONE-2,kp,one,\n")
    order = files.shop.get("/orders/", "store_id=one").json()["results"][0]
    exported = files.shop.get(f"/orders/{order['id']}/export/").text

    job = files.imported(exported, name="back.csv")

    assert exported.count("ana@x.test") == 1
    assert (job.state, counts(job, *CREATED, "warnings")) == ("succeeded", [2, 0, 2, 0])


def test_a_row_for_an_order_of_another_customer_is_shown(files: Files) -> None:
    files.shop.order_one(id="o-1", customer={"email": "ana@x.test"})

    job = files.imported(f"{TWO}K-1,kp,o-1,ben@x.test\n")

    assert found(files, job, "warning") == [(1, "customer__email", "another_customer")]


def test_what_may_be_damage_is_imported_with_a_warning(files: Files) -> None:
    text = "license__license_key,product__short_code,customer__company_name,License__Note\n"
    text += "482913374650128000,kp,Acme,\nSND-2,kp,#VIP!,\nSND-3,kp,#VIP!,1900000000000000000\n"

    job = files.imported(text)

    code = "looks_like_spreadsheet_damage"
    assert (job.state, counts(job, "created_licenses", "warnings")) == ("succeeded", [3, 3])
    assert found(files, job, "warning") == [
        (1, "license__license_key", code),
        (2, "customer__company_name", code),
        (3, "License__Note", code),
        (3, "customer__company_name", code),
    ]


def test_a_million_warnings_stay_bounded(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row has at most ten warnings with cut texts, and a page has a bound in bytes."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "1000000")
    names = [*("first_name", "last_name", "company_name", "phone", "reference", "address")]
    names += [*("postcode", "state", "city", "country")]
    header = ",".join(["email", *names])
    old, new = (",".join([text] * len(names)) for text in ("a" * 250, "b" * 250))
    emails = [f"c{n}@x.test" for n in range(40)]
    files.imported(header + "\n" + "".join(f"{e},{old}\n" for e in emails), "customers")

    job = files.imported(
        f"{header},x\n" + "".join(f"{e},{new}\n" for e in emails), "customers", "b.csv"
    )

    listed = rows(files, job, "warning")
    assert (len(listed), job.counts["warnings"]) == (40, 40)
    assert all(len(row["warnings"]) == 10 for row in listed)
    assert len(json.dumps(listed[0])) < 10_000


def test_rows_are_listed_page_by_page(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{LICENSES}\n" + "".join(f"48291337465012{n}000,kp,,\n" for n in range(7))
    job = files.imported(text)
    path, seen, query = f"/imports/{job.number}/rows/", [], "outcome=warning&limit=2"
    for _ in range(4):
        listed = files.shop.get(path, query).json()
        assert listed["count"] == 7
        seen += [row["row"] for row in listed["results"]]
        query = (listed["next"] or "").partition("?")[2]
    assert (seen, query) == ([1, 2, 3, 4, 5, 6, 7], "")

    monkeypatch.setattr("functions.import_rows.PAGE_BYTES", 1000)
    listed = files.shop.get(path, "outcome=warning").json()
    assert 0 < len(listed["results"]) < 7


@pytest.mark.parametrize("query", ["outcome=made", "outcome=warning&limit=0"])
def test_an_outcome_must_be_known(files: Files, query: str) -> None:
    job = files.imported(f"{LICENSES}\nK-1,kp,,\n")

    reply = files.shop.get(f"/imports/{job.number}/rows/", query)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")
