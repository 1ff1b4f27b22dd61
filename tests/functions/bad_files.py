"""A corpus of malformed files of all three kinds, as people and programs make them, from a seed.

`python -m tests.functions.bad_files` plans and reads all of it, and prints what took longest and
how much memory the process came to; with `giants`, the largest files alone.
"""

import codecs
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from shared.columns import KINDS
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import plan
from shared.csv_format.reader import records

GOOD = {
    "licenses": [
        ["license__license_key", "product__short_code", "license__valid_duration", "license__note"],
        ["KEY-{n}", "kp", "", "moved"],
    ],
    "customers": [
        ["email", "first_name", "last_name", "reference"],
        ["c{n}@x.test", "Ana", "Peña", "crm-{n}"],
    ],
    "license-features": [
        ["license_key", "code", "max_consumption", "expiry_date"],
        ["KEY-{n}", "f1", "", "2030-01-31"],
    ],
}
CELLS = (
    "=1+1", "+49 30 1", "-2+3", "@SUM(A1)", "'=quoted", "=HYPERLINK(\"http://x\")", "\t=1", "'", "''",
    "9" * 39, "1.9E+18", "1,9E+18", "123456789012345000", "########", "#REF!", "#BEZUG!", "Err:502",
    "NaN", "Infinity", "1e400", "-0", "0x1F", "٣", "²", "1_000", "1 000", "-1", "2147483648", "true",
    "0000-01-01", "10000-01-01", "2026-02-30", "2026-13-01", "31.12.2026", "0001-01-01", "9999-12-31",
    "1y", "0y", "99999y", "100000y", "-1d", "1 y", "1Y", "P1Y",
    "K" * 300, "ü" * 200, "k" * 70_000, "x" * 5_000,
    "\u202eevil\u202c", "e\u0301" * 5, "\u200bzero", "\ufeffbom", "\u00a0", "\u3000", "👩\u200d👩\u200d👧", "𝕂", "İ", "ß", "ﬁ",
    "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1f", "\x7f", "a\u2028b", "a\nb", "a\r\nb", "a\rb",
    '"', '""', 'a"b', '"a"b', "a,b", "a;b", "a\tb", "a|b", " ", "  x  ", "null", "None", "../../etc/passwd",
    "<script>alert(1)</script>", "'; DROP TABLE x; --", "{{7*7}}", "%00", "\\x00", "\\", "a@b", "@", "a@b@c.test",
    "A@X.TEST", "ü@x.test", f"{'a' * 300}@x.test", "a b@x.test",
)  # fmt: skip
MAGIC = (
    b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", b"PK\x03\x04\x14\x00a.csv", b"PK\x05\x06",
    b"\x1f\x8b\x08\x00", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a",
    b"BZh91AY", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"<!DOCTYPE html>", b"<html>", b"<?xml version='1.0'?>", b"{\\rtf1", b"\x7fELF", b"MZ\x90", b"{\"a\": 1}", b"[]",
    b"SQLite format 3\x00",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\r", "\u2028", "\u0085", "\n\n", "\n\r", "\v", "\f", "")
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp1252",
    "latin-1",
    "utf-7",
    "cp500",
)
BYTES = (
    b"\x00", b"\xff", b"\xfe\xff", b"\xc3", b"\xe2\x82", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xb0\x80",
    b"\xf5\x80\x80\x80", b"\x80", b"\xef\xbb\xbf", b"\xf0\x9f\x98", b'"', b'""', b'"\n', b'\n"', b",", b"\r",
    b"\n", b"\x1a", b"\x85", b"\xa0", b"\xe2\x80\xa8",
)  # fmt: skip


@dataclass(frozen=True)
class Specimen:
    """One file; `name` says how it is malformed."""

    name: str
    kind: str
    data: bytes


