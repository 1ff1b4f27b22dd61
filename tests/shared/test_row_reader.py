"""Rows that are read without the model are read as the model would; generated keys."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cell_patterns import KEY_SUBSCRIPTION_NOTE
from shared.columns import FreeRow
from shared.csv_format.reader import DAMAGE, spreadsheet_damage
from shared.row_entries import Import, InvalidRecord, LicenseEntry
from tests.shared.value_import import NOW, import_job, read_rows
from tests.shared.value_shop import ValueShop

# Letters of keys and names, what spreadsheets leave behind, and what must not be in a cell.
PIECES = st.sampled_from(
    [
        *"AEe0123456789-+.,:#/! \t\n\r\x00\x1c\x7f\x85\xa0\u2003\u3000\ufeff\ud800ñÅ中😀",
        *("Err:502", "#REF!", "1E+10", "1.5e+018", "123456789012345", "000", "###", "NV"),
    ]
)
CELLS = st.lists(PIECES, min_size=1, max_size=90).map("".join) | st.text(max_size=70)


@given(st.lists(CELLS, min_size=3, max_size=3))
def test_sound_cells_of_a_license_are_what_the_model_makes_of_them(cells: list[str]) -> None:
    given = dict(zip(("license_key", "subscription_id", "note"), cells, strict=True))
    for name, cell in given.items():
        others = {**dict.fromkeys(given, ""), "license_key": "K-1"}
        if not KEY_SUBSCRIPTION_NOTE.fullmatch("\n".join((others | {name: cell}).values())):
            continue
        row = FreeRow.model_validate({"license_key": "K-1", name: cell})
        assert row.model_dump(include={name}) == {name: cell}

    together = KEY_SUBSCRIPTION_NOTE.fullmatch("\n".join(cells))
    assert not together or FreeRow.model_validate(given).model_dump(include={*given}) == given


@given(CELLS)
def test_a_cell_that_begins_soundly_is_not_damaged(cell: str) -> None:
    damage = [name for pattern, name in DAMAGE if pattern.fullmatch(cell.strip())]

    assert spreadsheet_damage(cell) == (damage[0] if damage else None)


def test_usual_cells_need_no_model() -> None:
    for cells in (
        ("G8HA-SRRZ-A6WK-TJWB", "", ""),
        ("K-1", "sub_1N7x", "moved from the old shop, ticket #12"),
        ("K-1", "", "Peña"),
    ):
        assert KEY_SUBSCRIPTION_NOTE.fullmatch("\n".join(cells)), cells


SEED = b"s" * 32
KEYLESS = "license__license_key,product__short_code,license__note\nK-1,kp,\n,kp,a\n ,kp,a\n"


def keys_of(text: str, **options: Any) -> list[str | None]:
    """The key of each row, or None if it is invalid."""
    entries = read_rows(text, **options)
    return [entry.key if isinstance(entry, LicenseEntry) else None for entry in entries]


def test_a_row_without_a_key_gets_the_same_one_whenever_it_is_read() -> None:
    first, again = (keys_of(KEYLESS, key_seed=SEED) for _ in range(2))
    other = keys_of(KEYLESS, key_seed=b"t" * 32)

    assert first == again
    assert first[0] == other[0] == "K-1"
    assert len({*first, *other}) == 5
    assert all(
        key and re.fullmatch(r"([2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}", key) for key in first[1:]
    )


def test_a_generated_key_has_the_length_of_its_product() -> None:
    shop = ValueShop()
    shop.change_product("kp", key_length=24)

    _, key, _ = keys_of(KEYLESS, key_seed=SEED, products=shop.products)

    assert key is not None
    assert len(key.replace("-", "")) == 24


@pytest.mark.parametrize("options", [{}, {"key_seed": SEED, "on_missing": "refuse"}])
def test_a_key_is_required_where_none_is_generated(options: dict[str, Any]) -> None:
    _, row, _ = read_rows(KEYLESS, **options)

    assert isinstance(row, InvalidRecord)
    (fault,) = row.faults
    assert (fault["column"], fault["code"]) == ("license__license_key", "required")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",none,", "unknown_product"),
        ("K-1,up,", "key_not_allowed"),
        ("\\N,kp,", "required"),
        (",kp,#REF!", "invalid_value"),
    ],
)
def test_a_row_with_a_fault_gets_no_key(row: str, code: str) -> None:
    header = KEYLESS.partition("\n")[0]

    (entry,) = read_rows(f"{header}\n{row}\n", key_seed=SEED, on_existing="update")

    assert isinstance(entry, InvalidRecord)
    assert entry.faults[0]["code"] == code


def test_a_seed_is_not_shown() -> None:
    job = Import("acme", 7, "licenses", NOW, {}, key_seed=b"secret-seed")

    assert "secret" not in repr(job)
    assert "secret" not in repr(import_job(key_seed="secret"))


QUANTITIES = "license__license_key,product__short_code,license__quantity\n"


def quantity_of(row: str, **options: Any) -> int | list[tuple[str, str]]:
    """The licenses of a row, or the columns and codes of its faults."""
    (entry,) = read_rows(f"{QUANTITIES}{row}\n", **options)
    if isinstance(entry, InvalidRecord):
        return [(fault["column"], fault["code"]) for fault in entry.faults]
    assert isinstance(entry, LicenseEntry)
    return entry.copies


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", 1),
        ("1", 1),
        (" 007 ", 7),
        ('"5,0"', 5),
        ("1000", 1000),
        *((bad, [("license__quantity", "invalid_value")]) for bad in ("0", "1001", "-1", "x")),
    ],
)
def test_a_quantity_is_a_number_from_1_to_1000(cell: str, expected: object) -> None:
    assert quantity_of(f",kp,{cell}", key_seed=SEED) == expected


@pytest.mark.parametrize("options", [{}, {"key_seed": SEED, "on_existing": "update"}])
def test_a_row_with_a_key_is_one_license(options: dict[str, Any]) -> None:
    assert quantity_of("K-1,kp,1", **options) == 1
    assert quantity_of("K-1,kp,2", **options) == [("license__quantity", "quantity_with_key")]


def test_a_quantity_needs_an_import_that_generates_keys() -> None:
    assert quantity_of(",kp,2") == [("license__license_key", "required")]
