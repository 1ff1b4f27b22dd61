"""Every cell that a pattern accepts is read by the model as the same row."""

import random
from collections.abc import Callable

import pytest

from shared.cell_patterns import RowPattern
from shared.columns import KINDS, Part

PARTS = {
    "order": KINDS["licenses"].parts["order"],
    "customer": KINDS["licenses"].parts["customer"],
    "customers": KINDS["customers"].parts["customer"],
}
CELLS = 40_000
TIMES = ("2024-03-01", "2019-12-31 23:30:00", "2019-12-31T23:30:00Z")
_PIECES = [
    *("a", "Z", "7", "0", " ", "-", "+", ".", ",", "'", '"', "_", "/", "@", "=", "#", "&", ";"),
    *("\t", "\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\xa0", "\u2003", "\u2028", "\u200b"),
    *(
        "\ufeff",
        "\xad",
        "é",
        "e\u0301",
        "\u017f",
        "İ",
        "ß",
        "ﬁ",
        "😀",
        "\ud800",
        "\udfff",
        "\u202e",
    ),
    *TIMES,
    *("2024-02-30", "2024-3-1", "0001-01-01", "2024-03-01T24:00:00", "2024-03-01T08:00:00+02:00"),
    *("true", "false", "TRUE", "1", "no", "normal", "web-4711", "crm-1", "ana", "acme.example"),
    *("ana@acme.example", "a.b+c@x-y.co.uk", "a..b@x.co", ".a@x.co", "a.@x.co", "a@-x.co"),
    *("a@x-.co", "a@x..co", "a@x", "A@X.CO", "a@xn--bcher-kva.de", "a@b@c.de", "<a@b.co>"),
    *("1.9E+18", "1e+10", "+3E+2", "123456789012345000", "123456789012345", "########", "#REF!"),
    *("Err:502", "#N/A", "Err", "1,5E+3", "34 600 000 000", "x" * 62, "x" * 63, "y" * 190),
    *("z" * 250, "ä" * 63, "utm_source=a&utm_medium=b", "'=1+1", "Main Street 1, 2nd floor"),
]


def random_cell(chance: random.Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.choice((0, 1, 1, 1, 2, 3, 6))))


def one_by_one(part: Part, chance: random.Random) -> tuple[list[str], list[str]]:
    """One column, so that a cell is not refused for its neighbors."""
    return [chance.choice([*part.columns])], [random_cell(chance)]


def together(part: Part, chance: random.Random) -> tuple[list[str], list[str]]:
    headers = [header for header in part.columns if chance.random() < 0.8]
    usual = {"email": "ana@acme.example", "is_test": "true", "is_trial": "false"}
    usual["created_at"] = chance.choice(TIMES)
    cells = [usual.get(part.columns[header], "plain") for header in headers]
    for _ in range(chance.choice((0, 1, 2))):
        if cells:
            cells[chance.randrange(len(cells))] = random_cell(chance)
    return headers, cells


@pytest.mark.parametrize("draw", [one_by_one, together])
@pytest.mark.parametrize("name", PARTS)
def test_a_row_that_a_pattern_reads_is_the_row_that_its_model_reads(
    name: str, draw: Callable[[Part, random.Random], tuple[list[str], list[str]]]
) -> None:
    part, chance, read = PARTS[name], random.Random(name), 0
    patterns: dict[tuple[str, ...], RowPattern] = {}
    for _ in range(CELLS // 4):
        headers, cells = draw(part, chance)
        pattern = patterns.setdefault(tuple(headers), RowPattern(part, headers))
        row = pattern.read(cells)
        if row is None:
            continue
        read += 1
        model = part.read(dict(zip(headers, cells, strict=True)))
        assert row == model, cells
        assert row.model_dump() == model.model_dump()
        assert row.model_fields_set == model.model_fields_set
        assert row.model_copy() == model

    assert read > CELLS // 40, "most rows must not need their model"