@dataclass
class Bench:
    """The generator of malformed files."""

    kind: str
    draw: random.Random

    def table(self, rows: int = 4) -> list[list[str]]:
        """A good file: its header, and rows that nobody had before."""
        header, row = GOOD[self.kind]
        numbers = [f"{self.draw.randrange(16**12):012x}" for _ in range(rows)]
        return [header, *([cell.format(n=n) for cell in row] for n in numbers)]

    def cells(self) -> bytes:
        """Some cells are others."""
        table = self.table()
        for _ in range(self.draw.randint(1, 6)):
            row = self.draw.choice(table[1:])
            row[self.draw.randrange(len(row))] = self.draw.choice(CELLS)
        return written(table, quoted=self.draw.random() < 0.7).encode("utf-8", "surrogatepass")

    def keys(self) -> bytes:
        """The first column twice, in other case, with spaces."""
        table = self.table()
        first = table[1][0]
        for row, cell in zip(table[2:], (first, first.lower(), f" {first} "), strict=False):
            row[0] = cell
        return written(table).encode()

    def encoding(self) -> bytes:
        """Another encoding, whole or cut."""
        data = written(self.table()).encode(self.draw.choice(ENCODINGS), "replace")
        return data[: len(data) - self.draw.choice((0, 0, 0, 1, 2, 3))]

    def spots(self) -> bytes:
        """Bytes put in, taken out or changed anywhere."""
        data = bytearray(written(self.table()).encode())
        for _ in range(self.draw.randint(1, 4)):
            at = self.draw.randrange(len(data))
            garbage = self.draw.choice(BYTES)
            data[at : at + self.draw.choice((0, 0, 1, len(garbage)))] = garbage
        return bytes(data)

    def ends(self) -> bytes:
        """Other line ends, mixed."""
        lines = written(self.table()).split("\n")
        return "".join(line + self.draw.choice(ENDS) for line in lines).encode()

    def quotes(self) -> bytes:
        """Quotes where none belong."""
        text = written(self.table(), quoted=self.draw.random() < 0.5)
        for _ in range(self.draw.randint(1, 3)):
            at = self.draw.randrange(len(text))
            text = (
                text[:at]
                + self.draw.choice(('"', '""', '"\n', '\n"', ',"', '",', '"x'))
                + text[at:]
            )
        return text.encode()

    def ragged(self) -> bytes:
        """Rows with fewer or more cells, blank ones, rows of delimiters."""
        table = self.table(6)
        for row in self.draw.sample(table[1:], 3):
            garbage = self.draw.choice(
                ([], [""] * 5, ["x"] * 12, row[:1], [*row, "surplus"], [*row, "", ""])
            )
            row[:] = garbage
        return written(table).encode()

    def header(self) -> bytes:
        """Headers twice, missing, blank, unknown, many, in other case."""
        table = self.table()
        header = table[0] = list(table[0])
        match self.draw.randrange(8):
            case 0:
                header.append(self.draw.choice(header))
            case 1:
                header.append(self.draw.choice(header).upper())
            case 2:
                header.pop(self.draw.randrange(len(header)))
            case 3:
                header[self.draw.randrange(len(header))] = self.draw.choice(
                    ("", " ", "x", "=1", "\ufeff")
                )
            case 4:
                header += [f"c{n}" for n in range(self.draw.choice((195, 196, 197, 300, 5_000)))]
            case 5:
                header[:] = [f" {name.upper()} " for name in header]
            case 6:
                header += ["_row", "_codes", "_messages", self.draw.choice(("_row", "note", ""))]
            case _:
                header[-1] = self.draw.choice(("n" * 70_000, "a\nb", 'a"b', "é", "x" * 4_000))
        return written(table).encode()

    def start(self) -> bytes:
        """Something before the header."""
        before = (
            "sep=;\n",
            "sep=,\n",
            "sep=^\n",
            '"sep=;"\r\n',
            "sep=\n",
            "\n\n",
            ",,,\n",
            "# made by x\n",
            " \n",
            "\ufeff\ufeff",
        )
        return (
            self.draw.choice(before) + written(self.table(), self.draw.choice(",;\t|"))
        ).encode()

    def cut(self) -> bytes:
        """The file ends too early, or at once."""
        text = written(self.table(), quoted=True).encode()
        return text[: self.draw.choice((0, 1, 3, self.draw.randrange(len(text))))]

    def magic(self) -> bytes:
        """Another kind of file."""
        rest = self.draw.choice((b"", written(self.table()).encode(), self.draw.randbytes(300)))
        return self.draw.choice(MAGIC) + rest

    def noise(self) -> bytes:
        """No file at all."""
        alphabet = self.draw.choice((bytes(range(256)), b'",\n\r;a', b"\x00\xff", b'"', b" ,\n"))
        return bytes(self.draw.choices(alphabet, k=self.draw.choice((1, 10, 1_000))))


def written(table: list[list[str]], delimiter: str = ",", *, quoted: bool = False) -> str:
    """CSV as written by hand: quotes only if requested."""
    if quoted:
        table = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in table]
    return "".join(delimiter.join(row) + "\n" for row in table)


