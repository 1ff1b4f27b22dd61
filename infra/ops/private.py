"""Files and folders that nobody but their owner can read."""

import os
import stat
import tempfile
from pathlib import Path

from infra.ops.steps import OpsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(folder: Path) -> None:
    """Make the folder with mode 0700, or give that mode to one that exists.

    Raises OpsError for a folder that others use as well, such as `/tmp`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise OpsError(
            f"{folder} is a folder that other users share. Choose one that is yours alone, "
            f"such as: LOCAL_DIR={folder / 'keywright'}"
        )
    if found.st_mode & _OTHERS:
        folder.chmod(0o700)


def write_private(file: Path, text: str) -> None:
    """Replace the file atomically with one of mode 0600, whatever mode the old one had.

    The text is never in a file that others can read: `mkstemp` creates its file with mode 0600.
    """
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(text)
        os.replace(temporary, file)  # noqa: PTH105 - mkstemp gives a name, not a Path
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
