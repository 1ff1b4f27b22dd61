"""The plugin in a separate pytest: a call that prod does not grant fails the test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stamp import ROOT
from tests.grants.mutations import removals
from tests.moto_tables import kept_template

TEST = "tests/functions/test_generate_license.py::test_without_a_quantity_it_is_one"


def test_a_call_that_prod_does_not_grant_fails_its_test_in_a_worker_too(tmp_path: Path) -> None:
    (mutation,) = (
        each
        for each in removals(kept_template("prod"))
        if each.module == "functions.create_order"
        and str(each.grant) == "dynamodb:GetItem on table/DataCatalog"
    )
    template = tmp_path / "template.json"
    template.write_text(json.dumps(mutation.template))
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider"]

    ended = subprocess.run(
        [*command, f"--grants-template={template}", TEST],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "functions.create_order may not dynamodb:GetItem on table/DataCatalog" in ended.stdout
    assert (
        'grant it in _create_order in infra/stack.py: may("GetItem", on=data.catalog)'
        in ended.stdout
    )
    assert "unused ones not judged" in ended.stdout
