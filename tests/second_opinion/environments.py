"""The tools that give a second opinion, each in an environment of its own under `.build/`.

Their versions are locked with hashes next to this file, apart from those of the project: what a
release carries does not grow by what only judges it.
"""

import os
import shutil
import sys
from pathlib import Path

from infra.asset import UV
from infra.local.steps import run
from infra.stamp import BUILD, build_once, digest

_HERE = Path(__file__).parent
HOME = BUILD / "second-opinion"


def python_tool(name: str, command: str) -> Path:
    """A command of a Python package, locked in `<name>.txt`."""
    lock, environment = _HERE / f"{name}.txt", HOME / name
    with build_once(HOME / f"{name}.stamp", digest(lock, sys.version)) as stale:
        if stale:
            log, env = HOME / f"{name}.log", dict(os.environ)
            run(
                UV,
                "venv",
                "--clear",
                "--python",
                sys.executable,
                environment,
                log=log,
                cwd=HOME,
                env=env,
            )
            sync = (
                UV,
                "pip",
                "sync",
                "--require-hashes",
                "--python",
                environment / "bin" / "python",
            )
            run(*sync, lock, log=log, cwd=HOME, env=env)
    return environment / "bin" / command


def node_tool(name: str) -> Path:
    """The command of an npm package, locked in the folder of its name."""
    source, environment = _HERE / name, HOME / name
    locks = (source / "package.json", source / "package-lock.json")
    with build_once(HOME / f"{name}.stamp", digest(*locks)) as stale:
        if stale:
            environment.mkdir(parents=True, exist_ok=True)
            for lock in locks:
                shutil.copy(lock, environment)
            npm = shutil.which("npm") or "npm"
            arguments = ("ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
            run(npm, *arguments, log=HOME / f"{name}.log", cwd=environment, env=dict(os.environ))
    return environment / "node_modules" / ".bin" / name
