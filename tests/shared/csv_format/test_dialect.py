"""CSV files as people send them: what is detected, where they are cut, what their rows are.

`read_whole` is the oracle: it reads a whole decoded file character by character, and agrees with
`csv.reader` on every file that it is tried on.
"""

import csv
import io
import os
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csv_format import block, planner
from shared.csv_format.cells import escape_formula, unescape_formula
from shared.csv_format.dialect import Dialect, detect
from shared.csv_format.encoding import BadFile, Encoding
from shared.csv_format.header import REPORT_COLUMNS
from shared.csv_format.planner import Plan, plan
from shared.csv_format.reader import (
    Record,
    failed_header,
    failed_row,
    records,
    spreadsheet_damage,
    suspected_damage,
)

FILES = int(os.environ.get("CSV_FUZZ_FILES", "3000"))
SEED = int(os.environ.get("CSV_FUZZ_SEED", "1"))
HEADER = "key,name,note\n"


def refused(
    data: bytes, required: tuple[str, ...] = (), encoding: Encoding | None = None
) -> BadFile:
    with pytest.raises(BadFile) as caught:
        plan([data], required=required, encoding=encoding)
    return caught.value


def rows_of(data: bytes, planned: Plan) -> list[Record]:
    found = []
    for chunk in planned.chunks:
        part = data[chunk.start : chunk.end]
        assert chunk.is_intact(part)
        numbers = {"first_row": chunk.first_row, "first_line": chunk.first_line}
        rows = list(records(part, planned.dialect, **numbers))
        assert len(rows) == chunk.rows
        found += rows
    return found


def read(text: str) -> list[Record]:
    data = text.encode()
    return rows_of(data, plan([data]))


def is_filled(cell: str) -> bool:
    """Whether a cell is more than white space on one line."""
    return re.search(r"[\S\r\n]", cell) is not None


@dataclass
class Whole:
    """A file as the oracle reads it."""

    rows: list[tuple[int, list[str], bool]] = field(default_factory=list)
    """Physical line, cells, and whether text follows a closing quote."""
    longest_cell: int = 0
    longest_record: int = 0
    unbalanced_line: int = 0


def read_whole(text: str, delimiter: str, encoding: str) -> Whole:
    """Read the text after the header; line 2 is its first."""
    whole = Whole()
    at, line = 0, 2
    while at < len(text):
        start, cells, stray, first_line = at, [], False, line
        while True:
            cell, begin, opened = "", at, line
            if text.startswith('"', at):
                at += 1
                while at < len(text) and (text[at] != '"' or text.startswith('""', at)):
                    cell += text[at]
                    line += text[at] == "\n" or (text[at] == "\r" and text[at : at + 2] != "\r\n")
                    at += 2 if text[at] == '"' else 1
                at += 1
                unclosed = at > len(text)
                tail = at < len(text) and text[at] not in delimiter + "\r\n"
                stray = stray or tail
                if (unclosed or (tail and line > opened)) and not whole.unbalanced_line:
                    whole.unbalanced_line = opened
            plain = at == begin
            while at < len(text) and text[at] not in delimiter + "\r\n":
                cell += text[at]
                at += 1
            stray = stray or (plain and cell.lstrip()[:1] == '"')
            cells.append(cell)
            whole.longest_cell = max(whole.longest_cell, len(text[begin:at].encode(encoding)))
            if not (at < len(text) and text[at] == delimiter):
                break
            at += 1
        at += 2 if text.startswith("\r\n", at) else 1
        line += 1
        size = len(text[start:at].encode(encoding)) + (at > len(text))
        whole.longest_record = max(whole.longest_record, size)
        whole.rows.append((first_line, cells, stray))
    return whole


