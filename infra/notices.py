"""The notices of third-party software that a deployment contains.

The texts are those that each package ships. The console serves the file.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from infra.console import SWAGGER_FILES, SWAGGER_UI, bundled_packages, packages_folder
from infra.stamp import ROOT

SOURCES = ROOT / "functions" / "console" / "static"
NOTICES = "THIRD_PARTY_NOTICES.txt"
_INTRODUCTION = (
    "Keywright is licensed under the Apache License 2.0. A deployment contains the following"
    " third-party software, each under its own license."
)
_TEXT = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
_SWAGGER_VERSION = re.compile(r'PACKAGE_VERSION:"([\d.]+)"')
_LINE = "\n\n" + "=" * 80 + "\n"


def notices(packages: Path) -> str:
    """Return the notices of the Python packages in `packages`, of the console, and of Swagger UI.

    Raises FileNotFoundError if a package ships no license.
    """
    entries = sorted([*_of_python(packages), *_of_console(), _of_swagger_ui()])
    return _INTRODUCTION + _LINE + _LINE.join(entries) + "\n"


def _of_python(packages: Path) -> Iterator[str]:
    for found in distributions(path=[str(packages)]):
        yield _entry(f"{found.name} {found.version}", _texts(found))


def _texts(distribution: Distribution) -> list[Path]:
    return [
        Path(str(file.locate()))
        for file in distribution.files or ()
        if ".dist-info" in file.parts[0] and _TEXT.match(file.name)
    ]


def _of_console() -> Iterator[str]:
    """Packages that esbuild bundles; one that is only installed with them has no notice."""
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name in bundled_packages(SOURCES):
        place = f"node_modules/{name}"
        texts = [file for file in (ROOT / place).iterdir() if _TEXT.match(file.name)]
        yield _entry(f"{name} {lock[place]['version']}", texts)


def _of_swagger_ui() -> str:
    """Swagger UI, which Powertools bundles without its license."""
    bundle = packages_folder() / SWAGGER_UI / SWAGGER_FILES["swagger-ui.js"]
    found = _SWAGGER_VERSION.search(bundle.read_text(encoding="utf-8"))
    name = f"Swagger UI {found[1] if found else ''}".strip()
    copyright_notice = "Copyright 2020-2021 SmartBear Software Inc."
    return _entry(name, [ROOT / "LICENSE"], copyright_notice)


def _entry(name: str, texts: list[Path], about: str = "") -> str:
    if not texts:
        raise FileNotFoundError(f"{name} ships no license")
    read = [text.read_text(encoding="utf-8").strip() for text in sorted(texts)]
    return "\n\n".join([f"{name}\n{about}" if about else name, *read])
