"""Bundles from a file: the bundle and its members are created together, or not at all."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.row_entries import Import, LicenseEntry
from shared.workflows import import_chunk
from shared.workflows.row_bundles import RowBundles
from tests.functions.exporter import Exporter
from tests.functions.exporter import rows_of as csv_rows
from tests.functions.import_files import Files
from tests.functions.shop import Shop, stocked_shop
from tests.functions.test_import_plan import committed, planned, rows
from tests.functions.test_import_updates import faults
from tests.functions.test_import_users import imported
from tests.functions.test_undo import by, shown, undone
from tests.shared.value_import import NOW, read_rows

__all__ = ["by"]
HEAD = (
    "license__license_key,license__bundle_key,product__short_code,license__policy_code,"
    "order__store_id,customer__email"
)


def rows_of(key: str, *codes: str, order: str = "o-1", email: str = "ana@x.test") -> str:
    policies = {"p1": "std", "p2": "std"}
    return "".join(f"{key},{key},{c},{policies.get(c, '')},{order},{email}\n" for c in codes)


BUNDLE = rows_of("B-1", "bnd", "p1", "p2")
ONE = f"{HEAD}\n{BUNDLE}"
CREATED, UNCHANGED = "created_licenses_count", "unchanged_licenses_count"


def order_bundle(shop: Shop, key: str, **order: Any) -> None:
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "key": key, "licenses": members}]
    reply = shop.order(is_bundle=True, items=items, **order)
    assert reply.status == 200, reply.text


def licenses(shop: Shop) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The licenses by key and product."""
    found = shop.get("/licenses/", "limit=100").json()["results"]
    return {(each["license_key"], each["product"]["short_code"]): each for each in found}


def test_a_bundle_from_a_file_is_that_of_an_order(files: Files, by: str) -> None:
    job = imported(files, ONE, by)

    assert job.state == "succeeded", files.errors(job)
    assert (job.counts[CREATED], job.counts["created_orders_count"]) == (3, 1)
    ours = licenses(files.shop)
    assert {key for key, _ in ours} == {"B-1"}
    other = stocked_shop("other")
    order_bundle(other, "B-1", id="o-1", customer={"email": "ana@x.test"})
    theirs = licenses(other)
    assert ours.keys() == theirs.keys()
    bundle = ours["B-1", "bnd"]["id"]
    assert [ours["B-1", code]["bundle_license"] for code in ("bnd", "p1", "p2")] == [
        None,
        bundle,
        bundle,
    ]
    shown_terms = ("license_type", "max_activations", "valid_duration", "policy_code")
    for place, lic in ours.items():
        assert [lic.get(name) for name in shown_terms] == [
            theirs[place].get(name) for name in shown_terms
        ]


@pytest.mark.parametrize(
    ("torn", "problem"),
    [
        (rows_of("B-1", "p1", "p2"), "no row with this key and a bundle as its product"),
        (rows_of("B-1", "bnd", "p1"), "; no row of p2 creates a license"),
        (rows_of("B-1", "bnd", "p1", "p2", "kp"), "; kp is not a member"),
        (rows_of("B-1", "bnd", "p1") + rows_of("B-1", "p2", order="o-2"), "same order__store_id"),
        (rows_of("B-1", "bnd", "p1", "p2", order=""), "same order__store_id"),
        (
            rows_of("B-1", "bnd", "p1") + rows_of("B-1", "p2", email="ben@x.test"),
            "the same customer in each row",
        ),
    ],
    ids=[
        "no bundle",
        "no member",
        "another product",
        "another order",
        "no order",
        "another customer",
    ],
)
def test_a_bundle_that_is_not_whole_says_what_is_missing(
    files: Files, torn: str, problem: str
) -> None:
    job = files.imported(f"{HEAD}\n{torn}K-1,,kp,,o-1,ana@x.test\n")

    messages = {fault["message"] for row in files.errors(job) for fault in row["errors"]}
    assert len(messages) == 1
    assert problem in messages.pop()
    expected = ("license__bundle_key", "bundle_members_missing")
    assert [each[1:] for each in faults(files, job)] == [expected] * torn.count("\n")
    assert [*licenses(files.shop)] == [("K-1", "kp")]


