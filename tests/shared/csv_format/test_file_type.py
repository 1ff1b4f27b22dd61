"""Files that are no CSV are named as what they are."""

import re

import pytest

from shared.csv_format.dialect import detect
from tests.shared.csv_format.whole_file import refused, zipped


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (zipped("docProps/app.xml", "_rels/.rels", "xl/styles.xml"), "an Excel workbook"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a file of Microsoft Office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (zipped("xl.csv", "old/xl/licenses.csv"), "a ZIP file"),
        (zipped("Index/Document.iwa"), "a Numbers spreadsheet"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.o", "an OpenDocument file"),
        (b"PK\x05\x06" + bytes(18), "a ZIP file"),
        (b"\x1f\x8b\x08\x00abc", "a compressed file"),
        (b'{"licenses": []}', "JSON"),
        (b'\xef\xbb\xbf\n[\n  {"key": "K-1"}\n]', "JSON"),
        (b"[]", "JSON"),
        (b"\n<!DOCTYPE html><title>Sign in", "a web page or XML"),
        (b"{\\rtf1", "a text document in RTF"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(data: bytes, seems: str) -> None:
    refusal = refused(data)

    assert (refusal.code, refusal.line) == ("not_text", 1)
    assert re.search(rf"it seems to be {seems}( or another [^(]+)? \(", refusal.message)


@pytest.mark.parametrize("header", [b"[key],[name]", b"{key},name", b"[1],key"])
def test_brackets_around_a_header_are_no_json(header: bytes) -> None:
    assert len(detect(header + b"\n").columns) == 2
