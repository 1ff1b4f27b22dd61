"""Every operators' command once, on a deployed stack."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from infra.ops import stages
from infra.ops.main import main
from infra.ops.stack import LocalStack
from infra.stamp import ROOT

ROWS = "license__license_key,product__short_code\nOLD-1,sketch\nOLD-2,sketsh\n"


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

    def run(*words: str | Path, status: int = 0) -> Any:
        ended = main([*map(str, words), "--stage", "local", "--json"])
        told = capsys.readouterr()
        assert ended == status, told.out + told.err
        return json.loads(told.out)

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

    job = keywright("import", "--file", licenses, "--kind", "licenses", status=1)
    assert job["counts"]["created_licenses_count"] == 1
    assert Path(job["failed_file"]).exists()
    number = str(job["id"])
    assert keywright("jobs", "list", "--kind", "licenses")[0]["id"] == job["id"]
    assert keywright("jobs", "show", number, status=1)["state"] == "completed_with_errors"
    assert keywright("jobs", "watch", number, status=1)["counts"] == job["counts"]

    assert keywright("doctor", status=0)["well"] is True


def test_a_key_is_replaced_by_another_like_it(keywright: Callable[..., Any]) -> None:
    company = f"rotated-{secrets.token_hex(4)}"
    old = keywright("keys", "create", "--company", company, "--name", "shop")

    new = keywright("keys", "rotate", old["prefix"], "--overlap", "1h")

    listed = {key["prefix"]: key for key in keywright("keys", "list", "--company", company)}
    assert listed.keys() == {old["prefix"], new["prefix"]}
    assert listed[old["prefix"]]["expires_at"] is not None
    assert listed[new["prefix"]]["name"] == "shop"
    assert keywright("keys", "revoke", old["prefix"])["state"] == "revoked"
