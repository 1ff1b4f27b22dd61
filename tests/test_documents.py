"""What the documents say is true: links lead somewhere, what they list is what there is."""

import re
from pathlib import Path

import pytest

from functions.refusals import CODES
from infra.stamp import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_house_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} names {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_targets_that_documents_name_are_in_the_makefile(document: Path) -> None:
    targets = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = re.findall(r"(?:^|`)(?:\w+=\S+ )*make (\w+)", document.read_text(), re.MULTILINE)

    assert set(named) <= targets


def test_the_page_of_refusals_lists_every_code_as_it_is() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| `.*", page, re.MULTILINE)

    assert rows == [
        f"| `{code}` | {status} | {message} |" for code, (status, message) in CODES.items()
    ], "copy the rows as they are expected here"


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200
