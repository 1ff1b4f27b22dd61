"""The header of a file: its columns, and names that are not known."""

import pytest

from shared.columns import KINDS
from shared.csv_format.dialect import detect
from shared.csv_format.encoding import BadFile
from shared.csv_format.header import OWN_COLUMNS, matched, similar_columns, squeezed


def test_columns_of_our_own_report_do_not_count_against_the_limit() -> None:
    columns = [f"c{i}" for i in range(200)]

    found = detect(",".join([*columns, *OWN_COLUMNS]).encode())

    assert [found.columns[i] for i in found.original] == columns


def test_headers_without_a_name_may_be_many() -> None:
    assert detect(b"key,,,name,,\n").columns == ("key", "", "", "name", "", "")
    assert len(detect(b"key" + b"," * 16_383 + b"\n").columns) == 16_384


@pytest.mark.parametrize("kind", KINDS)
def test_no_column_is_spelled_like_another(kind: str) -> None:
    columns = KINDS[kind].columns

    assert len({squeezed(column) for column in columns}) == len(columns)
    for column in columns:
        typo = f"{column[:3]}x{column[3:]}"
        similar = similar_columns([typo], [typo], columns)
        if len(squeezed(column)) >= 5:
            assert similar[0].similar == (column,)


@pytest.mark.parametrize(
    ("column", "similar"),
    [
        ("Max Activations", "license__max_activations"),
        ("license__max_activatons", "license__max_activations"),
        ("[license__note]", "license__note"),
        ("Licence Note Text", None),
        ("customer__email_address", "customer__email"),
        ("order__is_tst", "order__is_test"),
        ("id", None),
        ("sku", "product__short_code"),
        ("Ablauf-Datum", "license__validity_period"),
        ("pre\u0301nom", "customer__first_name"),
        ("NU\u0301MERO DE SE\u0301RIE", "license__license_key"),
        ("colour", None),
    ],
)
def test_a_misspelling_is_similar_to_the_column_that_is_missing(
    column: str, similar: str | None
) -> None:
    columns = KINDS["licenses"].columns

    found = similar_columns([column], matched([column], columns), columns)

    assert [each.similar for each in found] == ([(similar,)] if similar else [])


def test_a_column_that_is_there_is_not_missing() -> None:
    columns = ["email", "e-mails"]
    names = matched(columns, KINDS["customers"].columns)

    assert similar_columns(columns, names, KINDS["customers"].columns) == ()


def test_the_other_name_of_a_column_is_the_column() -> None:
    alias = "license__license_template_code"

    assert matched([alias], KINDS["licenses"].columns) == ("license__policy_code",)
    assert matched([alias], KINDS["customers"].columns) == (alias,)


def test_a_column_by_both_of_its_names_is_refused() -> None:
    known = KINDS["licenses"].columns

    with pytest.raises(BadFile) as refused:
        detect(b"license__policy_code,License__License_Template_Code\n", known=known)

    assert refused.value.code == "duplicate_header"
