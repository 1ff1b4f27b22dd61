"""The examples of docs/api.md do what the page says, on a deployed stack."""

import json
import re
import secrets
from itertools import pairwise
from pathlib import Path

import pytest

from infra.cli.catalog import load_catalog
from infra.client.client import Client
from infra.local.demo import CATALOG
from infra.local.stack import LocalStack
from infra.stamp import ROOT
from tests.e2e.remote import Operate
from tests.e2e.test_readme import assert_shortens, run

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FIRST = BLOCKS[0][1]


@pytest.fixture
def clone(stack: LocalStack, keys: Operate, tmp_path: Path) -> Path:
    """A folder in which the stack looks as it does in a clone, for a company with the catalog."""
    key = keys("create", "--company", f"guide-{secrets.token_hex(4)}")["api_key"]
    (tmp_path / ".local").mkdir()
    described = {**stack, "api_key": key}
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(described))
    with Client(stack["api_url"], key) as client:
        load_catalog(client, CATALOG)
    return tmp_path


def test_each_example_is_answered_as_shown(clone: Path) -> None:
    shown = 0
    for (language, command), (kind, answer) in pairwise(BLOCKS):
        if (language, kind) == ("sh", "json"):
            output = run(f"{FIRST}\n{command}", clone)
            assert_shortens(json.loads(answer), json.loads(output))
            shown += 1

    assert shown == len([1 for language, _ in BLOCKS if language == "json"])


def test_the_python_of_the_page_runs(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    described = json.loads((clone / ".local" / "stack.json").read_text())
    monkeypatch.chdir(clone)
    (clone / "customers.csv").write_text("email\njana.mueller@example.com\n")
    (code,) = (text for language, text in BLOCKS if language == "python")

    exec(code, {"url": described["api_url"], "key": described["api_key"]})  # noqa: S102

    keys, counts, refusal = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\['\w{4}-\w{4}-\w{4}-\w{4}'\] False", keys)
    assert "'created_customers_count': 1" in counts
    assert refusal == "not_found"
