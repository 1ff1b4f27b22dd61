"""The README's commands do what it says, on a deployed stack."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.local.demo import show_demo
from infra.local.stack import LocalStack
from infra.stamp import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


LOCKED = ("pyproject.toml", "uv.lock", "package.json", "package-lock.json")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def run(command: str, home: Path) -> str:
    """Run by a shell, as a reader would, where `home` is the clone."""
    return subprocess.run(
        ["/bin/bash", "-euc", command],
        cwd=home,
        env=os.environ | {"LOCAL_DIR": str(home / ".local")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def clone(stack: LocalStack, tmp_path: Path) -> Path:
    """A folder in which the stack looks as it does in a clone."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(stack))
    for name in (".venv", "node_modules", "Makefile", *LOCKED):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def assert_shortens(short: Any, whole: Any) -> None:
    """Every name of a shortened answer is in the whole one; values that are not made up agree."""
    match short:
        case dict():
            assert short.keys() <= whole.keys()
            for name, part in short.items():
                assert_shortens(part, whole[name])
        case list():
            assert len(short) == len(whole)
            for part, other in zip(short, whole, strict=True):
                assert_shortens(part, other)
        case _ if short == "G8HA-SRRZ-A6WK-TJWB":
            assert re.fullmatch(r"\w{4}(-\w{4}){3}", whole)
        case int() if short > 2**31:
            assert len(str(whole)) == 16
        case _:
            assert short == whole


def test_the_first_order_of_the_readme_is_answered_as_it_says(
    stack: LocalStack, clone: Path
) -> None:
    show_demo(stack)
    (command,) = (block for block in blocks("sh") if "curl" in block)
    (shown,) = blocks("json")

    answer = json.loads(run(command, clone))

    assert_shortens(json.loads(shown), answer)
    assert json.loads(run(command, clone)) == answer


def test_the_key_commands_of_the_readme_work(clone: Path) -> None:
    (block,) = (block for block in blocks("sh") if "keys list" in block)

    printed = run(block, clone)

    assert printed.count("Authorization: Api-Key ") == 2
    assert "webshop" in printed


def test_the_first_import_of_the_readme_creates_both_licenses(
    stack: LocalStack, clone: Path
) -> None:
    show_demo(stack)
    (commands,) = (block for block in blocks("sh") if "make import" in block)

    printed = run(commands, clone)

    assert re.search(r"Licenses created *│ *2 ", printed)
    assert not (clone / "old-shop.failed.csv").exists()
