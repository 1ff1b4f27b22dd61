"""The header of an import file: refusals, warnings, and options of the file's object."""

import pytest

from shared.csv_format.encoding import BadFile
from shared.errors import Refused
from shared.import_header import check_header, detected, with_options
from shared.import_job import ChosenEncoding
from tests.shared.value_import import dialect_of, import_job


def warnings_of(header: str, encoding: ChosenEncoding | None = None) -> list[str]:
    job = import_job("customers", encoding=encoding)
    return [each["code"] for each in detected(job, dialect_of(header, "customers"))["warnings"]]


def test_a_header_of_another_kind_is_refused_with_the_columns_of_this_one() -> None:
    with pytest.raises(BadFile) as caught:
        check_header(import_job("customers"), dialect_of("serial,sku", "customers"))

    assert (caught.value.code, caught.value.line) == ("missing_header", 1)
    assert "email, first_name" in caught.value.message


def test_a_misspelled_column_is_refused_with_what_it_is_similar_to() -> None:
    header = dialect_of("emial,first_name", "customers")

    with pytest.raises(BadFile, match="'emial' is not known and is similar to email") as caught:
        check_header(import_job("customers"), header)

    assert caught.value.code == "unmapped_columns"
    assert [fault.field for fault in caught.value.faults] == ["emial"]


def test_a_misspelled_column_is_a_warning_if_unknown_columns_are_ignored() -> None:
    job = import_job("customers", unknown_columns="ignore")
    header = dialect_of("emial,reference", "customers")

    check_header(job, header)

    found = detected(job, header)
    assert found["unknown_columns"] == ["emial"]
    assert [each["code"] for each in found["warnings"]] == ["no_email_column", "similar_column"]


def test_an_unknown_column_that_is_similar_to_none_is_left_out() -> None:
    header = dialect_of("email,sales region", "customers")

    check_header(import_job("customers"), header)

    assert detected(import_job("customers"), header)["unknown_columns"] == ["sales region"]


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("email,city", []),
        ("reference,city", ["no_email_column"]),
        ("E-Mail", []),
    ],
)
def test_customers_without_an_email_column_are_a_warning(header: str, codes: list[str]) -> None:
    assert warnings_of(header) == codes


def test_another_encoding_than_requested_is_a_warning() -> None:
    assert warnings_of("email", "windows-1252") == ["encoding_differs"]
    assert warnings_of("email", "utf-8") == []


@pytest.mark.parametrize(
    ("metadata", "encoding", "unknown_columns"),
    [
        ({}, None, "check"),
        ({"encoding": " AUTO ", "unknown-columns": "Ignore "}, None, "ignore"),
        ({"encoding": "Windows-1252", "sender": "sap"}, "windows-1252", "check"),
    ],
)
def test_options_of_an_object_are_options_of_its_import(
    metadata: dict[str, str], encoding: str | None, unknown_columns: str
) -> None:
    job = with_options(import_job(), metadata)

    assert (job.encoding, job.unknown_columns, job.dates) == (encoding, unknown_columns, "iso")


def test_an_object_can_say_how_its_file_writes_dates() -> None:
    assert with_options(import_job(), {"dates": " DMY "}).dates == "dmy"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"encoding": "latin-9"}, "x-amz-meta-encoding: 'latin-9'; supported: 'utf-8'"),
        ({"dates": "ymd"}, "x-amz-meta-dates: 'ymd'; supported: 'iso', 'dmy' or 'mdy'"),
        ({"unknown-columns": "drop"}, "x-amz-meta-unknown-columns: 'drop'; supported: 'check'"),
    ],
)
def test_an_invalid_option_is_refused_with_the_valid_ones(
    metadata: dict[str, str], message: str
) -> None:
    with pytest.raises(Refused, match=message) as caught:
        with_options(import_job(), metadata)

    assert caught.value.code == "invalid_metadata"


FIELDS = "license__license_key,product__short_code,license__custom__seats"


def test_a_column_of_a_custom_field_is_not_left_out() -> None:
    header = dialect_of(f"{FIELDS},other")

    check_header(import_job(), header)

    assert detected(import_job(), header)["unknown_columns"] == ["other"]


def test_custom_fields_are_in_one_column_or_in_a_column_each() -> None:
    with pytest.raises(BadFile, match="'license__custom__seats' is a custom field") as caught:
        check_header(import_job(), dialect_of(f"{FIELDS},license__custom_fields"))

    assert caught.value.code == "duplicate_header"