def test_a_bundle_with_an_invalid_row_is_not_created(files: Files) -> None:
    head = f"{HEAD},license__max_activations"
    invalid = "B-1,B-1,bnd,,o-1,,\nB-1,B-1,p1,,o-1,,x\nB-1,B-1,p2,,o-1,,\n"

    job = files.imported(f"{head}\n{invalid}")

    assert [code for _, _, code in faults(files, job)] == [
        "bundle_members_missing",
        "invalid_value",
        "bundle_members_missing",
    ]
    assert licenses(files.shop) == {}


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("K-1,B-1,p1,,o-1,", "license__bundle_key", "invalid_value"),
        (",B-1,p1,,o-1,", "license__license_key", "required"),
        ("B-1,,bnd,,o-1,", "product__short_code", "bundle_members_missing"),
    ],
)
def test_a_row_says_that_it_is_of_a_bundle_by_its_license_key(
    files: Files, row: str, column: str, code: str
) -> None:
    job = files.imported(f"{HEAD}\n{row}\n")

    assert faults(files, job) == [(1, column, code)]


def test_a_row_of_an_unknown_product_is_of_no_known_bundle() -> None:
    """An interrupted batch of an import that updates is completed with all of its rows."""
    (row,) = read_rows(f"{HEAD}\nB-1,B-1,nope,,o-1,\n", on_existing="update")
    assert isinstance(row, LicenseEntry)
    bundles = RowBundles(Import("acme", 7, "licenses", NOW, {}))

    bundles.expect([row])

    assert bundles.sold_as(row)[0] == "nope"


def test_the_same_bundle_again_is_the_same(files: Files, by: str) -> None:
    order_bundle(files.shop, "B-2", id="o-2")
    files.imported(ONE)
    before = licenses(files.shop)

    job = imported(files, f"{ONE}{rows_of('B-2', 'bnd', 'p1', 'p2', order='o-2')}{BUNDLE}", by)

    assert job.state == "succeeded", files.errors(job)
    assert (job.counts[CREATED], job.counts[UNCHANGED]) == (0, 9)
    assert licenses(files.shop) == before


def test_a_bundle_whose_key_exists_is_refused_as_a_whole(files: Files) -> None:
    files.shop.order_one("kp", {"key": "B-1"})

    job = files.imported(ONE)

    codes = {row: code for row, _, code in faults(files, job)}
    assert codes == {2: "bundle_members_missing", 3: "bundle_members_missing"}
    assert [*licenses(files.shop)] == [("B-1", "kp")]


def test_a_member_that_was_deleted_is_not_created_alone(files: Files) -> None:
    order_bundle(files.shop, "B-1", id="o-1")
    id = licenses(files.shop)["B-1", "p2"]["id"]
    assert files.shop.delete(f"/licenses/{id}/").status == 204

    job = files.imported(ONE)

    assert faults(files, job) == [(3, "license__bundle_key", "bundle_members_missing")]


def test_a_deleted_bundle_is_created_again_with_new_ids(files: Files) -> None:
    order_bundle(files.shop, "B-1", id="o-9")
    before = licenses(files.shop)
    for code in ("p1", "p2", "bnd"):
        assert files.shop.delete(f"/licenses/{before['B-1', code]['id']}/").status == 204

    job = files.imported(ONE)

    assert job.state == "succeeded", files.errors(job)
    after = licenses(files.shop)
    assert after.keys() == before.keys()
    assert after["B-1", "p1"]["bundle_license"] == after["B-1", "bnd"]["id"]
    assert {each["id"] for each in after.values()}.isdisjoint(
        each["id"] for each in before.values()
    )