def test_the_oracle_reads_as_the_standard_library_does() -> None:
    for sample in random_files(FILES // 3, SEED):
        lenient = csv.reader(io.StringIO(sample.body, newline=""), delimiter=sample.delimiter)

        whole = read_whole(sample.body, sample.delimiter, "utf-8")

        assert [cells for _, cells, _ in whole.rows] == [cells or [""] for cells in lenient]


@dataclass
class Sample:
    delimiter: str
    encoding: Encoding
    bom: bool
    sep: bool
    body: str
    chunk_size: int
    feed_size: int

    @property
    def data(self) -> bytes:
        text = f"sep={self.delimiter}\n" * self.sep + self.delimiter.join("abc") + "\n" + self.body
        return ("\ufeff" * self.bom + text).encode(self.encoding)


def random_files(count: int, seed: int) -> Iterator[Sample]:
    """Files of every dialect with all that is awkward, most of them well formed."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")  # not a secret, a replay
        delimiter = chance.choice(",;\t|")
        encoding: Encoding = chance.choice(
            ["utf-8", "utf-8", "utf-8", "windows-1252", "utf-16-le", "utf-16-be"]
        )
        bom = encoding.startswith("utf-16") or (encoding == "utf-8" and chance.random() < 0.3)
        body = wild_text if chance.random() < 0.3 else tidy_text
        yield Sample(
            delimiter=delimiter,
            encoding=encoding,
            bom=bom,
            sep=chance.random() < 0.2,
            body=body(chance, delimiter, "\x85" if encoding == "windows-1252" else "😀\u2028\x85"),
            chunk_size=chance.choice([1, 2, 5, 9, 20, 50, 1000]),
            feed_size=chance.choice([1, 2, 3, 7, 16, 64, 10_000]),
        )


def wild_text(chance: random.Random, delimiter: str, wide: str) -> str:
    wide = wide.replace("\x85", "")
    marks = [
        delimiter,
        delimiter,
        '"',
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        " ",
        ";",
        ",",
        "x",
        "é",
        "'=",
    ]
    return "".join(chance.choices([*marks, *wide], k=chance.choice([0, 5, 20, 60, 150])))


def tidy_text(chance: random.Random, delimiter: str, wide: str) -> str:
    plain = ["", "", " ", "x", "1234", "é", 'in"ch', "it's", "'=1", *wide.replace("\x85", "")]
    inner = [*plain, '""', delimiter, "\n", "\r\n", "\r", "\n\n"]
    ends = chance.choice([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])
    lines = []
    for _ in range(chance.randint(0, 12)):
        cells = []
        for _ in range(chance.choice([0, 1, 3, 3, 3, 3, 4])):
            if chance.random() < 0.4:
                cells.append('"' + "".join(chance.choices(inner, k=chance.randint(0, 3))) + '"')
            else:
                cells.append("".join(chance.choices(plain, k=chance.randint(0, 2))))
        cells[:1] = [cell.lstrip('"') if cell[:1] != '"' else cell for cell in cells[:1]]
        stray = chance.choice(["x", " "]) if cells and chance.random() < 0.02 else ""
        lines.append(delimiter.join(cells) + stray + chance.choice(ends))
    text = "".join(lines)
    return text.rstrip("\r\n") if chance.random() < 0.3 else text


def parts(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def expected_rows(whole: Whole) -> list[tuple[int, int, list[str], str | None]]:
    rows: list[tuple[int, int, list[str], str | None]] = []
    for line, cells, stray in whole.rows:
        if stray or any(map(is_filled, cells)):
            extra = any(map(is_filled, cells[3:]))
            fault = "stray_quote" if stray else "extra_fields" if extra else None
            kept = cells if fault else cells[:3]
            kept = [unescape_formula(cell) for cell in kept]
            rows.append((len(rows) + 1, line, kept + [""] * (3 - len(kept)), fault))
    return rows


def test_chunks_read_one_by_one_are_the_file_read_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = {"read": 0, "refused": 0}
    for sample in random_files(FILES, SEED):
        whole = read_whole(sample.body, sample.delimiter, "utf-8")
        data, stream = sample.data, parts(sample.data, 100)
        monkeypatch.setattr(planner, "BLOCK", sample.feed_size)
        if whole.unbalanced_line:
            with pytest.raises(BadFile) as caught:
                plan(stream, encoding=sample.encoding, chunk_size=sample.chunk_size)
            assert caught.value.code == "unbalanced_quote", sample
            assert caught.value.line == whole.unbalanced_line + sample.sep, sample
            outcomes["refused"] += 1
            continue

        planned = plan(stream, encoding=sample.encoding, chunk_size=sample.chunk_size)
        found = rows_of(data, planned)

        assert [(r.row, r.line - sample.sep, r.fields, r.fault) for r in found] == expected_rows(
            whole
        ), sample
        assert (planned.rows, planned.size) == (len(found), len(data)), sample
        ends = [planned.dialect.body_start, *(chunk.end for chunk in planned.chunks)]
        assert all(c.start >= end for c, end in zip(planned.chunks, ends, strict=False)), sample
        wide = sample.encoding.startswith("utf-16")
        least = 0 if wide else sample.chunk_size
        assert all(c.end - c.start >= least for c in planned.chunks[:-1]), sample
        outcomes["read"] += 1
    assert min(outcomes.values()) > FILES // 20, outcomes


def test_a_cell_or_record_is_refused_exactly_when_it_is_over_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(block, "MAX_FIELD", 12)
    monkeypatch.setattr(planner, "MAX_FIELD", 12)
    monkeypatch.setattr(planner, "MAX_RECORD", 25)
    outcomes = {True: 0, False: 0}
    for sample in random_files(FILES // 2, SEED + 1):
        encoding = "windows-1252" if sample.encoding == "windows-1252" else "utf-8"
        whole = read_whole(sample.body, sample.delimiter, encoding)
        bad = bool(whole.unbalanced_line or whole.longest_cell > 12 or whole.longest_record > 25)

        monkeypatch.setattr(planner, "BLOCK", sample.feed_size)
        try:
            plan(parts(sample.data, 100), encoding=sample.encoding)
        except BadFile:
            assert bad, sample
        else:
            assert not bad, sample
        outcomes[bad] += 1
    assert min(outcomes.values()) > FILES // 20, outcomes


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


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert [plan([b"key,name" + end]).chunks for end in (b"", b"\n", b"\r\n\r\n,\r\n")] == [()] * 3


def test_blank_lines_and_rows_of_delimiters_are_no_rows_but_lines() -> None:
    rows = read("\n,,\n" + HEADER + '\n1,a,b\r\n,,,,,\n"", ,\r\r2\n   \n')

    assert [(r.row, r.line, r.fields) for r in rows] == [
        (1, 5, ["1", "a", "b"]),
        (2, 9, ["2", "", ""]),
    ]


def test_surplus_cells_are_a_fault_unless_they_are_blank() -> None:
    rows = read(HEADER + "1,a,b,c\n2,a,b,,\n3\n")

    assert [(r.fields, r.fault) for r in rows] == [
        (["1", "a", "b", "c"], "extra_fields"),
        (["2", "a", "b"], None),
        (["3", "", ""], None),
    ]


def test_text_after_a_closing_quote_is_a_fault_of_its_row_alone() -> None:
    rows = read(HEADER + '1,"5" nail",x\n2,5" nail,x\n3,"5"" nail",x\n')

    assert [(r.line, r.fields[1], r.fault) for r in rows] == [
        (2, '5 nail"', "stray_quote"),
        (3, '5" nail', None),
        (4, '5" nail', None),
    ]


def test_only_lf_and_cr_end_a_line() -> None:
    rows = read(HEADER + "1,a\u2028b\x0b\x0c\x1c\x85c,\n2\n")

    assert [(r.line, r.fields[1]) for r in rows] == [(2, "a\u2028b\x0b\x0c\x1c\x85c"), (3, "")]


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


BIG = b"x" * 10_000_000
BAD_FILES = {
    "empty": (b"", "empty_file", 1),
    "mark only": (b"\xef\xbb\xbf", "empty_file", 1),
    "blank lines only": (b"\n\r\n,,\n", "empty_file", 4),
    "workbook": (zipped("[Content_Types].xml"), "not_text", 1),
    "zip": (zipped("a.csv"), "not_text", 1),
    "gzip": (b"\x1f\x8b\x08\x00abc", "not_text", 1),
    "pdf": (b"%PDF-1.7\n", "not_text", 1),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not_text", 1),
    "web page": (b"\n<!DOCTYPE html><title>Sign in", "not_text", 1),
    "UTF-32": ("\ufeffkey\n1\n".encode("utf-32-le"), "not_text", 1),
    "UTF-16 without its mark": ("key,a\n1,b\n".encode("utf-16-le"), "not_text", 1),
    "NUL": (b"key,name\n1,a\n2,b\0c\n", "not_text", 3),
    "NUL far down": (b"key\n" + b"x\n" * 700_000 + b"\0\n", "not_text", 700_002),
    "no encoding": (b"key,name\r\n1,a\r\n2,M\xfcller\x81\r\n", "undecodable", 3),
    "no encoding far down": (b"key\n" + b"x\r" * 700_000 + b"\x90\n", "undecodable", 700_002),
    "UTF-8 cut in a character": (b"key\n\xc3\xbc\n\xe2\x82", "undecodable", 3),
    "lone surrogate": (b"\xef\xbb\xbfkey\n\xed\xa0\x80\n", "undecodable", 2),
    "lone surrogate in UTF-16": (b"\xff\xfek\0\n\0\x00\xd8\n\0", "undecodable", 2),
    "half a code unit": (b"\xff\xfek\0\n\0a\0b", "undecodable", 2),
    "other delimiter": (b"sep=^\nkey^name\n", "unsupported_delimiter", 1),
    "no such header": (b"\nname,note\n1,2\n", "missing_header", 2),
    "header twice": (b"key,name,KEY \n1,2,3\n", "duplicate_header", 1),
    "201 columns": (",".join(f"key{i}" for i in range(201)).encode(), "too_many_columns", 1),
    "a million columns": (b"key" + b",x" * 1_000_000 + b"\n", "too_many_columns", 1),
    "long header": (b"key," + b"x" * 65_536 + b"\n", "header_too_long", 1),
    "header without end": (b"key" + BIG, "header_too_long", 1),
    "quote open in the header": (b'key,"name\n1,2\n', "unbalanced_quote", 1),
    "quote open in a long header": (b'key,"name\n' + b"1,2\n" * 70_000, "unbalanced_quote", 1),
    "quote open": (b'key,name\n1,"a\n2,b\n', "unbalanced_quote", 2),
    "quote open and no newline": (b'key,name\n1,a\n2,"b', "unbalanced_quote", 3),
    "quote open, closed by the next": (b'key\n1\n"a\n2\n"b"\n', "unbalanced_quote", 3),
    "quote open in a long file": (b'key\n1,"a\n' + b"2,b\n" * 900_000, "unbalanced_quote", 2),
    "10 MB cell": (b"key\n1\n" + BIG, "field_too_long", 3),
    "10 MB quoted cell": (b'key\n1\n"' + BIG + b'"\n', "field_too_long", 3),
    "10 MB of quotes": (b"key\n1\n" + b'"' * 10_000_000, "field_too_long", 3),
    "10 MB record": (b"key\n1\n" + b"x," * 5_000_000, "record_too_long", 3),
}


@pytest.mark.parametrize(("data", "code", "line"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_with_code_and_line(data: bytes, code: str, line: int) -> None:

    refusal = refused(data, required=("key",))

    assert (refusal.code, refusal.line) == (code, line)
    assert f"Line {line}: " in refusal.message


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


def test_columns_of_our_own_report_do_not_count_against_the_limit() -> None:
    columns = [f"c{i}" for i in range(200)]

    found = detect(",".join([*columns, *REPORT_COLUMNS]).encode())

    assert [found.columns[i] for i in found.original] == columns


def test_headers_without_a_name_may_be_many() -> None:
    assert detect(b"key,,,name,,\n").columns == ("key", "", "", "name", "", "")
    assert len(detect(b"key" + b"," * 16_383 + b"\n").columns) == 16_384


def test_cells_under_a_header_without_a_name_are_ignored() -> None:
    (row,) = read("key,,name,\nk,lost,n,called twice\n")

    assert (row.fields, row.fault) == (["k", "lost", "n", "called twice"], None)


def test_a_changed_chunk_is_noticed() -> None:
    data = b"key\n1\n2\n"
    chunk = plan([data]).chunks[0]

    assert not chunk.is_intact(b"1\n3\n")
    assert not chunk.is_intact(b"1\n")


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


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1))
def test_failed_rows_are_read_back_as_they_were(cells: list[str]) -> None:
    dialect = detect(b"key;name;note;_Row\r\n1\r\n")
    record = Record(7, 9, ["=k", *cells, "", ""], None)

    data = failed_header(dialect) + failed_row(dialect, record, ["bad", "worse"], ["a;b", 'c"d'])

    planned = plan([data], encoding="windows-1252")
    again = rows_of(data, planned)[0]
    assert planned.dialect.columns == ("key", "name", "note", *REPORT_COLUMNS)
    assert planned.dialect.line_end == "CRLF"
    assert again.fields[:6] == [*record.fields[:3], "7", "bad worse", 'a;b c"d']
    surplus = record.fields[4:]
    assert again.fields[6:] == (surplus if again.fault else [])


@pytest.mark.parametrize(
    ("cell", "damage"),
    [
        ("1.9E+18", "scientific_number"),
        ("1,23457E+15", "scientific_number"),
        ("########", "column_too_narrow"),
        ("#REF!", "formula_error"),
        ("#N/A", "formula_error"),
        ("#NAME?", "formula_error"),
        ("#BEZUG!", "formula_error"),
        ("#NV", "formula_error"),
        ("Err:502", "formula_error"),
        ("ABCD-1E5-23", None),
        ("4000123412341230", None),
        ("#1", None),
        ("", None),
    ],
)
def test_spreadsheet_damage_is_recognized(cell: str, damage: str | None) -> None:
    assert spreadsheet_damage(cell) == damage


@pytest.mark.parametrize(
    ("cell", "damage"),
    [
        ("482913374650128000", "lost_digits"),
        (" 1900000000000000000", "lost_digits"),
        ("#VIP!", "formula_error"),
        ("#ÜBER?", "formula_error"),
        ("4000123412341230", None),
        ("482913374650128001", None),
        ("#nofilter", None),
        ("#1!", None),
        ("#A", None),
    ],
)
def test_what_may_be_damage_is_only_suspected(cell: str, damage: str | None) -> None:
    assert suspected_damage(cell) == damage
    assert spreadsheet_damage(cell) is None


MEASURE = r"""
import re
from pathlib import Path
from shared.csv_format.planner import plan
row = ",".join(["ABCD-EFGH-JKLM-NPQR", '"Müller, Ltd"', "2030-01-01", *["plain text"] * 20])
part = (row + "\n").encode() * 30_000
planned = plan(iter([b"key,name\n", *[part] * (200_000_000 // len(part))]))
peak_kb = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(planned.size, planned.rows, peak_kb // 1024)
"""


def test_a_file_of_200_mb_is_planned_in_little_memory() -> None:
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", MEASURE]

    done = subprocess.run(  # our own interpreter and text
        command, capture_output=True, check=True, env={"PYTHONPATH": root}
    )

    size, rows, peak_mb = map(int, done.stdout.split())
    assert size > 190_000_000
    assert rows > 600_000
    assert peak_mb < 96
