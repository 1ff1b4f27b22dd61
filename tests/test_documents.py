"""What the documents say is true: links lead somewhere, what they list is what there is."""

import importlib
import re
from pathlib import Path

import pytest

from functions.console.handler import SITES
from functions.web.error_codes import CODES, with_table
from functions.web.openapi import ROUTE_MODULES
from infra.cli.main import main
from infra.stamp import ROOT
from infra.tools.views import DOCUMENTED
from shared.access import SCOPES

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALONE = "import|export|migrate|doctor|preflight|deploy|verify"
"""Commands without subcommands."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_house_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} names {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_a_place_in_a_page_lead_to_one_of_its_headings(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target, place in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text):
        page = document.parent / target if target else document
        headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert place in {
            re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings
        }


def test_pictures_are_small_and_each_of_them_is_shown() -> None:
    pictures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".webp")]
    shown = {
        (document.parent / target).resolve()
        for document in DOCUMENTS
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", document.read_text(encoding="utf-8"))
    }

    assert shown == set(pictures)
    assert {path.stem for path in pictures} == DOCUMENTED
    assert max(path.stat().st_size for path in pictures) <= 60_000


def test_every_page_is_found_from_the_readme() -> None:
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        found.add(page)
        links = re.findall(r"\]\(([^)#\s:]+\.md)", page.read_text(encoding="utf-8"))
        waiting += {(page.parent / link).resolve() for link in links} - found

    assert set(DOCUMENTS) <= found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_routes_that_documents_name_are_served(document: Path) -> None:
    modules = [importlib.import_module(f"functions.{name}") for name in ROUTE_MODULES]
    served = [
        (operation.method, re.sub(r"<\w+>", "[^/]+", operation.path.rstrip("/")) + "/?")
        for module in modules
        for operation in module.api.operations
    ]
    served += [("GET", f"{site}?") for site in SITES]

    named = re.findall(
        r"`(?:([A-Z, ]+) )?(/(?:api/v1|healthz|docs|openapi\.json)[^`?\s]*)",
        document.read_text(encoding="utf-8"),
    )

    for methods, path in named:
        for method in re.findall(r"[A-Z]+", methods) or [""]:
            assert any(
                method in ("", each) and re.fullmatch(pattern, path) for each, pattern in served
            ), f"{document.name} names {method} {path}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_that_documents_name_are_there_with_their_options(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = document.read_text(encoding="utf-8")
    for command in re.findall(r"(?:^|[`/ ])keywright ([a-z][^`\n#]*)", text, re.MULTILINE):
        words = re.match(rf"(?:(?:{ALONE})\b|[a-z]+ [a-z]+)", command)
        if words is None or (document.name == "CHANGELOG.md" and "--" not in command):
            continue
        with pytest.raises(SystemExit) as left:
            main([*words[0].split(), "--help"])
        shown = capsys.readouterr()
        assert left.value.code == 0, f"{document.name}: keywright {command}: {shown.err}"
        for option in re.findall(r"--[a-z-]+", command):
            assert option in shown.out, f"{document.name}: keywright {command}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_targets_that_documents_name_are_in_the_makefile(document: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = re.findall(r"(?:^|`)(?:\w+=\S+ )*make ([\w-]+)", document.read_text(), re.MULTILINE)

    assert set(named) <= targets


def test_the_page_of_refusals_is_as_make_docs_writes_it() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")

    assert with_table(written) == written, "write it again: make docs"
    assert with_table(written.replace("| `not_found` | 404 |", "| `lost` | 410 |")) == written
    for code, (status, _) in CODES.items():
        assert f"\n| `{code}` | {status} | " in written


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_api_guide_explains_every_scope() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([a-z]+:[a-z]+)` \|", page, re.MULTILINE)) == SCOPES


def test_every_command_is_on_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    documented = {
        tuple(row.split()) for row in re.findall(r"^\| `keywright ([a-z ]+)", page, re.MULTILINE)
    }

    there = {(noun, verb) for noun in listed(capsys) for verb in listed(capsys, noun) or [""]}

    assert {words[:2] for words in documented} == {tuple(filter(None, words)) for words in there}


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The commands that `--help` lists, with a line of help each."""
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    return re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
