"""Recognize other file types by their first bytes."""

import re

_ZIPPED = rb"PK\x03\x04.{26}"
"""The first bytes of a ZIP file, up to the name of its first file."""
_PARTS = rb"(?:\[Content_Types\]|_rels/|docProps/|xl/|word/|ppt/)"
_SHEET = "(open it there and save the sheet as CSV UTF-8)"
_WORKBOOK = (
    "(import it with the name .xlsx in the console or by keywright import, which convert it, or"
    " save the sheet as CSV UTF-8)"
)
MAGIC = (
    (re.compile(_ZIPPED + _PARTS + rb".*?xl/", re.DOTALL), f"an Excel workbook {_WORKBOOK}"),
    (re.compile(_ZIPPED + _PARTS, re.DOTALL), f"a file of Microsoft Office {_SHEET}"),
    (
        re.compile(_ZIPPED + rb"mimetypeapplication/vnd\.oasis", re.DOTALL),
        f"an OpenDocument file {_SHEET}",
    ),
    (re.compile(_ZIPPED + rb"Index/", re.DOTALL), f"a Numbers spreadsheet {_SHEET}"),
    (
        re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        f"an old Excel workbook or another file of Microsoft Office {_SHEET}",
    ),
    (re.compile(rb"PK[\x03\x05]"), "a ZIP file (unpack it and send the CSV file in it)"),
    (
        re.compile(rb"\x1f\x8b|BZh[1-9]|7z\xbc\xaf|\xfd7zXZ|\x28\xb5\x2f\xfd|Rar!\x1a\x07"),
        "a compressed file (unpack it and send the CSV file in it)",
    ),
    (re.compile(rb"%PDF-"), "a PDF document (export the table as CSV)"),
    (re.compile(rb"\{\\rtf"), "a text document in RTF (export the table as CSV)"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), "a picture (export the table as CSV)"),
    (re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"), "text in UTF-32 (save it as UTF-8)"),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", re.IGNORECASE),
        "a web page or XML (export the table as CSV)",
    ),
    (
        re.compile(rb'(\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[\s*[\[{"\]])'),
        "JSON (export the table as CSV)",
    ),
)
"""The first bytes of files that are not CSV, and the name of each type."""
