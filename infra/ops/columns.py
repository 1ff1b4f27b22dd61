"""docs/columns.md: every column of every kind of file, out of the row models (`make docs`).

A rule is what the model itself says of a cell that breaks it, so the page speaks the words that a
person reads of a row that failed.
"""

import re
from collections.abc import Iterator

from pydantic import ValidationError

from infra.stamp import ROOT
from shared.rows import KINDS, Kind, Part, faults_of_row
from shared.terms import SYSTEM, TERMS

PAGE = ROOT / "docs" / "columns.md"

_BROKEN = ("?", "é" * 200, "x" * 201, "x" * 10_000)
"""Cells of which each column refuses at least one; the strictest limit of its length first."""
_ABOUT = """\
# Columns of imported files

Written by `make docs` out of the row models; a test compares. Columns in bold must be there. A
blank cell says nothing: a term then comes from the license policy, the product, or last from what
is named here. The rules of orders hold between the columns of a row as well, such as that a
time-limited license needs `license__valid_duration` or `license__validity_period` from somewhere.
[imports.md](imports.md) says how a file is sent."""


def page() -> str:
    """The whole of the page."""
    head, text = _ABOUT.split("\n", 1)
    lines = [head, "", " ".join(text.split())]
    for kind in KINDS.values():
        lines += ["", f"## {kind.name}", "", "| column | rule | example | when blank |"]
        lines += ["|---|---|---|---|", *(_row(kind, column) for column in kind.columns)]
    return "\n".join(lines) + "\n"


def _row(kind: Kind, column: str) -> str:
    part = next(part for part in kind.parts.values() if column in part.columns)
    name = part.columns[column]
    examples = part.model.model_fields[name].examples or [""]
    shown = f"**`{column}`**" if column in kind.required else f"`{column}`"
    example = f"`{examples[0]}`" if examples[0] else ""
    blank = ""
    if column.startswith("license__") and name in TERMS and name in SYSTEM:
        blank = f"`{str(SYSTEM[name]).lower()}`"
    return f"| {shown} | {_rule(part, column)} | {example} | {blank} |"


def _rule(part: Part, column: str) -> str:
    told: dict[str, str] = {}
    for cell in _BROKEN:
        for message in _faults(part, column, cell):
            told.setdefault(re.sub(r"\d+", "", message), message)
    return "; ".join(told.values())


def _faults(part: Part, column: str, cell: str) -> Iterator[str]:
    try:
        part.read({column: cell})
    except ValidationError as error:
        for fault in faults_of_row(error, part):
            if fault["column"] == column:
                yield fault["message"]


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
