"""Files of the local stack are readable by their user alone."""

import os
from pathlib import Path

import pytest

from infra.local.private import make_private_folder, write_private
from infra.local.steps import OpsError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture(autouse=True)
def _nothing_is_masked() -> object:
    """As if the user's umask let everyone write: the modes must come from the code."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "local")

    assert mode(tmp_path / "local") == 0o700


def test_a_folder_that_others_could_read_becomes_private_and_keeps_its_files(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "local"
    folder.mkdir(mode=0o755)
    (folder / "stack.json").write_text("{}")

    make_private_folder(folder)

    assert mode(folder) == 0o700
    assert (folder / "stack.json").read_text() == "{}"


def test_a_folder_that_users_share_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)

    with pytest.raises(OpsError, match=f"Other users share the folder {shared}"):
        make_private_folder(shared)

    assert mode(shared) == 0o1777


def test_a_new_file_is_private(tmp_path: Path) -> None:
    write_private(tmp_path / "stack.json", "{}")

    assert mode(tmp_path / "stack.json") == 0o600
    assert (tmp_path / "stack.json").read_text() == "{}"


def test_a_file_that_others_could_read_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    """A reader that opened the old file before keeps the old text, and never sees the new one."""
    file = tmp_path / "stack.json"
    file.write_text("old")
    file.chmod(0o666)

    with file.open() as opened_before:
        write_private(file, "secret")
        assert opened_before.read() == "old"

    assert mode(file) == 0o600
    assert file.read_text() == "secret"


def test_the_text_is_never_in_a_file_that_others_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, str]] = []

    def replace(temporary: str, file: Path) -> None:
        seen.append((mode(Path(temporary)), Path(temporary).read_text()))
        Path(temporary).rename(file)

    monkeypatch.setattr("infra.local.private.os.replace", replace)
    write_private(tmp_path / "stack.json", "secret")

    assert seen == [(0o600, "secret")]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stack.json"
    write_private(file, "old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("infra.local.private.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_private(file, "new")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
