"""The dialect of a file: delimiter, line end and columns, detected from its header."""

import pytest

from shared.csv_format.dialect import Dialect, detect
from shared.csv_format.encoding import Encoding
from shared.csv_format.planner import plan
from tests.shared.csv_format.whole_file import rows_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_are_detected_from_the_header(delimiter: str, end: str) -> None:
    text = delimiter.join(["Key ", '"Na,;|me"', "NOTE"]) + end + delimiter.join("123") + end

    found = detect(text.encode(), required=["key"])

    assert (found.delimiter, found.columns) == (delimiter, ("Key", "Na,;|me", "NOTE"))
    assert found.names == ("key", "na,;|me", "note")
    assert found.line_end == {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[end]
    assert Dialect.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("prefix", "codec", "choice", "encoding"),
    [
        (b"", "utf-8", None, "utf-8"),
        (b"\xef\xbb\xbf", "utf-8", None, "utf-8"),
        (b"\xef\xbb\xbf", "utf-8", "windows-1252", "utf-8"),
        (b"\xff\xfe", "utf-16-le", None, "utf-16-le"),
        (b"\xfe\xff", "utf-16-be", None, "utf-16-be"),
        (b"", "windows-1252", "windows-1252", "windows-1252"),
    ],
)
def test_names_are_read_in_every_encoding(
    prefix: bytes, codec: str, choice: Encoding | None, encoding: str
) -> None:
    data = prefix + "key;name\r\n1;Müller\r\n2;Peña €\r\n".encode(codec)

    planned = plan([data], encoding=choice)

    assert planned.dialect.encoding == encoding
    assert [r.fields for r in rows_of(data, planned)] == [["1", "Müller"], ["2", "Peña €"]]


def test_a_sep_line_says_the_delimiter_and_counts_as_a_line() -> None:
    planned = plan([b'"sep=;"\r\na,b;c\r\n1;2\r\n'])

    assert (planned.dialect.delimiter, planned.dialect.columns) == (";", ("a,b", "c"))
    assert planned.chunks[0].first_line == 3


def test_required_headers_decide_about_the_delimiter() -> None:
    found = detect(b"key;a,b,c,d\n", required=["key"])

    assert found.delimiter == ";"
