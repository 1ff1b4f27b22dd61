"""docs/imports.md and docs/columns.md name what there is: kinds, columns, states."""

import re
from typing import get_args

import pytest

from infra.stamp import ROOT
from infra.tools import columns
from shared.columns import KINDS
from shared.import_job import State

TEXT = (ROOT / "docs" / "imports.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", TEXT, flags=re.MULTILINE))


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_a_kind_are_named_and_the_required_ones_in_bold(kind: str) -> None:
    of = KINDS[kind]

    assert set(re.findall(r"\*\*`(\w+)`\*\*", ROWS[kind])) == set(of.required)
    named = set(re.findall(r"`(\w+)`", ROWS[kind]))
    prefixes = tuple(re.findall(r"`(\w+)…`", ROWS[kind]))
    assert named | {each for each in of.columns if each.startswith(prefixes)} == set(of.columns)


def test_every_state_is_explained() -> None:
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE))))

    assert set(get_args(State.__value__)) <= told


def test_the_page_of_columns_is_what_the_row_models_say() -> None:
    assert columns.PAGE.read_text(encoding="utf-8") == columns.page(), "write it again: make docs"


def test_every_column_has_a_rule() -> None:
    rows = re.findall(r"^\| \**`(\w+)`\** \| (.*?) \|", columns.page(), re.MULTILINE)

    assert len(rows) == sum(len(kind.columns) for kind in KINDS.values())
    assert [column for column, rule in rows if not rule.strip()] == []
    assert [column for column, rule in rows if not rule.startswith("must ")] == []
