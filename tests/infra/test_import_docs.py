"""docs/imports.md and docs/columns.md list all kinds, columns, states and codes."""

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from functions import job_status, records
from infra.stamp import ROOT
from infra.tools import columns
from shared.columns import KINDS
from shared.import_job import State
from tests.functions.shop import Shop
from tests.http_event import send
from tests.infra.pages import Page
from tests.infra.served import Keywright

TEXT = (ROOT / "docs" / "imports.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", TEXT, flags=re.MULTILINE))
CODE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_a_kind_are_named_and_the_required_ones_in_bold(kind: str) -> None:
    of = KINDS[kind]

    assert set(re.findall(r"\*\*`(\w+)`\*\*", ROWS[kind])) == set(of.required)
    named = set(re.findall(r"`(\w+)`", ROWS[kind]))
    prefixes = tuple(re.findall(r"`(\w+)…`", ROWS[kind]))
    assert named | {each for each in of.columns if each.startswith(prefixes)} == set(of.columns)


def test_every_state_is_explained() -> None:
    documented = set(
        re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)))
    )

    assert set(get_args(State.__value__)) <= documented


def codes_in(source: str) -> Iterator[str]:
    """The codes of faults and warnings: in calls, as attributes, and as keys of row faults."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in (
                "BadFile",
                "FileFault",
                "_refusal",
                "fault_of",
                "_fault",
                "_warning",
            ):
                first = args[2:3] if name in ("fault_of", "_fault") else args[:1]
                values = [*first, *(each.value for each in node.keywords if each.arg == "code")]
            case ast.Dict(keys=names, values=values):
                values = [
                    value
                    for name, value in zip(names, values, strict=True)
                    if isinstance(name, ast.Constant) and name.value == "code"
                ]
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                values = [value]
            case ast.Assign(targets=[ast.Name(id="_ROW_FAULTS")], value=ast.Dict(keys=names)):
                values = [name for name in names if name]
            case ast.Return(value=ast.Tuple(elts=values)):
                pass
            case _:
                continue
        for value in values:
            if isinstance(value, ast.Constant) and CODE.fullmatch(str(value.value)):
                yield str(value.value)


def test_every_code_of_an_import_is_explained() -> None:
    modules = [
        *(ROOT / "shared" / "csv_format").glob("*.py"),
        *(ROOT / "shared" / "workflows").glob("import_*.py"),
        *(ROOT / "shared").glob("*_reader.py"),
        *(ROOT / "shared" / name for name in ("row_entries.py", "differences.py")),
        *(ROOT / "shared" / name for name in ("import_job.py", "import_header.py")),
        ROOT / "shared" / "workflows" / "held_keys.py",
        *(ROOT / "functions" / name for name in ("import_csv.py", "import_views.py", "sweep.py")),
    ]

    codes = {code for module in modules for code in codes_in(module.read_text(encoding="utf-8"))}

    assert len(codes) > 30
    assert codes - set(re.findall(r"`(\w+)`", TEXT)) == set()


@pytest.fixture
def run_page(
    keywright: Keywright, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Page:
    """Runs pages in an empty folder, for a company that sells sketch and render."""
    monkeypatch.chdir(tmp_path)
    for code in ("sketch", "render"):
        shop.make("/products/", product_name=code, short_code=code)
    return Page(keywright, partial(get, shop), tmp_path)


def get(shop: Shop, path: str) -> Any:
    path, _, query = path.removeprefix("/api/v1").partition("?")
    handler = job_status.handler if path.startswith("/imports/") else records.handler
    return send(handler, "GET", f"/api/v1{path}", query=query, key=shop.key).json()


def test_the_example_of_the_page_of_imports_runs_as_it_says(run_page: Page) -> None:
    start = TEXT.index("## An import from start to finish")

    assert run_page.run(TEXT[start : TEXT.index("\n## Ways to send a file")]) > 10


def test_the_page_about_spreadsheets_imports_its_table(run_page: Page, shop: Shop) -> None:
    page = (ROOT / "docs" / "migrations" / "spreadsheet.md").read_text(encoding="utf-8")

    assert run_page.run(page) == 3

    licenses = shop.get("/licenses/").json()["results"]
    assert {
        (
            each["license_key"],
            each["license_type"],
            each["validity_period"],
            each["customer"]["email"],
        )
        for each in licenses
    } == {
        ("SK-0001", "perpetual", None, "ana@acme.example"),
        ("SK-0002", "time-limited", "2027-12-31", "bo@globex.example"),
        ("RE-0001", "time-limited", "2027-06-30", "ana@acme.example"),
    }


def test_the_page_of_columns_is_what_the_row_models_say() -> None:
    assert columns.PAGE.read_text(encoding="utf-8") == columns.page(), "write it again: make docs"


def test_every_column_has_a_rule() -> None:
    rows = re.findall(r"^\| \**`(\w+)`\** \| (.*?) \|", columns.page(), re.MULTILINE)

    assert len(rows) == sum(len(kind.columns) for kind in KINDS.values())
    assert [column for column, rule in rows if not rule.strip()] == []
    assert [column for column, rule in rows if not rule.startswith("must ")] == []
