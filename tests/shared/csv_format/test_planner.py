"""Plans of files: chunks, limits, and the refusal of bad files.

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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.csv_format import block, planner
from shared.csv_format.cells import unescape_formula
from shared.csv_format.encoding import BadFile, Encoding
from shared.csv_format.planner import plan
from shared.csv_format.reader import Record
from tests.shared.csv_format.whole_file import refused, rows_of, zipped

FILES = int(os.environ.get("CSV_FUZZ_FILES", "3000"))


SEED = int(os.environ.get("CSV_FUZZ_SEED", "1"))


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


def is_torn(rows: list[Record], first: int) -> bool:
    """Whether a chunk begins with a row that has the same first cell as the one before."""
    before, after = rows[first - 2 : first]
    if before.fault or after.fault:
        return False  # not imported, and read otherwise by itself
    one, other = (row.fields[0].strip(" \t\r\n") for row in (before, after))
    return bool(one) and one == other


def test_chunks_read_one_by_one_are_the_file_read_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes, chance = {"read": 0, "refused": 0}, random.Random(SEED)  # not a secret, a replay
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

        together = chance.choice((None, "a"))
        planned = plan(
            stream, encoding=sample.encoding, chunk_size=sample.chunk_size, together=together
        )
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
        if together:
            assert not any(is_torn(found, chunk.first_row) for chunk in planned.chunks[1:]), sample
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


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert [plan([b"key,name" + end]).chunks for end in (b"", b"\n", b"\r\n\r\n,\r\n")] == [()] * 3


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


def test_a_changed_chunk_is_noticed() -> None:
    data = b"key\n1\n2\n"
    chunk = plan([data]).chunks[0]

    assert not chunk.is_intact(b"1\n3\n")
    assert not chunk.is_intact(b"1\n")


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
