"""The sites as they are built: small, complete, from libraries that are locked and free."""

import base64
import gzip
import json
import re
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from infra.asset import build_asset
from infra.cli.mappings import pack_names, read_pack
from infra.console import build_console, build_docs, bundled_packages
from infra.notices import NOTICES, notices
from infra.stamp import ROOT
from shared.column_mapping import ColumnMapping
from tests.infra.reading import Template, as_list, functions, resources

LOCK: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text())["packages"]
SOURCES = ROOT / "functions" / "console" / "static"
SERVED = [f"node_modules/{name}" for name in bundled_packages(SOURCES)]
"""The packages of which the console contains a part."""
DOCS = ROOT / "functions" / "console" / "docs"
FIRST_PAGE = 60_000
"""Bytes of the first page with all that it needs, compressed."""
REQUESTS = 5
"""A new AWS account may run 10 functions at once, and each request of a page may start one."""
ALL = 125_000
"""Bytes of all files together, compressed, except what only a workbook needs."""
WORKBOOK = 30_000
"""Bytes that a workbook needs in addition, compressed."""
IMPORTED = re.compile(r"""\b(?:from|import)\s*["']([\w@./-]+)["']""")


@pytest.fixture(scope="module")
def static() -> Path:
    return build_asset("machine").path / "functions" / "console" / "static"


@pytest.fixture(scope="module", params=["static", "docs"])
def site(request: pytest.FixtureRequest, static: Path) -> Path:
    return static.with_name(request.param)


@pytest.fixture(scope="module")
def files(static: Path) -> dict[str, str]:
    """Every file that a page loads by its name, whatever folder it is in."""
    found = {path.name: path.read_text() for path in static.rglob("*") if path.is_file()}
    return {name: text for name, text in found.items() if name != NOTICES}


def packed(text: str) -> int:
    return len(gzip.compress(text.encode()))


def needed(files: dict[str, str], name: str) -> set[str]:
    """A script with all that it imports before it runs."""
    imported = {each.removeprefix("./") for each in IMPORTED.findall(files[name])}
    return {name}.union(*(needed(files, each) for each in imported))


def test_the_first_page_is_small_and_takes_few_requests(files: dict[str, str]) -> None:
    first = {"index.html", "style.css", *needed(files, "app.js")}
    (later,) = (name for name in files if re.fullmatch(r"later-\w+\.js", name))

    assert sum(packed(files[name]) for name in first) <= FIRST_PAGE
    assert len(first | needed(files, later)) <= REQUESTS


def test_every_script_that_the_first_page_needs_is_requested_at_once(
    files: dict[str, str],
) -> None:
    linked = set(re.findall(r'/([\w-]+\.js)"', files["index.html"]))

    assert linked == needed(files, "app.js")


def test_two_builds_are_the_same(static: Path, tmp_path: Path) -> None:
    build_console(SOURCES, tmp_path / "static")
    build_docs(DOCS, tmp_path / "docs")

    first, second = (
        {
            path.relative_to(folder): path.read_bytes()
            for name in ("static", "docs")
            for path in (folder / name).rglob("*.*")
            if path.name != NOTICES
        }
        for folder in (static.parent, tmp_path)
    )
    assert first == second


def test_the_licenses_of_the_libraries_are_in_what_is_served(files: dict[str, str]) -> None:
    assert "Licensed under MIT" in files["style.css"]


def test_the_notices_have_the_license_of_everything_that_is_deployed(static: Path) -> None:
    text = (static / NOTICES).read_text()
    packages = {found.name for found in distributions(path=[str(static.parents[2])])}

    assert {"aws_lambda_powertools", "orjson", "httptools"} <= packages
    names = {*packages, "Swagger UI", *(path.removeprefix("node_modules/") for path in SERVED)}
    listed = dict(re.findall(r"={80}\n(.+) ([\d.]+)\n", text))
    assert listed.keys() == names
    assert listed["preact"] == LOCK["node_modules/preact"]["version"]
    for license in (
        "MIT License",
        "Apache License",
        "Fedor Indutny",
        "SmartBear",
        "Mozilla Public",
    ):
        assert license in text


def test_a_package_without_a_license_stops_the_build(tmp_path: Path) -> None:
    info = tmp_path / "nameless-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nameless\nVersion: 1.0\n")
    (info / "RECORD").write_text("nameless-1.0.dist-info/METADATA,,\n")

    with pytest.raises(FileNotFoundError, match=r"nameless 1\.0 ships no license"):
        notices(tmp_path)


def test_the_console_as_a_whole_is_small(files: dict[str, str]) -> None:
    sizes = {name: packed(text) for name, text in files.items()}
    (workbook,) = (name for name in files if re.fullmatch(r"workbook-\w+\.js", name))

    assert sizes.pop(workbook) <= WORKBOOK
    assert sum(sizes.values()) <= ALL, sizes


