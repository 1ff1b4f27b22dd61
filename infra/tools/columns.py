"""Write docs/columns.md, the columns of every kind of file, from the row models (`make docs`).

A rule is the error message of a cell that breaks it, so the page uses the same words as the report
of a failed row.
"""

import re
from collections.abc import Iterator

from pydantic import ValidationError

from infra.stamp import ROOT
from shared.columns import KINDS, Kind, Part, faults_of_row
from shared.terms import SYSTEM, TERMS

PAGE = ROOT / "docs" / "columns.md"

_BROKEN = ("?", "[", "é" * 200, "x" * 201, "x" * 10_000)
"""Cells of which each column rejects at least one; those of the shortest limits first."""
_ABOUT = """\
# Columns of imported files

Generated from the row models by `make docs`. Columns in bold are required. The term of a blank cell
is inherited from the license policy, then from the product, then from the defaults in this table.
The rules of orders also apply between the columns of a row: for instance, a time-limited license
needs `license__valid_duration` or `license__validity_period`, explicit or inherited. To upload a
file, see [imports.md](imports.md)."""


def page() -> str:
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
    rules: dict[str, str] = {}
    for cell in _BROKEN:
        for message in _faults(part, column, cell):
            rules.setdefault(re.sub(r"\d+", "", message), message)
    return "; ".join(rules.values())


def _faults(part: Part, column: str, cell: str) -> Iterator[str]:
    try:
        part.read({column: cell})
    except ValidationError as error:
        for fault in faults_of_row(error, part):
            if fault["column"] == column:
                yield fault["message"]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
