"""Cells that a spreadsheet would calculate are escaped, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csv_format.cells import escape_formula, unescape_formula
from shared.csv_format.planner import plan
from tests.shared.csv_format.whole_file import rows_of


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n19. x\u2028\x00") | st.characters()))
def test_every_cell_survives_escaping(cell: str) -> None:
    escaped = escape_formula(cell)

    assert unescape_formula(escaped) == cell
    assert escaped[:1] not in ("=", "+", "@", "\t", "\r")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("sign", "\uff1d\uff0b\uff0d\uff20")
def test_a_formula_in_full_width_is_escaped_and_read_back(sign: str, encoding: str) -> None:
    assert escape_formula(f"{sign}1") == f"'{sign}1"

    data = f"key\n'{sign}1\n".encode(encoding)
    (row,) = rows_of(data, plan([data]))
    assert row.fields == [f"{sign}1"]


def test_formulas_are_escaped_and_negative_numbers_are_not() -> None:
    assert escape_formula("=1+1") == "'=1+1"
    assert escape_formula("-1") == "-1"
    assert escape_formula("-1+cmd|' /C calc'!A0") == "'-1+cmd|' /C calc'!A0"
    assert unescape_formula("'tis") == "'tis"
