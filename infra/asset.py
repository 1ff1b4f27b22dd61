"""The one asset that every function is made from: `functions/`, `shared/` and their dependencies.

The console is bundled by infra/console.py.

Built without Docker from `uv.lock` into `.build/`, and only when what it is made from has changed.
boto3 and botocore are left to the Lambda runtime.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.console import build_console
from infra.stamp import BUILD, ROOT, digest, stamped

SOURCES = (ROOT / "functions", ROOT / "shared")
CONSOLE = (ROOT / "infra" / "console.py", ROOT / "package-lock.json")
"""How the console is put together, and of which libraries beside its own files."""
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Asset:
    path: Path
    hash: str
    """Of what the asset is made from, so that two machines agree on it."""


def build_asset(platform: str) -> Asset:
    """Bring `.build/<platform>/asset` up to date; `platform` as in infra.stage.Stage."""
    home = BUILD / platform
    asset = home / "asset"
    requirements = _requirements()
    packages = digest(platform, requirements, Path(__file__))
    whole = digest(packages, *SOURCES, *CONSOLE)
    with stamped(home / "asset.stamp", whole) as stale:
        if stale:
            with stamped(home / "packages.stamp", packages) as packages_stale:
                if packages_stale:
                    _install(requirements, platform, asset)
            _copy_sources(asset)
    return Asset(asset, whole)


def _requirements() -> str:
    """What `uv.lock` says that a function needs at run time, with the hash of every wheel."""
    export = "export --quiet --frozen --no-dev --no-emit-project --no-annotate --no-header"
    return _uv(*export.split(), "--prune", "botocore")


def _install(requirements: str, platform: str, target: Path) -> None:
    """From uv's cache if it has everything, because uv would ask the index even so."""
    shutil.rmtree(target, ignore_errors=True)
    listed = target.with_name("requirements.txt")
    listed.write_text(requirements)
    install = "pip install --quiet --no-deps --only-binary :all: --no-installer-metadata"
    place = ["--python-version", "3.13", "--target", str(target), "--requirements", str(listed)]
    if platform != "machine":
        place += ["--python-platform", platform]
    try:
        _uv("--offline", *install.split(), *place, quiet=True)
    except subprocess.CalledProcessError:
        _uv(*install.split(), *place)
    shutil.rmtree(target / "bin", ignore_errors=True)
    _compile(target)


def _copy_sources(target: Path) -> None:
    for source in SOURCES:
        copy = target / source.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(copy)
    write_openapi(target / "functions" / "openapi.json")
    console = Path("functions", "console", "static")
    build_console(ROOT / console, target / console)


def write_openapi(path: Path) -> None:
    """Have the routes write the OpenAPI document, and docs.html beside it, that will be served."""
    subprocess.run([sys.executable, "-m", "functions.openapi", path], cwd=ROOT, check=True)


def _compile(tree: Path) -> None:
    """Bytecode that is never checked again: Lambda cannot write any, so each cold start would."""
    compileall.compile_dir(
        tree,
        quiet=1,
        stripdir=tree.parent,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _uv(*arguments: str, quiet: bool = False) -> str:
    settings = {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
    return subprocess.run(
        [UV, *arguments],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        check=True,
    ).stdout
