"""The plugin, in a pytest of its own: a call that prod does not grant fails the test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stamp import ROOT
from tests.grants.mutations import removals
from tests.moto_tables import kept_template

TEST = "tests/functions/test_generate_license.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, TEST]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def without_get_product(tmp_path: Path) -> Path:
    """Prod, in which placing orders may not read the catalog item by item."""
    (mutation,) = (
        each
        for each in removals(kept_template("prod"))
        if each.module == "functions.create_order"
        and str(each.grant) == "dynamodb:GetItem on table/DataCatalog"
    )
    path = tmp_path / "template.json"
    path.write_text(json.dumps(mutation.template))
    return path


def test_a_call_that_prod_does_not_grant_fails_its_test_in_a_worker_too(
    without_get_product: Path,
) -> None:
    ended = run("-n", "1", f"--grants-template={without_get_product}")

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "functions.create_order may not dynamodb:GetItem on table/DataCatalog" in ended.stdout
    assert 'grant it in infra/stack.py: may("GetItem", on=data.catalog)' in ended.stdout


def test_a_part_of_the_handler_tests_is_never_a_silent_pass() -> None:
    ended = run("--require-grants-proof")

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "unused ones not judged, since not every handler test passed" in ended.stdout
    assert " passed" in ended.stdout
    assert "failed" not in ended.stdout
