"""Cells of import files: what the row models accept, and the faults of the rest."""

import csv
import io
from typing import Any

import pytest
from pydantic import ValidationError

from shared.cell_types import NO_VALUE
from shared.columns import KINDS, FeatureRow, TermsRow, faults_of_row, template
from shared.row_entries import InvalidRecord
from tests.shared.value_import import read_rows

KEYS = {"license__license_key": "K-1", "product__short_code": "kp"}


def terms(**cells: str) -> TermsRow:
    row = (
        KINDS["licenses"]
        .parts["terms"]
        .read(
            {
                "product__short_code": "kp",
                **{f"license__{name}": cell for name, cell in cells.items()},
            }
        )
    )
    assert isinstance(row, TermsRow)
    return row


def faults(**cells: str) -> list[dict[str, Any]]:
    part = KINDS["licenses"].parts["terms"]
    with pytest.raises(ValidationError) as caught:
        terms(**cells)
    return faults_of_row(caught.value, part)


@pytest.mark.parametrize(
    ("cell", "flag"),
    [
        *[("1", True), ("true", True), (" YES ", True)],
        *[("0", False), ("False", False), ("no", False)],
        *[(cell, True) for cell in ("Ja", "WAHR", "Oui", "Vrai", "si", "SÍ", "Si\u0301")],
        *[(cell, False) for cell in ("Nein", "FALSCH", "Non", "FAUX", "No", "falso")],
        ("Verdadero", True),
    ],
)
def test_a_flag_is_a_word_of_five_languages_in_any_case(cell: str, flag: bool) -> None:
    assert terms(prevent_vm=cell).prevent_vm is flag


@pytest.mark.parametrize("cell", ["2", "y", "j", "s", "o", "on", "truth", "-1", "1.0"])
def test_another_spelling_of_a_flag_is_a_fault(cell: str) -> None:
    (fault,) = faults(prevent_vm=cell)

    assert (fault["column"], fault["code"]) == ("license__prevent_vm", "invalid_value")
    assert fault["message"].startswith("must be one of 1, 0, true, false, yes, no, or such a word")
    assert fault["value"] == cell


@pytest.mark.parametrize("cell", ["0", "007", " 2147483647 "])
def test_a_count_is_a_whole_number(cell: str) -> None:
    assert terms(max_activations=cell).max_activations == int(cell)


@pytest.mark.parametrize("cell", ["5,0", "5.0", " 5,00 ", "5.00", "5"])
def test_a_whole_number_may_have_zeros_as_decimals(cell: str) -> None:
    assert terms(max_activations=cell, max_transfers=cell).max_activations == 5


@pytest.mark.parametrize(
    "cell",
    [
        *("-1", "1.5", "1e3", "2147483648", "2147483648,0", "1,000", "5.000", "1.000,0", "٣"),
        *("1 0", "5,", ",0", ".0", "5,0,0", "٣,0"),
    ],
)
def test_another_number_is_no_count(cell: str) -> None:
    (fault,) = faults(max_activations=cell)

    assert fault["message"] == "must be a whole number from 0 to 2147483647"


def test_only_transfers_may_be_minus_one() -> None:
    assert terms(max_transfers="-1").max_transfers == -1
    assert terms(max_transfers="-1,0").max_transfers == -1
    assert faults(max_transfers="-2")[0]["message"].startswith("must be a whole number from -1")


def test_a_blank_cell_is_an_absent_field() -> None:
    row = terms(max_activations="", note=" \u200b", valid_duration="\ufeff")

    assert row.model_fields_set == {"short_code"}


def test_no_value_is_explicit_where_a_term_can_have_none() -> None:
    row = terms(valid_duration=NO_VALUE, trial_days=f" {NO_VALUE} ")

    assert (row.valid_duration, row.trial_days) == (None, None)
    assert row.request().model_fields_set >= {"valid_duration", "trial_days"}
    assert faults(max_activations=NO_VALUE)[0]["code"] == "invalid_value"


def test_absent_terms_are_inherited() -> None:
    assert not terms().request().model_fields_set & {"valid_duration", "max_activations"}


@pytest.mark.parametrize("cell", ["[]", "1", '"x"', "null", "{", '{"a":1,"a":2}', "{'a':1}"])
def test_metadata_is_a_json_object(cell: str) -> None:
    (fault,) = faults(metadata=cell)

    assert fault["message"] == 'must be a JSON object such as {"po": "4711"}'


def test_every_fault_of_a_row_is_reported_at_its_column() -> None:
    found = faults(max_activations="x", license_type="forever", prevent_vm="?")

    assert {fault["column"]: fault["code"] for fault in found} == {
        "license__max_activations": "invalid_value",
        "license__license_type": "invalid_choice",
        "license__prevent_vm": "invalid_value",
    }


def test_a_missing_cell_is_required_and_has_no_value() -> None:
    part = KINDS["license-features"].parts["feature"]
    with pytest.raises(ValidationError) as caught:
        part.read({"license_key": "K-1"})

    (fault,) = faults_of_row(caught.value, part)
    assert (fault["column"], fault["code"], fault["value"]) == ("code", "required", None)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("license__license_key", "1.9E+18"),
        ("license__note", "#REF!"),
        ("order__store_id", "########"),
        ("customer__reference", "1,23457E+15"),
        ("customer__email", "#NAME?"),
    ],
)
def test_a_cell_that_a_spreadsheet_damaged_is_a_fault(column: str, cell: str) -> None:
    cells = KEYS | {column: f'"{cell}"'}

    (row,) = read_rows(f"{','.join(cells)}\n{','.join(cells.values())}\n")

    assert isinstance(row, InvalidRecord)
    assert [fault["column"] for fault in row.faults] == [column]
    assert "looks damaged by a spreadsheet" in row.faults[0]["message"]


def test_a_feature_row_is_a_request_of_the_filled_cells() -> None:
    row = FeatureRow.model_validate({"license_key": "K-1", "code": "credits", "max_overages": "3"})

    assert row.request().model_dump(exclude_unset=True) == {"code": "credits", "max_overages": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_is_a_valid_file(kind: str) -> None:
    text = template(kind).decode("utf-8-sig")

    header, example = csv.reader(io.StringIO(text))
    assert tuple(header) == KINDS[kind].columns
    cells = dict(zip(header, example, strict=True))
    for part in KINDS[kind].parts.values():
        part.read(cells)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_column_belongs_to_one_part(kind: Any) -> None:
    columns = [header for part in kind.parts.values() for header in part.columns]

    assert sorted(columns) == sorted(kind.columns)
    assert set(kind.required) <= set(columns)
    assert all(
        kind.parts[p].columns[kind.column_of(p, f)] == f
        for p, part in kind.parts.items()
        for f in part.columns.values()
    )