@pytest.mark.parametrize("options", [{}, {"on_existing": "update"}])
def test_a_commit_creates_the_bundles_of_its_dry_run(
    files: Files, by: str, options: dict[str, str]
) -> None:
    order_bundle(files.shop, "B-2", id="o-2")
    text = f"{ONE}{rows_of('B-2', 'bnd', 'p1', 'p2', order='o-2')}{rows_of('B-3', 'bnd', 'p1')}"
    plan = planned(files, text, **options)

    job = committed(files, plan)

    assert [job.counts[name] for name in (CREATED, UNCHANGED)] == [3, 3]
    assert {name: n for name, n in job.counts.items() if name != "warnings"} == {
        name: n for name, n in plan.counts.items() if name != "warnings"
    }
    assert [code for _, _, code in faults(files, job)] == ["bundle_members_missing"] * 2


def test_a_plan_whose_bundle_exists_by_now_is_not_committed(files: Files) -> None:
    plan = planned(files, ONE)
    order_bundle(files.shop, "B-1", id="o-2")

    job = committed(files, plan)

    assert [code for _, _, code in faults(files, job)] == ["not_as_planned"] * 3


def test_the_rows_of_a_bundle_are_in_one_batch_and_one_chunk(files: Files) -> None:
    files.patch.setenv("IMPORT_INLINE_BYTES", "10")
    files.patch.setattr(import_chunk, "BATCH_ROWS", 2)
    files.patch.setattr(import_chunk, "_SMALLEST_BATCH", 2)
    files.patch.setenv("IMPORT_CHUNK_BYTES", "60")
    bundles = "".join(rows_of(f"B-{n}", "bnd", "p1", "p2", order=f"o-{n}") for n in range(20))

    files.run(files.drop(f"{HEAD}\nK-1,,kp,,,\n{bundles}K-2,,kp,,,\n"))
    files.by_machine(again=True)

    assert files.last().state == "succeeded", files.errors(files.last())
    assert files.last().counts[CREATED] == 62
    assert files.last().chunks in range(15, 40)


def test_an_undo_deletes_members_before_their_bundle(files: Files, by: str) -> None:
    job = files.imported(ONE)

    undo = undone(files, job, by)

    assert shown(files, undo) == {
        "reverted_licenses_count": 3,
        "reverted_orders_count": 1,
        "reverted_customers_count": 1,
    }
    assert licenses(files.shop) == {}


def test_an_undo_keeps_a_bundle_with_a_changed_member(files: Files, by: str) -> None:
    job = files.imported(ONE)
    id = licenses(files.shop)["B-1", "p1"]["id"]
    assert files.shop.patch(f"/licenses/{id}/", {"note": "changed"}).status == 200

    undo = undone(files, job, by)

    assert licenses(files.shop).keys() == {("B-1", "bnd"), ("B-1", "p1")}
    reasons = [str(each.get("kept")) for each in rows(files, undo)]
    assert [("has_members" in each, "changed_since" in each) for each in reasons] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_an_export_has_the_rows_of_a_bundle_together(files: Files) -> None:
    for n in range(12):
        order_bundle(files.shop, f"B-{n}", id=f"o-{n}")
    files.imported(f"{HEAD}\n{rows_of('B-20', 'bnd', 'p1', 'p2', order='o-20')}")
    text = Exporter(files.shop).exported()
    bundles = [(row["license__license_key"], row["product__short_code"]) for row in csv_rows(text)]
    assert bundles == [
        (key, code) for key, first in bundles if first == "bnd" for code in ("bnd", "p1", "p2")
    ]

    same = imported(files, text, on_existing="update")
    assert (same.counts[UNCHANGED], same.counts["warnings"]) == (39, 0)

    copy = Files(stocked_shop("copy"), files.inserts, files.patch)
    job = imported(copy, text)
    assert job.state == "succeeded", copy.errors(job)
    assert licenses(copy.shop).keys() == licenses(files.shop).keys()
    assert sorted(Exporter(copy.shop).exported().splitlines()) == sorted(text.splitlines())
