"""The console as it is built: small, complete, from libraries that are locked and free."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.asset import build_asset
from infra.console import LIBRARIES, bare, needed
from infra.stamp import ROOT
from tests.infra.reading import Template, as_list, functions, resources

LOCK: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text())["packages"]
PACKAGES = {name.removesuffix("/hooks") for name in LIBRARIES} | {"@picocss/pico"}
SOURCES = ROOT / "functions" / "console" / "static"
PAGES = sorted(
    {
        name
        for path in SOURCES.glob("*.js")
        for name in re.findall(r'import\("\./(\w+)\.js"\)', path.read_text())
    }
)
"""What is fetched when it is wanted."""
MOST = 64_000
"""Bytes that a page may have in all, compressed."""
ALL = 105_000
"""Bytes that all of them may have together, compressed."""


@pytest.fixture(scope="module")
def static() -> Path:
    return build_asset("machine").path / "functions" / "console" / "static"


@pytest.fixture(scope="module")
def files(static: Path) -> dict[str, str]:
    """Every file by its name, whatever folder it is in."""
    return {path.name: path.read_text() for path in static.rglob("*") if path.is_file()}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_small_with_everything_that_it_needs(
    static: Path, files: dict[str, str], page: str
) -> None:
    """Shell, style and libraries are part of each; of a new import the worker as well."""
    (folder,) = (path for path in static.iterdir() if path.is_dir())
    wanted = {"index.html", "pico.css", "style.css", "icon.svg"}
    wanted |= {"start.js"} | needed("app.js", folder) | needed(f"{page}.js", folder)
    if page.startswith("import"):
        wanted |= needed("imports.js", folder) | {"rules.json"}
    if page == "import_new":
        wanted |= needed("check.js", folder)

    packed = {name: len(gzip.compress(files[name].encode())) for name in sorted(wanted)}

    assert sum(packed.values()) <= MOST, packed


SCRIPT = r"""
// A comment with a ` in it.
const a = 6, b = 2, text = 'it\'s // no "comment"'; /* nor
   is */ let n = a - -b; // this one is
const found = [/[/`]\/"/.test('`/"'), a / b / 1, `in ${ { x: `${a}
    deep` }.x } and \` $5 ${n}`];
const of = (x) => {
  if (x in { y: 1 }) return /y/g.exec(x)[0];
  else return typeof x;
};
function last() { return (n++, n) / 2; }
console.log(JSON.stringify([n, text, found, of("y"), of(1), last(), a > b ? -1 : +1]));
"""


def test_a_script_without_its_white_space_does_the_same() -> None:
    def run(script: str) -> str:
        command = ["node", "--input-type=module", "--eval", script]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    less = bare(SCRIPT)

    assert len(less.splitlines()) == 2, "only the text of a template keeps its line break"
    assert run(less) == run(SCRIPT).replace("\\n    deep", "\\ndeep")


def test_every_script_can_be_read(static: Path) -> None:
    scripts = json.dumps(sorted(map(str, static.rglob("*.js"))))
    parse = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ SourceTextModule }} from "node:vm";
        for (const path of {scripts}) new SourceTextModule(readFileSync(path, "utf-8"));
    """

    command = ["node", "--experimental-vm-modules", "--input-type=module", "--eval", parse]
    subprocess.run(command, check=True)


def test_a_rule_of_the_stylesheet_goes_only_if_nothing_that_it_is_for_is_there(
    files: dict[str, str],
) -> None:
    kept = files["pico.css"]

    assert all(name in kept for name in ("select:not(", "[type=date]", "dialog", "summary", "MIT"))
    assert not any(name in kept for name in ("data-theme=dark]{", "[type=color]"))


def test_the_stylesheet_sets_every_variable_that_is_read_and_no_other(
    files: dict[str, str],
) -> None:
    styles = files["pico.css"] + files["style.css"]

    read = set(re.findall(r"var\((--[\w-]+)\)", styles))
    optional = set(re.findall(r"var\((--[\w-]+),", styles))
    put = set(re.findall(r"(--[\w-]+):", styles))
    assert put <= read | optional
    assert read <= put


def test_the_console_as_a_whole_is_small(files: dict[str, str]) -> None:
    packed = {name: len(gzip.compress(text.encode())) for name, text in files.items()}

    assert sum(packed.values()) <= ALL, packed


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_library_is_of_the_locked_version_and_free(name: str) -> None:
    locked = LOCK[f"node_modules/{name}"]
    installed = json.loads((ROOT / "node_modules" / name / "package.json").read_text())

    assert LOCK[""]["dependencies"][name] == locked["version"] == installed["version"]
    assert locked["license"] == installed["license"]
    assert locked["license"] in {"MIT", "Apache-2.0"}
    assert locked["integrity"].startswith("sha512-")


def test_no_library_is_there_that_is_not_served() -> None:
    assert set(LOCK[""]["dependencies"]) == PACKAGES


def test_every_import_leads_to_a_file_that_is_served(files: dict[str, str]) -> None:
    scripts = {name: text for name, text in files.items() if name.endswith(".js")}

    for name, text in scripts.items():
        for wanted in re.findall(r"""\b(?:from|import)\s*["']([\w@./-]+)["']""", text):
            assert wanted.startswith("./"), f"{name} imports {wanted}"
            assert wanted.removeprefix("./") in scripts, f"{name} imports {wanted}"


def test_the_page_names_only_files_that_are_there_and_nothing_inline(
    static: Path, files: dict[str, str]
) -> None:
    page = files["index.html"]

    linked = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert linked
    assert all((static / each).is_file() for each in linked)
    assert not re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)