def test_the_console_has_the_migration_packs_of_the_command(files: dict[str, str]) -> None:
    packs = json.loads(files["packs.json"])

    assert [*packs] == pack_names()
    assert all(ColumnMapping(**packs[name]) == read_pack(name) for name in packs)


def test_what_only_a_workbook_needs_is_loaded_only_for_one(files: dict[str, str]) -> None:
    loaded = needed(files, "check.js") | needed(files, "app.js")

    assert not [name for name in loaded if name.startswith("workbook")]
    assert re.search(r'import\("\./workbook-\w+\.js"\)', files["check.js"])


@pytest.mark.parametrize("path", SERVED)
def test_a_library_is_of_the_locked_version_and_free(path: str) -> None:
    locked = LOCK[path]
    installed = json.loads((ROOT / path / "package.json").read_text())

    assert locked["version"] == installed["version"]
    assert locked["license"] == installed["license"]
    assert locked["license"] in {"MIT", "Apache-2.0"}
    assert locked["integrity"].startswith("sha512-")


def test_no_library_is_there_that_is_not_served() -> None:
    texts = [path.read_text() for kind in ("js", "css") for path in SOURCES.rglob(f"*.{kind}")]
    imported = {name for text in texts for name in IMPORTED.findall(text)}
    imported |= {name for text in texts for name in re.findall(r'@import url\("([^"]+)"', text)}

    packages = re.findall(r"^(?:@[\w-]+/)?[\w-]+", "\n".join(imported), flags=re.MULTILINE)
    assert set(LOCK[""]["dependencies"]) == set(packages)


def test_the_page_names_only_files_that_are_there_and_nothing_inline(site: Path) -> None:
    page = (site / "index.html").read_text()

    linked = re.findall(r'(?:href|src)="(?!data:|\.\./openapi\.json)([^"]+)"', page)
    assert linked
    assert all((site / each).is_file() for each in linked)
    assert not re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)


def test_our_files_speak_to_no_other_host_and_run_no_text(files: dict[str, str]) -> None:
    for path in (*SOURCES.rglob("*.*"), *DOCS.iterdir()):
        text = path.read_text()
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not hosts, path
        assert not re.findall(r"\beval\(|new Function|innerHTML", text), path


def test_only_the_time_of_a_sign_out_is_kept_beyond_the_tab() -> None:
    connected = {
        path.name: re.findall(r"localStorage\.\w+\([^()]*(?:\(\))?\)|indexedDB|caches", text)
        for path in SOURCES.rglob("*.js")
        if "localStorage." in (text := path.read_text())
    }

    assert connected == {
        "storage.js": ["localStorage.getItem(name)", "localStorage.setItem(name, `${now}`)"]
    }


def test_a_browser_may_keep_every_file_because_its_folder_is_named_after_the_content(
    site: Path,
) -> None:
    (folder,) = (path for path in site.iterdir() if path.is_dir())

    assert re.fullmatch(r"[0-9a-f]{12}", folder.name)
    assert {path.name for path in site.iterdir()} - {NOTICES} == {folder.name, "index.html"}


def test_lambda_can_return_every_file_uncompressed(site: Path) -> None:
    """Lambda refuses responses above 6 MB, in which a file is Base64."""
    sizes = [len(base64.b64encode(path.read_bytes())) for path in site.rglob("*.*")]

    assert max(sizes) < 5_000_000


def test_swagger_ui_is_in_the_package_once(static: Path) -> None:
    package = static.parents[2]

    assert [path.parent.parent for path in package.rglob("swagger-ui*.js")] == [
        package / "functions" / "console" / "docs"
    ]


def test_the_page_may_send_files_to_the_bucket_and_from_nowhere_else(template: Template) -> None:
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    (rule,) = bucket["Properties"]["CorsConfiguration"]["CorsRules"]

    assert rule["AllowedMethods"] == ["POST", "PUT", "GET"]
    assert rule["ExposedHeaders"] == ["ETag", "Content-Disposition"]
    (origin,) = rule["AllowedOrigins"]
    assert "execute-api" in json.dumps(origin) or "ApiEndpoint" in json.dumps(origin)


def test_the_page_may_speak_to_the_one_host_that_links_name(template: Template) -> None:
    """tests/shared/store/test_links.py holds the links of every region to the same host."""
    ((bucket, _),) = resources(template, "AWS::S3::Bucket").items()
    console = functions(template)["functions.console.handler"]["Properties"]
    origins = console["Environment"]["Variables"]["UPLOADS_ORIGINS"]

    named = {bucket: "<bucket>", "AWS::Region": "<region>", "AWS::URLSuffix": "<suffix>"}
    parts = (
        part if isinstance(part, str) else named[part["Ref"]] for part in origins["Fn::Join"][1]
    )
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
