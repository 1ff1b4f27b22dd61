"""`keywright jobs`, as an operator runs it."""

from pathlib import Path

import pytest

from infra.cli.stages import open_client
from tests.functions.shop import Shop
from tests.infra.served import Keywright


@pytest.fixture
def ended(keywright: Keywright, tmp_path: Path) -> int:
    """The number of an import with a row that failed."""
    path = tmp_path / "old.csv"
    path.write_text("license__license_key,product__short_code\nOLD-1,kp\nOLD-2,none\n")
    printed = keywright.run_json("import", "--file", path, "--kind", "licenses", status=1)
    return int(printed["id"])


@pytest.fixture
def waiting(keywright: Keywright) -> int:
    """The number of an import whose file has not come."""
    return open_client("test").imports.start("late.csv", "licenses", size=10).id


def test_imports_are_listed_newest_first(keywright: Keywright, ended: int, waiting: int) -> None:
    printed = keywright.run_json("jobs", "list")
    shown = keywright.run("jobs", "list")

    assert [job["id"] for job in printed] == [waiting, ended]
    assert "completed with errors" in shown
    assert "awaiting upload" in shown


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_the_list_shows_the_name_of_each_file_at_any_width(
    keywright: Keywright, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = [f"{kind}-of-the-old-shop.csv" for kind in ("licenses", "customers")]
    for name in names:
        path = tmp_path / name
        path.write_text("email\nana@acme.example\nnobody\n")
        keywright.run("import", "--file", path, "--kind", "customers", status=1)

    shown = keywright.run("jobs", "list")

    assert max(map(len, shown.splitlines())) <= columns
    cells = [line.split("│") for line in shown.splitlines() if line.startswith("│")]
    file = [cell.strip() for cell in cells[0]].index("File")
    printed = "".join(row[file].strip() for row in cells)
    assert all(name in printed for name in names)
    assert "completed with errors" in shown
    assert (" UTC" in shown) or "Started (UTC)" in shown
    assert ("Duration" in shown) == (columns == 140)


def test_the_list_can_be_of_one_state_or_kind(
    keywright: Keywright, ended: int, waiting: int
) -> None:
    by_state = keywright.run_json("jobs", "list", "--state", "awaiting_upload")
    by_kind = keywright.run_json("jobs", "list", "--kind", "customers")
    open_ones = keywright.run_json("jobs", "list", "--needs-attention")

    assert [job["id"] for job in by_state] == [waiting]
    assert by_kind == []
    assert [job["id"] for job in open_ones] == [ended]


def test_an_import_is_shown_with_the_rows_that_failed(keywright: Keywright, ended: int) -> None:
    shown = keywright.run("jobs", "show", str(ended), status=1)

    assert "completed with errors" in shown
    assert "product__short_code" in shown


def test_an_import_shows_in_which_import_its_failed_rows_were_resolved(
    keywright: Keywright, ended: int, tmp_path: Path
) -> None:
    path = tmp_path / "fixed.csv"
    path.write_text("license__license_key,product__short_code\nOLD-2,kp\n")

    printed = keywright.run_json(
        "import", "--file", path, "--kind", "licenses", "--corrects", str(ended)
    )

    shown = keywright.run("jobs", "show", str(ended), status=1)
    assert f"1 of 1 resolved in import {printed['id']}" in shown
    corrected = keywright.run("jobs", "show", str(printed["id"]))
    assert f"Corrects failed rows of import {ended}" in corrected


def test_watching_one_that_has_ended_ends_at_once(keywright: Keywright, ended: int) -> None:
    assert keywright.run_json("jobs", "watch", str(ended), status=1)["id"] == ended


def test_a_cancelled_import_is_reported_and_is_no_failure(
    keywright: Keywright, waiting: int
) -> None:
    printed = keywright.run_json("jobs", "cancel", str(waiting))

    assert printed["state"] == "cancelled"
    assert "cancelled" in keywright.run("jobs", "show", str(waiting), status=2)


def test_a_job_that_can_not_be_retried_is_refused_with_the_reason(
    keywright: Keywright, ended: int
) -> None:
    printed = keywright.run("jobs", "retry", str(ended), status=2)

    assert f"Import {ended} has completed with errors: it can't be run again" in printed
    assert "(import_state)" in printed


def test_an_unknown_import_is_reported(keywright: Keywright) -> None:
    assert "(not_found)" in keywright.run("jobs", "show", "99", status=2)


def test_an_empty_list_is_reported_in_words(keywright: Keywright) -> None:
    assert keywright.run("jobs", "list") == "No imports.\n"


def test_rows_with_warnings_are_counted_and_the_first_are_shown(
    keywright: Keywright, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    keys = "".join(f"4829133746501{n:02}000,kp\n" for n in range(12))
    path.write_text(f"license__license_key,product__short_code\n{keys}")

    imported = keywright.run("import", "--file", path, "--kind", "licenses")
    shown = keywright.run("jobs", "show", "1")

    for text in (imported, shown):
        assert "12 rows were imported with warnings; first 10:" in text
        assert "482913374650109000" in text
        assert "482913374650110000" not in text
    assert keywright.run_json("jobs", "show", "1")["counts"]["warnings"] == 12


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_list_of_no_imports_is_empty(keywright: Keywright, limit: str) -> None:
    assert keywright.run("jobs", "list", "--limit", limit) == "No imports.\n"


@pytest.fixture
def many(keywright: Keywright, tmp_path: Path) -> int:
    """The number of an import that has created 120 licenses and an order."""
    path = tmp_path / "many.csv"
    rows = "".join(f"OLD-{n},kp,o-1\n" for n in range(120))
    path.write_text(f"license__license_key,product__short_code,order__store_id\n{rows}")
    return int(keywright.run_json("import", "--file", path, "--kind", "licenses")["id"])


def test_an_undo_is_shown_with_what_it_keeps_and_why(
    keywright: Keywright, ended: int, shop: Shop
) -> None:
    (lic,) = shop.get("/licenses/").json()["results"]
    assert shop.patch(f"/licenses/{lic['id']}/", {"note": "sold"}).status == 200

    shown = keywright.run("jobs", "undo", str(ended))
    listed = keywright.run("jobs", "list")

    assert f"Undoes import {ended}" in shown
    assert "Kept: changed since" in shown
    assert f"license {lic['id']}" in shown
    assert "the record was changed after the import" in shown
    assert "completed with errors, undone" in listed
    assert f"succeeded, undoes {ended}" in listed


def test_a_large_undo_needs_a_confirmation(keywright: Keywright, many: int, shop: Shop) -> None:
    planned = keywright.run_json("jobs", "undo", str(many), "--dry-run")
    assert planned["counts"]["reverted_licenses_count"] == 120
    keywright.run("jobs", "undo", str(many), status=2)
    assert "(nothing_to_undo)" in keywright.run("jobs", "undo", str(planned["id"]), status=2)
    assert shop.get("/licenses/").json()["count"] == 120

    undone = keywright.run_json("jobs", "undo", str(many), "--yes")

    assert (undone["undoes"], undone["counts"]["reverted_orders_count"]) == (many, 1)
    assert shop.get("/licenses/").json()["count"] == 0


def test_a_plan_is_committed_with_its_hash(
    keywright: Keywright, tmp_path: Path, shop: Shop
) -> None:
    path = tmp_path / "old.csv"
    path.write_text("license__license_key,product__short_code\nOLD-1,kp\nOLD-2,kp\n")
    shown = keywright.run("import", "--file", path, "--kind", "licenses", "--plan")
    plan = keywright.run_json("jobs", "show", "1")["plan"]
    assert f"keywright jobs commit 1 --hash {plan['hash']} --stage " in shown
    assert shop.get("/licenses/").json()["count"] == 0

    wrong = keywright.run("jobs", "commit", "1", "--hash", "0" * 64, status=2)
    job = keywright.run_json("jobs", "commit", "1", "--hash", plan["hash"])

    assert "(plan_changed)" in wrong
    assert (job["state"], job["planned_by"], job["counts"]["created_licenses_count"]) == (
        "succeeded",
        1,
        2,
    )
    assert "Commits the plan of import 1" in keywright.run("jobs", "show", str(job["id"]))
    assert f"was committed by import {job['id']}" in keywright.run("jobs", "show", "1")
    again = keywright.run_json("jobs", "commit", "1", "--hash", plan["hash"])
    assert again["id"] == job["id"]


def test_the_results_of_rows_are_saved(keywright: Keywright, ended: int, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"

    saved = keywright.run("jobs", "results", str(ended), "--out", path)

    assert str(path) in saved.replace("\n", "")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[3] for line in lines] == ["_outcome", "created", "failed"]


def test_results_are_not_saved_before_the_import_has_ended(
    keywright: Keywright, waiting: int, tmp_path: Path
) -> None:
    path = tmp_path / "results.csv"

    assert "(import_state)" in keywright.run(
        "jobs", "results", str(waiting), "--out", path, status=2
    )
    assert not path.exists()