def test_our_files_speak_to_no_other_host_and_run_no_text(files: dict[str, str]) -> None:
    for path in SOURCES.iterdir():
        text = path.read_text()
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not hosts, path
        assert not re.findall(r"\beval\(|new Function|innerHTML", text), path


def test_only_the_time_of_a_sign_out_is_kept_beyond_the_tab() -> None:
    told = {
        path.name: re.findall(r"localStorage\.\w+\([^()]*(?:\(\))?\)|indexedDB|caches", text)
        for path in SOURCES.glob("*.js")
        if "localStorage." in (text := path.read_text())
    }

    assert told == {
        "storage.js": ["localStorage.getItem(name)", "localStorage.setItem(name, Date.now())"]
    }


def test_a_browser_may_keep_every_file_because_its_folder_is_named_after_the_content(
    static: Path,
) -> None:
    (folder,) = (path for path in static.iterdir() if path.is_dir())

    assert re.fullmatch(r"[0-9a-f]{12}", folder.name)
    assert {path.name for path in static.iterdir()} == {folder.name, "index.html"}


def test_the_page_may_send_files_to_the_bucket_and_from_nowhere_else(template: Template) -> None:
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    (rule,) = bucket["Properties"]["CorsConfiguration"]["CorsRules"]

    assert rule["AllowedMethods"] == ["POST", "PUT", "GET"]
    assert rule["ExposedHeaders"] == ["ETag"]
    (origin,) = rule["AllowedOrigins"]
    assert "execute-api" in json.dumps(origin) or "ApiEndpoint" in json.dumps(origin)


def test_the_page_may_speak_to_the_one_host_that_links_name(template: Template) -> None:
    """tests/shared/store/test_links.py holds the links of every region to the same host."""
    ((bucket, _),) = resources(template, "AWS::S3::Bucket").items()
    console = functions(template)["functions.console.handler"]["Properties"]
    told = console["Environment"]["Variables"]["UPLOADS_ORIGINS"]

    named = {bucket: "<bucket>", "AWS::Region": "<region>", "AWS::URLSuffix": "<suffix>"}
    parts = (part if isinstance(part, str) else named[part["Ref"]] for part in told["Fn::Join"][1])
    assert "".join(parts) == "https://<bucket>.s3.<region>.<suffix>"


def test_the_console_may_do_nothing_but_log_and_trace(template: Template) -> None:
    role = functions(template)["functions.console.handler"]["Properties"]["Role"]["Fn::GetAtt"][0]
    granted = {
        action.partition(":")[0]
        for policy in resources(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
    }

    assert granted - {"xray"} == {"logs"}
