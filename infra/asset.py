"""The asset of all Lambda functions: `functions/`, `shared/` and their dependencies.

It is built without Docker from `uv.lock` into `.build/`, and only when its inputs have changed. The
Lambda runtime provides boto3 and botocore. See infra/console.py for the console and the API
documents.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.console import SWAGGER_UI, build_console, build_docs
from infra.notices import NOTICES, notices
from infra.stamp import BUILD, ROOT, build_once, digest

SOURCES = (ROOT / "functions", ROOT / "shared")
CONSOLE = (
    ROOT / "infra" / "console.py",
    ROOT / "infra" / "notices.py",
    ROOT / "package-lock.json",
)
"""Inputs of the console's build in addition to its own files."""
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Asset:
    path: Path
    hash: str
    """A digest of the inputs, which is the same on every machine."""


def build_asset(platform: str) -> Asset:
    """Build `.build/<platform>/asset` if its inputs changed; `platform` is that of Stage."""
    home = BUILD / platform
    asset = home / "asset"
    requirements = _requirements()
    packages = digest(platform, requirements, Path(__file__))
    whole = digest(packages, *SOURCES, *CONSOLE)
    with build_once(home / "asset.stamp", whole) as stale:
        if stale:
            with build_once(home / "packages.stamp", packages) as packages_stale:
                if packages_stale:
                    _install(requirements, platform, asset)
            _copy_sources(asset)
    return Asset(asset, whole)


def _requirements() -> str:
    """Return the locked packages of the `functions` group, with the hash of every wheel."""
    export = "export --quiet --frozen --only-group functions --no-emit-project"
    export += " --no-annotate --no-header"
    return _uv(*export.split(), "--prune", "botocore")


def _install(requirements: str, platform: str, target: Path) -> None:
    """Install from uv's cache if it is complete: uv would otherwise still query the index."""
    shutil.rmtree(target, ignore_errors=True)
    file = target.with_name("requirements.txt")
    file.write_text(requirements)
    install = "pip install --quiet --no-deps --only-binary :all: --no-installer-metadata"
    place = ["--python-version", "3.13", "--target", str(target), "--requirements", str(file)]
    if platform != "machine":
        place += ["--python-platform", platform]
    try:
        _uv("--offline", *install.split(), *place, quiet=True)
    except subprocess.CalledProcessError:
        _uv(*install.split(), *place)
    shutil.rmtree(target / "bin", ignore_errors=True)
    for copied in (target / SWAGGER_UI).glob("swagger-ui*"):
        copied.unlink()
    _compile(target)


def _copy_sources(target: Path) -> None:
    for source in SOURCES:
        copy = target / source.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(copy)
    write_openapi(target / "functions" / "openapi.json")
    console, docs = (Path("functions", "console", name) for name in ("static", "docs"))
    build_console(ROOT / console, target / console)
    (target / console / NOTICES).write_text(notices(target), encoding="utf-8")
    build_docs(ROOT / docs, target / docs)


def write_openapi(path: Path) -> None:
    """Generate the OpenAPI document from the routes."""
    subprocess.run([sys.executable, "-m", "functions.web.openapi", path], cwd=ROOT, check=True)


def _compile(tree: Path) -> None:
    """Compile to unchecked bytecode: Lambda can't write any, so every cold start would compile."""
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
