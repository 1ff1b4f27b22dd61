"""Build the two sites that are served: the console, bundled by esbuild, and Swagger UI.

The files of a site are in one folder that is named after their content. Browsers may cache that
folder permanently, and no page ever mixes the files of two versions. `index.html` is outside the
folder and is revalidated on each visit.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.stamp import ROOT, digest

ENTRIES = ("csv/check.js", "app.js", "style.css")
"""What is bundled: the check of a file, which runs in a worker, and the pages."""
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"

_OPTIONS = ["--bundle", "--splitting", "--minify", "--format=esm", "--log-level=warning"]
_OPTIONS += ["--tsconfig-raw={}"]

SWAGGER_UI = Path("aws_lambda_powertools", "event_handler", "openapi", "swagger_ui")
"""Where Powertools has its copy of Swagger UI."""
SWAGGER_FILES = {
    "swagger-ui.js": "swagger-ui-bundle.min.js",
    "swagger-ui.css": "swagger-ui.min.css",
}

_PACKAGE = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/")
_LINK = re.compile(r'(href|src)="([\w.-]+\.(?:css|js))"')
_SCRIPT = '<script type="module"'


def build_console(sources: Path, target: Path) -> None:
    """Write to `target` what functions/console/handler.py serves, made from `sources`."""
    shutil.rmtree(target, ignore_errors=True)
    files = target / "files"
    worker, *pages = ENTRIES
    _bundle(sources, files, worker)
    chunks = _bundle(sources, files, *pages)
    rules = [sys.executable, "-m", "functions.console.rules", str(files / "rules.json")]
    subprocess.run(rules, cwd=ROOT, check=True)
    _write_packs(files / "packs.json")
    _write_page(sources, target, chunks)


def build_docs(sources: Path, target: Path) -> None:
    """Write Swagger UI with our page, script and style from `sources` to `target`."""
    shutil.rmtree(target, ignore_errors=True)
    files = target / "files"
    shutil.copytree(sources, files, ignore=shutil.ignore_patterns("index.html"))
    packages = packages_folder()
    for name, bundled in SWAGGER_FILES.items():
        shutil.copyfile(packages / SWAGGER_UI / bundled, files / name)
    _write_page(sources, target)


def packages_folder() -> Path:
    """The folder that contains Powertools, which is not imported only for its files."""
    found = find_spec("aws_lambda_powertools")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("aws_lambda_powertools is not installed")
    return Path(found.origin).parents[1]


def bundled_packages(sources: Path) -> list[str]:
    """The names of the npm packages of which the console contains a part."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        written = [f"--outdir={folder}/files", f"--metafile={report}"]
        subprocess.run([ESBUILD, *ENTRIES, *_OPTIONS, *written], cwd=sources, check=True)
        inputs = json.loads(report.read_bytes())["inputs"]
    return sorted({found[1] for path in inputs if (found := _PACKAGE.search(path))})


def _bundle(sources: Path, files: Path, *entries: str) -> list[str]:
    """Bundle `entries` into `files`; return the chunks that they import before they run."""
    report = files.with_suffix(".json")
    written = [f"--outdir={files}", f"--metafile={report}"]
    subprocess.run([ESBUILD, *entries, *_OPTIONS, *written], cwd=sources, check=True)
    outputs = json.loads(report.read_bytes())["outputs"]
    report.unlink()
    return [
        Path(imported["path"]).name
        for output in outputs.values()
        if output.get("entryPoint") in entries
        for imported in output["imports"]
        if imported["kind"] == "import-statement"
    ]


def _write_packs(path: Path) -> None:
    """Write the migration packs, which are mappings of import files, by their names."""
    found = sorted((ROOT / "docs" / "migrations").glob("*.json"))
    packs = {each.stem: json.loads(each.read_bytes()) for each in found}
    path.write_text(json.dumps(packs), encoding="utf-8")


def _content(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield from (path.name, path.read_text(encoding="utf-8"))


def _write_page(sources: Path, target: Path, chunks: Sequence[str] = ()) -> None:
    """Name the folder of the files after their content; point the page to them, preload chunks."""
    files = target / "files"
    version = digest(*_content(files))[:12]
    files.rename(target / version)
    page = (sources / "index.html").read_text(encoding="utf-8")
    preload = "".join(f'<link rel="modulepreload" href="{chunk}" />\n    ' for chunk in chunks)
    linked = _LINK.sub(rf'\1="{version}/\2"', page.replace(_SCRIPT, preload + _SCRIPT))
    (target / "index.html").write_text(linked, encoding="utf-8")
