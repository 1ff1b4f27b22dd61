"""Rows that are read without the model are read as the model would."""

from hypothesis import given
from hypothesis import strategies as st

from shared.cell_patterns import SOUND
from shared.columns import FreeRow
from shared.csv_format.reader import DAMAGE, spreadsheet_damage

# Letters of keys and names, what spreadsheets leave behind, and what must not be in a cell.
PIECES = st.sampled_from(
    [
        *"AEe0123456789-+.,:#/! \t\n\r\x00\x1c\x7f\x85\xa0\u2003\u3000\ufeff\ud800ñÅ中😀",
        *("Err:502", "#REF!", "1E+10", "1.5e+018", "123456789012345", "000", "###", "NV"),
    ]
)
CELLS = st.lists(PIECES, min_size=1, max_size=90).map("".join) | st.text(max_size=70)


@given(CELLS)
def test_a_sound_cell_is_what_the_model_makes_of_it(cell: str) -> None:
    if not SOUND.fullmatch(cell):
        return

    own = {"note": cell}
    if cell.isascii():  # the model reads the others; it has one form for identifiers
        own |= {"license_key": cell, "subscription_id": cell}

    row = FreeRow.model_validate({"license_key": "K-1"} | own)

    assert row.model_dump(include={*own}) == own


@given(CELLS)
def test_a_cell_that_begins_soundly_is_not_damaged(cell: str) -> None:
    damage = [name for pattern, name in DAMAGE if pattern.fullmatch(cell.strip())]

    assert spreadsheet_damage(cell) == (damage[0] if damage else None)


def test_usual_cells_are_sound() -> None:
    for cell in ("G8HA-SRRZ-A6WK-TJWB", "sub_1N7x", "moved from the old shop, ticket #12", "Peña"):
        assert SOUND.fullmatch(cell), cell
