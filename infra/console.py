"""Bundle the console: esbuild writes its files into one folder that is named after their content.

Browsers may cache that folder permanently, and no page ever mixes the files of two versions.
`index.html` is outside the folder and is revalidated on each visit.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.stamp import ROOT, digest

ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"

_LINK = re.compile(r'(href|src)="([\w.-]+\.(?:css|js))"')
_SCRIPT = '<script type="module"'


def build_console(sources: Path, target: Path) -> None:
    """Write to `target` what functions/console/handler.py serves, made from `sources`."""
    shutil.rmtree(target, ignore_errors=True)
    files = target / "files"
    _bundle(sources, files, "check.js")
    chunks = _bundle(sources, files, "app.js", "style.css")
    _write_rules(files / "rules.json")
    version = digest(*_content(files))[:12]
    files.rename(target / version)
    page = _page((sources / "index.html").read_text(encoding="utf-8"), version, chunks)
    (target / "index.html").write_text(page, encoding="utf-8")


def _bundle(sources: Path, files: Path, *entries: str) -> list[str]:
    """Bundle `entries` into `files`; return the chunks that they import before they run."""
    report = files.with_suffix(".json")
    options = ["--bundle", "--splitting", "--minify", "--format=esm", "--log-level=warning"]
    written = [f"--outdir={files}", f"--metafile={report}"]
    subprocess.run([ESBUILD, *entries, *options, *written], cwd=sources, check=True)
    outputs = json.loads(report.read_bytes())["outputs"]
    report.unlink()
    return [
        Path(imported["path"]).name
        for output in outputs.values()
        if output.get("entryPoint") in entries
        for imported in output["imports"]
        if imported["kind"] == "import-statement"
    ]


def _write_rules(path: Path) -> None:
    """Write what the row models accept, for the check of files in the browser."""
    subprocess.run([sys.executable, "-m", "functions.console.rules", path], cwd=ROOT, check=True)


def _content(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield from (path.name, path.read_text(encoding="utf-8"))


def _page(page: str, version: str, chunks: list[str]) -> str:
    """Point the links of the page into the folder, and preload the chunks next to the script."""
    preload = "".join(f'<link rel="modulepreload" href="{chunk}" />\n    ' for chunk in chunks)
    linked = page.replace(_SCRIPT, preload + _SCRIPT)
    return _LINK.sub(rf'\1="{version}/\2"', linked)
