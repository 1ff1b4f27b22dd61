"""Run every operators' command once on a deployed stack."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from infra.cli import stages
from infra.cli.doctor import CHECKS
from infra.cli.main import main
from infra.local.stack import LocalStack
from infra.stamp import ROOT
from tests.e2e.importing import german_export
from tests.infra.cli.workbooks import by_openpyxl

HEAD = "license__license_key,product__short_code\n"
ROWS = HEAD + "OLD-1,sketch\nOLD-2,sketsh\n"
MANY = 1_500
"""Rows enough for an import to be caught at work."""
OTHERS = {"failures", "alarms"}
"""What the doctor looks at that tests before this one may have left not well, as they meant to."""


@pytest.fixture
def keywright(
    stack: LocalStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Any]]:
    """Runs the command for a company of its own, and gives what it tells a program."""
    described = tmp_path / "stack.json"
    described.write_text(json.dumps(stack))
    monkeypatch.setattr(stages, "LOCAL_STACK", described)

    def run(*words: str | Path, status: int | None = 0) -> Any:
        ended = main([*map(str, words), "--stage", "local", "--json"])
        printed = capsys.readouterr()
        assert status in (ended, None), printed.out + printed.err
        return json.loads(printed.out or "null")

    with patch.dict(os.environ):
        company = f"operated-{secrets.token_hex(4)}"
        key = run("keys", "create", "--company", company)["api_key"]
        os.environ["KEYWRIGHT_API_KEY"] = key
        yield run


def test_an_operator_sells_imports_looks_after_it_and_finds_all_well(
    keywright: Callable[..., Any], tmp_path: Path
) -> None:
    catalog = ROOT / "docs" / "catalog.yaml"
    order, licenses = tmp_path / "order.json", tmp_path / "licenses.csv"
    body = {"id": "web-1", "items": [{"product_code": "sketch", "licenses": [{}]}]}
    order.write_text(json.dumps(body))
    licenses.write_text(ROWS)

    assert keywright("catalog", "diff", catalog, status=1)["changes"]
    keywright("catalog", "apply", catalog, "--yes")
    assert keywright("catalog", "diff", catalog)["changes"] == []

    placed = keywright("orders", "create", order)
    assert keywright("orders", "create", order)["replayed"] is True
    assert keywright("orders", "show", "web-1")["id"] == placed["id"]

    (key,) = placed["license_keys"]
    today = str(datetime.now(UTC).date())
    for which in (["web-1"], ["--from", placed["created_at"][:10], "--to", today]):
        keywright("orders", "export", *which, "--out", tmp_path / "export.csv")
        assert key in (tmp_path / "export.csv").read_text()

    job = keywright("import", "--file", licenses, "--kind", "licenses", status=1)
    assert job["counts"]["created_licenses_count"] == 1
    assert Path(job["failed_file"]).exists()
    number = str(job["id"])
    assert keywright("jobs", "list", "--kind", "licenses")[0]["id"] == job["id"]
    assert keywright("jobs", "show", number, status=1)["state"] == "completed_with_errors"
    assert keywright("jobs", "watch", number, status=1)["counts"] == job["counts"]

    printed = keywright("doctor", status=None)
    assert {finding["about"] for finding in printed["findings"]} == CHECKS.keys()
    assert {
        each["about"]: each for each in printed["findings"] if not each["passed"]
    }.keys() <= OTHERS
    assert "permissions of these aws credentials" not in json.dumps(printed).lower()


def test_a_german_export_is_imported_with_one_option(
    keywright: Callable[..., Any], tmp_path: Path
) -> None:
    keywright("catalog", "apply", ROOT / "docs" / "catalog.yaml", "--yes")
    path = tmp_path / "kunden.csv"
    path.write_bytes(german_export("CLI").replace(b";kp;", b";sketch;"))
    words = ("import", "--file", path, "--kind", "licenses")

    refused = keywright(*words, status=1)
    imported = keywright(*words, "--dates", refused["suggested_dates"])

    assert (refused["state"], refused["counts"]["valid_row_count"]) == ("completed_with_errors", 0)
    assert refused["suggested_dates"] == imported["dates"] == "dmy"
    assert imported["detected"]["encoding"] == "windows-1252"
    assert imported["counts"]["created_licenses_count"] == 2000


def test_a_sheet_of_a_workbook_is_imported(keywright: Callable[..., Any], tmp_path: Path) -> None:
    keywright("catalog", "apply", ROOT / "docs" / "catalog.yaml", "--yes")
    path = tmp_path / "kunden.xlsx"
    header = ("license__license_key", "product__short_code", "license__validity_period")
    rows = [[f"XL-{n}", "sketch", date(2031, 12, 31)] for n in range(20)]
    path.write_bytes(by_openpyxl([["see the next sheet"]], Kunden=[header, *rows]))
    words = ("import", "--file", path, "--kind", "licenses")

    imported = keywright(*words, "--sheet", "Kunden")

    assert (imported["state"], imported["file_name"]) == ("succeeded", "kunden.csv")
    assert imported["counts"]["created_licenses_count"] == 20


def test_an_import_is_ended_at_work_and_run_again(
    keywright: Callable[..., Any], tmp_path: Path
) -> None:
    keywright("catalog", "apply", ROOT / "docs" / "catalog.yaml", "--yes")
    path = tmp_path / "many.csv"
    path.write_text(HEAD + "".join(f"MANY-{n},sketch\n" for n in range(MANY)))
    with stages.open_client("local") as client:
        number = str(client.imports.send(path, "licenses").id)

    while keywright("jobs", "show", number)["state"] == "awaiting_upload":
        time.sleep(0.05)
    cancelled = keywright("jobs", "cancel", number)
    shown = keywright("jobs", "show", number, status=2)
    again = keywright("jobs", "retry", number)

    assert cancelled["state"] == shown["state"] == "cancelled"
    assert again["state"] == "succeeded"
    assert again["counts"]["created_licenses_count"] == MANY


def test_a_key_is_replaced_by_another_like_it(keywright: Callable[..., Any]) -> None:
    company = f"rotated-{secrets.token_hex(4)}"
    old = keywright("keys", "create", "--company", company, "--name", "shop")

    new = keywright("keys", "rotate", old["prefix"], "--overlap", "1h")

    listed = {key["prefix"]: key for key in keywright("keys", "list", "--company", company)}
    assert listed.keys() == {old["prefix"], new["prefix"]}
    assert listed[old["prefix"]]["expires_at"] is not None
    assert listed[new["prefix"]]["name"] == "shop"
    assert keywright("keys", "revoke", old["prefix"])["state"] == "revoked"
