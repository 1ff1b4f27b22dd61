"""Licenses of user-based products from a file: their users, the same file again, and an undo."""

from typing import Any

import pytest

from shared.customers import MOST_LICENSES
from shared.import_job import ImportJob
from shared.store import dynamo
from shared.store.customers import unassignment
from shared.values import record_id
from shared.workflows import named_licenses, undo_users
from shared.workflows.batch import Found
from tests.functions.exporter import Exporter
from tests.functions.import_files import Files
from tests.functions.shop import Shop, stocked_shop
from tests.functions.test_import_plan import committed, planned
from tests.functions.test_import_updates import warnings
from tests.functions.test_undo import by, shown, undone

__all__ = ["by"]
HEAD = "license__license_key,product__short_code,order__store_id,customer__email,license__users\n"
TWO = (
    HEAD
    + ",up,o-1,boss@acme.test,Ana@acme.test*; ben@acme.test\n"
    + ",up,o-2,boss@acme.test,ben@acme.test\n"
)
OF_TWO = {
    "o-1": {"ana@acme.test": True, "ben@acme.test": False},
    "o-2": {"ben@acme.test": False},
}


def licenses(shop: Shop) -> dict[str, dict[str, Any]]:
    """The licenses by order, each of which has one."""
    found = shop.get("/licenses/", "limit=100").json()["results"]
    return {each["order_store_id"]: each for each in found}


def users_of(shop: Shop) -> dict[str, dict[str, bool]]:
    """The users of each license, and whether they are managers, by order."""
    return {
        order: {each["true_email"]: each["is_manager"] for each in lic["license_users"]}
        for order, lic in licenses(shop).items()
    }


def stored_user(shop: Shop, email: str) -> dict[str, Any]:
    """The item of a user, with its licenses in their order; empty if there is none."""
    id = record_id(shop.company, "user", email)
    item = dynamo.get("CUSTOMERS_TABLE", (dynamo.partition(shop.company, id), f"user#{id}")) or {}
    return item | ({"licenses": sorted(item["licenses"])} if "licenses" in item else {})


def order_users(shop: Shop, order: str, *emails: str) -> Any:
    users = [{"email": email} for email in emails]
    return shop.order_one("up", {"users": users}, id=order)


def imported(files: Files, text: str, by: str = "inline", **options: str) -> ImportJob:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPORT_INLINE_BYTES", "10" if by == "machine" else "1000000")
        files.run(files.prepared(text, **options))
    if by == "machine":
        files.by_machine(again=True)
    return files.last()


def test_a_row_creates_a_license_with_new_and_known_users(files: Files) -> None:
    order_users(files.shop, "api", "ben@acme.test")
    before = stored_user(files.shop, "ben@acme.test")

    job = files.imported(TWO)

    assert job.state == "succeeded", files.errors(job)
    assert users_of(files.shop) == OF_TWO | {"api": {"ben@acme.test": False}}
    made = {order: lic["id"] for order, lic in licenses(files.shop).items()}
    ana, ben = (stored_user(files.shop, f"{name}@acme.test") for name in ("ana", "ben"))
    assert ana["licenses"] == [str(made["o-1"])]
    assert ana["made_by"] == f"import {job.number}#1"
    assert ben == before | {"licenses": sorted(str(id) for id in made.values())}
    assert licenses(files.shop)["o-1"]["license_key"] is None


def test_the_same_rows_again_are_the_same_licenses(files: Files) -> None:
    first = files.imported(TWO)
    before = licenses(files.shop)
    again = TWO.replace(",up,o-1,boss@acme.test,Ana@acme.test*; ben", ",up,o-1,,ben@acme.test;ana")

    second = files.imported(again + "\n,up,o-3,,ana@acme.test\n", name="b.csv")

    assert first.counts["created_licenses_count"] == 2
    assert second.counts["created_licenses_count"] == 1
    assert second.counts["unchanged_licenses_count"] == 2
    assert {order: lic for order, lic in licenses(files.shop).items() if order != "o-3"} == before


def test_the_license_of_an_order_is_found_by_its_users(files: Files) -> None:
    order_users(files.shop, "o-1", "ana@acme.test", "ben@acme.test")
    text = HEAD + ",up,o-1,,ben@acme.test; ana@acme.test*\n,up,o-1,,ana@acme.test\n"

    job = files.imported(text)

    assert job.state == "succeeded", files.errors(job)
    assert job.counts["created_licenses_count"] == 1
    assert job.counts["unchanged_licenses_count"] == 1
    assert warnings(files, job) == [(1, "license__users", "differs_from_existing")]


def test_an_import_that_updates_changes_terms_and_no_users(files: Files) -> None:
    order_users(files.shop, "o-1", "ana@acme.test")
    files.imported(TWO.replace("o-1", "o-9"))
    head = HEAD.replace("\n", ",license__note\n")
    text = head + ",up,o-1,,ana@acme.test*,one\n,up,o-2,,ben@acme.test,two\n"

    job = imported(files, text, on_existing="update")

    assert job.state == "succeeded", files.errors(job)
    assert job.counts["updated_licenses_count"] == 2
    there = licenses(files.shop)
    assert (there["o-1"]["note"], there["o-2"]["note"]) == ("one", "two")
    assert users_of(files.shop)["o-1"] == {"ana@acme.test": False}
    assert warnings(files, job) == [(1, "license__users", "not_changed_here")]


def test_an_import_without_new_records_refuses_rows_without_license(files: Files) -> None:
    job = imported(files, TWO, on_existing="update", on_missing="refuse")

    assert [each["errors"][0]["code"] for each in files.errors(job)] == ["no_such_record"] * 2
    assert stored_user(files.shop, "ana@acme.test") == {}


