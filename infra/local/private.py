"""Files and folders that only their owner can read."""

import os
import stat
import tempfile
from pathlib import Path

from infra.local.steps import OpsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(folder: Path) -> None:
    """Create a folder with mode 0700, or change an existing folder to that mode.

    Raises OpsError for a folder that other users share, such as `/tmp`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise OpsError(
            f"Other users share the folder {folder}. Choose a private folder, such as"
            f" LOCAL_DIR={folder / 'keywright'}"
        )
    if found.st_mode & _OTHERS:
        folder.chmod(0o700)


def write_private(file: Path, text: str) -> None:
    """Replace a file atomically by one with mode 0600, whatever the mode of the old file.

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
