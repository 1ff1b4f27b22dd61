"""The header of a file: its columns, and names that are not known."""

from shared.csv_format.dialect import detect
from shared.csv_format.header import REPORT_COLUMNS


def test_columns_of_our_own_report_do_not_count_against_the_limit() -> None:
    columns = [f"c{i}" for i in range(200)]

    found = detect(",".join([*columns, *REPORT_COLUMNS]).encode())

    assert [found.columns[i] for i in found.original] == columns


def test_headers_without_a_name_may_be_many() -> None:
    assert detect(b"key,,,name,,\n").columns == ("key", "", "", "name", "", "")
    assert len(detect(b"key" + b"," * 16_383 + b"\n").columns) == 16_384