WAYS: tuple[Callable[[Bench], bytes], ...] = (
    Bench.cells, Bench.keys, Bench.encoding, Bench.spots, Bench.ends, Bench.quotes, Bench.ragged,
    Bench.header, Bench.start, Bench.cut, Bench.magic, Bench.noise,
)  # fmt: skip


def specimens(count: int, seed: int = 1) -> Iterator[Specimen]:
    """This many small files; every kind and every malformation equally often."""
    for number in range(count):
        way, kind = WAYS[number % len(WAYS)], tuple(GOOD)[number // len(WAYS) % len(GOOD)]
        draw = random.Random(f"{seed}/{number}")
        yield Specimen(f"{way.__name__} {seed}/{number}", kind, way(Bench(kind, draw)))


def giants() -> Iterator[Specimen]:
    """Files that are large in one way each; the kind makes no difference to them."""
    ten, two, table = 10 << 20, 2 << 20, [",".join(row) + "\n" for row in GOOD["licenses"]]
    head, good = table
    many = ",".join(f"c{n}" for n in range(10**6))
    giants: tuple[tuple[str, Callable[[], str]], ...] = (
        ("a cell of 10 MB", lambda: f"{head}{'x' * ten},kp\n"),
        ("a quoted cell of 10 MB", lambda: f'{head}"{"x" * ten}",kp\n'),
        ("10 MB of quotes", lambda: f"{head}{'"' * ten}\n"),
        ("10 MB in a quote that stays open", lambda: f'{head}"{good * (ten // len(good))}'),
        ("a million headers", lambda: f"{many}\n"),
        ("a million more headers", lambda: f"{head[:-1]},{many}\n{good}"),
        ("a million cells in a row", lambda: f"{head}{'a,' * 10**6}\n"),
        ("a header without end", lambda: f"{head[:-1]}{'x' * ten}"),
        ("10 MB of newlines", lambda: f"{head}{'\n' * ten}"),
        ("10 MB of CR", lambda: f"{head}{'\r' * ten}"),
        ("10 MB of CRLF", lambda: f"{head}{'\r\n' * (ten // 2)}"),
        ("10 MB of delimiters", lambda: f"{head}{',' * ten}"),
        ("10 MB of blank rows", lambda: f"{head}{',,,\n' * (ten // 4)}"),
        ("blank rows among others", lambda: f"{head}{f',,,\n\n{good}' * (two // 24)}"),
        ("10 MB of empty quotes", lambda: f"{head}{'"",' * (ten // 3)}\n"),
        ("quotes over lines", lambda: f"{head}{'"a\n","b"\n' * (two // 9)}"),
        (
            "blank lines in quotes",
            lambda: f"{head}{'"a\n\n\n\n",b\n' * (two // 10)}",
        ),
    )
    for name, text in giants:
        yield Specimen(name, "licenses", text().encode())
    yield Specimen("10 MB of zeros", "licenses", head.encode() + bytes(ten))
    wide = codecs.BOM_UTF16_LE + (head + "é,\n" * (two // 6)).encode("utf-16-le")
    yield Specimen("UTF-16", "licenses", wide)
    yield Specimen("10 MB of broken UTF-8", "licenses", head.encode() + b"\xc3" * ten)


def main() -> None:
    """Plans every file as the import does, reads the records of what is accepted, and reports."""
    took: list[tuple[float, str, str]] = []
    small = specimens(3_000) if sys.argv[1:] != ["giants"] else ()
    for specimen in chain(small, giants()):
        began = time.process_time()
        try:
            planned = plan([specimen.data], required=KINDS[specimen.kind].required)
            outcome = f"{planned.rows} rows"
            for chunk in planned.chunks:
                data = specimen.data[chunk.start : chunk.end]
                for _ in records(
                    data, planned.dialect, first_row=chunk.first_row, first_line=chunk.first_line
                ):
                    pass
        except BadFile as bad:
            outcome = bad.code
        took.append((time.process_time() - began, f"{specimen.name}, {specimen.kind}", outcome))
    for seconds, name, outcome in sorted(took, reverse=True)[:12]:
        print(f"{seconds * 1000:7.1f} ms  {outcome:18} {name}")
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(f"{len(took)} files, {int(peak[1]) // 1024 if peak else 0} MB at most")


if __name__ == "__main__":
    main()