def test_a_row_that_repeats_a_license_with_another_manager_is_refused(files: Files) -> None:
    text = HEAD + ",up,o-1,,ana@acme.test\n" * 2 + ",up,o-1,,ana@acme.test*\n"

    job = files.imported(text)

    (bad,) = files.errors(job)
    assert (bad["row"], bad["errors"][0]["column"]) == (3, "license__users")
    assert bad["errors"][0]["code"] == "duplicate_in_file"
    assert "the same order, product and users" in bad["errors"][0]["message"]
    assert job.counts["created_licenses_count"] == 1


@pytest.mark.parametrize("options", [{}, {"on_existing": "update"}])
def test_a_commit_does_what_its_dry_run_shows(
    files: Files, by: str, options: dict[str, str]
) -> None:
    order_users(files.shop, "o-2", "ben@acme.test")
    plan = planned(files, TWO, **options)
    assert plan.state == "succeeded", files.errors(plan)
    assert stored_user(files.shop, "ana@acme.test") == {}

    job = committed(files, plan)

    assert job.state == "succeeded", files.errors(job)
    names = ("created_licenses_count", "unchanged_licenses_count")
    assert [job.counts[name] for name in names] == [plan.counts[name] for name in names] == [1, 1]
    assert users_of(files.shop) == OF_TWO


def test_a_user_of_too_many_licenses_gets_no_more(files: Files) -> None:
    files.patch.setattr("shared.workflows.import_users.MOST_LICENSES", 2)
    rows = [f",up,o-{n},,ana@acme.test;u{n}@acme.test\n" for n in range(3)]

    job = files.imported(HEAD + "".join(rows))

    assert MOST_LICENSES > 2
    (bad,) = files.errors(job)
    assert (bad["row"], bad["errors"][0]["code"]) == (3, "too_many")
    assert stored_user(files.shop, "u2@acme.test") == {}


def test_an_undo_removes_licenses_and_the_users_that_the_import_created(
    files: Files, by: str
) -> None:
    kept = order_users(files.shop, "api", "ben@acme.test")
    before = stored_user(files.shop, "ben@acme.test")
    job = imported(files, TWO)

    undo = undone(files, job, by)

    assert shown(files, undo) == {
        "reverted_licenses_count": 2,
        "reverted_orders_count": 2,
        "reverted_customers_count": 1,
    }
    assert [*licenses(files.shop)] == ["api"]
    assert licenses(files.shop)["api"]["id"] == kept["id"]
    assert stored_user(files.shop, "ben@acme.test") == before
    gone = stored_user(files.shop, "ana@acme.test")
    assert gone["deleted_by"] == f"import {undo.number}"


def test_users_whose_last_licenses_two_batches_remove_at_once_are_deleted(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, read, reads = files.imported(TWO), named_licenses.users_of, iter((True,))

    def overtaken(*arguments: Any) -> dict[str, Found]:
        places = read(*arguments)
        if next(reads, False):  # another batch removes the licenses that were read
            users = [place.found or {} for place in places.values()]
            dynamo.write(
                [
                    unassignment(files.shop.company, user["id"], frozenset(user["licenses"]))
                    for user in users
                ]
            )
        return places

    monkeypatch.setattr(undo_users, "users_of", overtaken)
    undo = undone(files, job)

    for name in ("ana", "ben"):
        gone = stored_user(files.shop, f"{name}@acme.test")
        assert gone["deleted_by"] == f"import {undo.number}"


def test_an_undo_keeps_users_that_have_changed_or_have_other_licenses(files: Files) -> None:
    job = files.imported(TWO)
    shop = files.shop
    ids = {
        each["true_email"]: each["id"]
        for lic in licenses(shop).values()
        for each in lic["license_users"]
    }
    order_users(shop, "api", "ben@acme.test")
    path = f"/license-users/{ids['ana@acme.test']}/"
    assert shop.patch(path, {"first_name": "Ana"}).status == 200

    undo = undone(files, job)

    assert shown(files, undo)["reverted_licenses_count"] == 2
    ana, ben = (stored_user(shop, f"{name}@acme.test") for name in ("ana", "ben"))
    assert "licenses" not in ana
    assert ben["licenses"] == [str(licenses(shop)["api"]["id"])]


def test_a_license_with_another_user_since_is_kept_by_an_undo(files: Files) -> None:
    job = files.imported(TWO)
    id = licenses(files.shop)["o-1"]["id"]
    reply = files.shop.post(f"/licenses/{id}/assign_user/", {"email": "new@acme.test"})
    assert reply.status == 200, reply.text

    undo = undone(files, job)

    assert shown(files, undo)["kept_licenses_count"] == 1
    assert [*users_of(files.shop)["o-1"]] == ["ana@acme.test", "ben@acme.test", "new@acme.test"]


def test_an_export_is_imported_to_the_same_licenses_elsewhere(files: Files) -> None:
    order_users(files.shop, "api", "zoe@acme.test", "ben@acme.test")
    files.imported(TWO)
    text = Exporter(files.shop).exported()

    same = imported(files, text, on_existing="update")
    assert same.state == "succeeded", files.errors(same)
    assert same.counts["unchanged_licenses_count"] == 3
    assert same.counts["warnings"] == 0

    other = Files(stocked_shop("copy"), files.inserts, files.patch)
    copy = imported(other, text)
    assert copy.state == "succeeded", other.errors(copy)
    assert users_of(other.shop) == users_of(files.shop)
    assert sorted(Exporter(other.shop).exported().splitlines()) == sorted(text.splitlines())
