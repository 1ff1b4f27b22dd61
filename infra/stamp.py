"""Builds that are repeated only when their inputs have changed."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CDK_SETTINGS = "cdk.json"


def find_root() -> Path:
    """Return the checkout that contains this package, or the current directory.

    An installed package is outside of any checkout. Commands that need one, such as `keywright
    deploy`, then use the checkout that they are run in.
    """
    package = Path(__file__).parents[1]
    return package if (package / CDK_SETTINGS).exists() else Path.cwd()


ROOT = find_root()
BUILD = ROOT / ".build"
"""Folder of build outputs, which git ignores."""


def digest(*parts: str | Path) -> str:
    """Return a SHA-256 of strings and of files by path and content; folders include all files.

    Bytecode in `__pycache__` is ignored.
    """
    whole = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            whole.update(len(piece).to_bytes(8) + piece)
    return whole.hexdigest()


def _pieces(part: str | Path) -> Iterator[bytes]:
    if isinstance(part, str):
        yield part.encode()
        return
    for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix().encode()
            yield path.read_bytes()


@contextmanager
def build_once(stamp: Path, wanted: str) -> Iterator[bool]:
    """Yield whether the block must build, because `wanted` differs from the stamp file.

    A lock serializes processes. A block that raises is run again next time.
    """
    stamp.parent.mkdir(parents=True, exist_ok=True)
    with stamp.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stale = not stamp.exists() or stamp.read_text() != wanted
        if stale:
            stamp.unlink(missing_ok=True)
        yield stale
        if stale:
            stamp.write_text(wanted)
