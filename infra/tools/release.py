"""Release a version: `python -m infra.tools.release 0.2.0`, or `make release VERSION=0.2.0`.

Sets the version of the project, dates the changes in CHANGELOG.md, commits both and tags the
commit. Nothing is pushed. Exit status 2: the version or the checkout is not ready, and nothing was
changed.
"""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from infra.stamp import ROOT

_UNRELEASED = "## Unreleased"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_CHANGED = ("CHANGELOG.md", "package.json", "package-lock.json", "pyproject.toml", "uv.lock")


class NotReady(Exception):
    """The version can't be released; the message says why."""


def dated(changelog: str, version: str, day: date) -> str:
    """The changelog with its unreleased changes under the heading of the version.

    Raises NotReady if there are none, or if the version was released before.
    """
    if re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE):
        raise NotReady(f"CHANGELOG.md has a section for {version} already")
    before, heading, after = changelog.partition(f"\n{_UNRELEASED}\n")
    changes = after.partition("\n## ")[0]
    if not heading or not changes.strip():
        raise NotReady(f'CHANGELOG.md has no changes under "{_UNRELEASED}"')
    return f"{before}\n{_UNRELEASED}\n\n## {version} - {day:%Y-%m-%d}\n{after}"


def release(version: str, root: Path = ROOT) -> None:
    """Commit and tag a version in the checkout at `root`. Raises NotReady before any change."""
    if not _VERSION.fullmatch(version):
        raise NotReady(f'"{version}" is not a version: use three numbers, such as 0.2.0')
    if _run(root, "git", "status", "--porcelain"):
        raise NotReady("The checkout has uncommitted changes. Commit or stash them first")
    if _run(root, "git", "tag", "--list", f"v{version}"):
        raise NotReady(f"The tag v{version} exists already")
    changelog = root / "CHANGELOG.md"
    changed = dated(changelog.read_text(encoding="utf-8"), version, datetime.now(UTC).date())
    uv, settings = Path(sys.executable).with_name("uv"), ("--no-sync", "--python", sys.executable)
    _run(root, uv, "version", "--quiet", *settings, version)
    _run(root, "npm", "version", "--no-git-tag-version", "--allow-same-version", version)
    changelog.write_text(changed, encoding="utf-8")
    _run(root, "git", "add", *_CHANGED)
    _run(root, "git", "commit", "--quiet", "--message", f"release: {version}")
    _run(root, "git", "tag", "--annotate", f"v{version}", "--message", f"Keywright {version}")


def _run(root: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def main() -> int:
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        release(version)
    except NotReady as error:
        print(f"{error}.", file=sys.stderr)
        return 2
    print(f"Tagged v{version}. Publish it with: git push origin main v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
