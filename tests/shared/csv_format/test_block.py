"""Blocks of a file: where records end, and how many rows and lines they have."""

import pytest

from shared.csv_format.block import MAX_FIELD, Block, certain


def block(data: bytes, delimiter: str = ",") -> Block:
    return Block(data, len(data), delimiter)


def test_a_newline_in_quotes_ends_no_record() -> None:
    data = b'a,"b\nc"\nd\n'

    found = block(data)

    assert found.limit == len(data)
    assert (found.after(1), found.before(len(data) - 1, 0)) == (8, 8)
    assert found.count(0, len(data)) == (2, 3)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_a_record(end: bytes) -> None:
    data = end.join([b"a", b"b", b"", b"c", b""])

    assert block(data).count(0, len(data)) == (3, 4)


def test_the_limit_is_the_end_of_the_last_whole_record() -> None:
    assert block(b"a\nbc").limit == 2
    assert block(b'a\nb,"c\nd').limit == 2


def test_a_quote_that_is_not_closed_is_found() -> None:
    assert block(b'a\nb,"c\nd').unclosed == 4
    assert block(b'a\nb,"c\nd"\n').unclosed == -1


def test_a_quote_that_is_closed_within_text_is_torn() -> None:
    assert block(b'"a\nb"c\n').torn == 0
    assert block(b'"a\nb",c\n').torn == -1


def test_a_quote_within_text_opens_no_field() -> None:
    data = b'5" nail\nb\n'

    assert block(data).count(0, len(data)) == (2, 2)


@pytest.mark.parametrize("line", [b"", b",,", b' ,"\t"', "\u3000,\u00a0".encode()])
def test_a_blank_record_is_a_line_and_no_row(line: bytes) -> None:
    data = b"a\n" + line + b"\nb\n"

    assert block(data).count(0, len(data)) == (2, 3)


def test_a_no_break_space_has_one_byte_in_windows_1252() -> None:
    data = b"a\n\xa0\n"

    assert block(data).count(0, len(data)) == (2, 2)
    assert block(data).count(0, len(data), narrow=True) == (1, 2)


def test_a_record_with_an_oversized_cell_is_found() -> None:
    data = b"a\n" + b"x" * (MAX_FIELD + 1) + b",b\nc\n"
    found = block(data)

    (record,) = found.long_records()

    assert record == (2, len(data) - 2)
    assert found.long_field(*record) == (2, 2 + MAX_FIELD + 1)


def test_a_cell_of_the_maximum_size_is_not_oversized() -> None:
    data = b"x" * MAX_FIELD + b",b\n"
    found = block(data)

    assert [found.long_field(*record) for record in found.long_records()] == [None]


@pytest.mark.parametrize(
    ("data", "length"), [(b"a\n", 2), (b"a\r", 1), (b'a,""', 2), (b'"', 0), (b"", 0)]
)
def test_a_cr_or_quotes_at_the_end_are_uncertain(data: bytes, length: int) -> None:
    assert certain(data) == length
