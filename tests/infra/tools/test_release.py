"""`make release`: the version, the changelog, a commit and a tag, or nothing at all."""

import json
import os
import shutil
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest

from infra.stamp import ROOT
from infra.tools.release import NotReady, dated, release

FILES = (
    "CHANGELOG.md",
    "README.md",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
    "uv.lock",
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the project's own versioned files."""
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Developer")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "developer@example.com")
    monkeypatch.setenv("UV_OFFLINE", "1")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    command = [shutil.which("git") or "git", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_release_is_one_tagged_commit_with_the_version_everywhere(checkout: Path) -> None:
    release("9.8.7", checkout)

    assert git(checkout, "describe") == "v9.8.7"
    assert git(checkout, "status", "--porcelain") == ""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    assert project["version"] == "9.8.7"
    for name in ("package.json", "package-lock.json"):
        assert json.loads((checkout / name).read_text())["version"] == "9.8.7"
    locked = tomllib.loads((checkout / "uv.lock").read_text())["package"]
    assert [each["version"] for each in locked if each["name"] == "keywright"] == ["9.8.7"]
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert changelog.index("\n## Unreleased\n\n## 9.8.7 - 2") > 0


@pytest.mark.parametrize(
    ("version", "reason"),
    [("1.2", "three numbers"), ("v1.2.3", "three numbers"), ("", "three numbers")],
)
def test_a_wrong_version_changes_nothing(checkout: Path, version: str, reason: str) -> None:
    with pytest.raises(NotReady, match=reason):
        release(version, checkout)

    assert git(checkout, "status", "--porcelain") == git(checkout, "tag") == ""


def test_uncommitted_changes_and_a_second_release_are_refused(checkout: Path) -> None:
    (checkout / "README.md").write_text("changed")
    with pytest.raises(NotReady, match="uncommitted"):
        release("9.8.7", checkout)
    git(checkout, "checkout", "--quiet", "README.md")
    git(checkout, "tag", "v9.8.7")

    with pytest.raises(NotReady, match="exists already"):
        release("9.8.7", checkout)


def test_the_changelog_keeps_earlier_versions_and_needs_changes() -> None:
    text = "# Changelog\n\n## Unreleased\n\n* New.\n\n## 0.1.0\n\n* Old.\n"
    day = date(2027, 1, 2)

    after = dated(text, "0.2.0", day)

    assert after == text.replace("Unreleased\n", "Unreleased\n\n## 0.2.0 - 2027-01-02\n", 1)
    with pytest.raises(NotReady, match="no changes"):
        dated(after, "0.3.0", day)
    with pytest.raises(NotReady, match=r"section for 0\.1\.0"):
        dated(text, "0.1.0", day)
