"""The encoding of a file: all of its bytes decide, in one pass, however they are cut."""

import random
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from shared.csv_format import dialect, planner
from shared.csv_format.dialect import HEAD
from shared.csv_format.encoding import BadFile, Encoding
from shared.csv_format.planner import Plan, plan
from shared.csv_format.reader import Record, records

UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
PIECES = (
    *(
        "x",
        "1,a",
        ",",
        "\n",
        "\n",
        "\r\n",
        " ",
        "\xa0\n",
        "\xa0,\xa0\n",
        "\n\xa0",
        "\u3000\n",
        "\x85\n",
    ),
    *("é", "ü»", "€", "\u2028", "😀", '"é\n\xa0"'),
)


def cells(data: bytes, requested: Encoding | None = None) -> list[list[str]]:
    return [record.fields for record in rows_of(data, plan([data], encoding=requested))]


def rows_of(data: bytes, planned: Plan) -> list[Record]:
    found: list[Record] = []
    for chunk in planned.chunks:
        numbers = {"first_row": chunk.first_row, "first_line": chunk.first_line}
        rows = list(records(data[chunk.start : chunk.end], planned.dialect, **numbers))
        assert [row.row for row in rows] == [*range(chunk.first_row, chunk.first_row + chunk.rows)]
        found += rows
    assert len(found) == planned.rows
    return found


def refused(data: bytes, requested: Encoding | None = None) -> BadFile:
    with pytest.raises(BadFile) as caught:
        plan([data], encoding=requested)
    assert caught.value.code == "undecodable"
    return caught.value


@pytest.mark.parametrize("above", [b"", b"1,x\n" * HEAD], ids=["in the head", "far down"])
@pytest.mark.parametrize("requested", [None, "windows-1252"])
def test_what_is_not_utf8_is_windows_1252(above: bytes, requested: Encoding | None) -> None:
    data = b"email;first_name\n".replace(b";", b",") + above + b"2,J\xfcrgen \x80\n3,\xa0\n\xa0\n"

    planned = plan([data], encoding=requested)

    assert planned.dialect.encoding == "windows-1252"
    assert [row.fields for row in rows_of(data, planned)[-2:]] == [["2", "Jürgen €"], ["3", "\xa0"]]


@pytest.mark.parametrize("above", [b"", b"1,x\n" * HEAD], ids=["in the head", "far down"])
@pytest.mark.parametrize("requested", [None, "utf-8", "windows-1252"])
def test_valid_utf8_is_never_read_as_windows_1252(above: bytes, requested: Encoding | None) -> None:
    data = b"key,name\n" + above + "2,Jürgen €\n\u3000,\xa0\n".encode()

    planned = plan([data], encoding=requested)

    assert planned.dialect.encoding == "utf-8"
    assert rows_of(data, planned)[-1].fields == ["2", "Jürgen €"]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_headers_are_read_in_the_encoding_of_the_whole_file(encoding: Encoding) -> None:
    data = "key,Größe\n1,x\n".encode(encoding)

    assert plan([data]).dialect.columns == ("key", "Größe")


def test_a_header_of_utf8_in_a_file_that_turns_out_to_be_windows_1252() -> None:
    data = b"key,\xc3\xbc\n" + b"1,x\n" * HEAD + b"2,\xfc\n"

    planned = plan([data], encoding="windows-1252")

    assert planned.dialect.columns == ("key", "Ã¼")
    assert rows_of(data, planned)[-1].fields == ["2", "ü"]


def test_a_file_of_ascii_has_the_encoding_that_is_requested() -> None:
    assert plan([b"key\n1\n"], encoding="windows-1252").dialect.encoding == "windows-1252"
    assert plan([b"key\n1\n"]).dialect.encoding == "utf-8"


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (
            b"key\n\xc3\xbc\nx\n\xfc\n",
            4,
            "byte 9 (0xfc, row 3) is not UTF-8, but the character 'ü' in line 2",
        ),
        (
            b"key\n\xfc\nx\n\xc3\xbc\n",
            2,
            "byte 4 (0xfc, row 1) is not UTF-8, but the character 'ü' in line 4",
        ),
        (b"key\n\xfc\n\xf0\x9f\x98\x80\n", 2, "the character '😀' in line 3"),
    ],
)
def test_a_file_in_two_encodings_is_refused(data: bytes, line: int, says: str) -> None:
    refusal = refused(data)

    assert refusal.line == line
    assert says in refusal.message
    assert "Save all of it as UTF-8" in refusal.message


def test_windows_1252_is_named_only_where_it_helps() -> None:
    way_out = "with the encoding windows-1252"

    assert way_out in refused(b"key\n\xc3\xbc\n\xfc\n").message
    assert way_out in refused(b"key\n\xfc\n", "utf-8").message
    assert way_out not in refused(b"key\n\x81\n", "utf-8").message
    assert way_out not in refused(b"key\n\xfc\x81\n").message
    assert way_out not in refused(b"key\n\xc3\x81\n\xfc\n").message
    assert way_out not in refused(b"\xef\xbb\xbfkey\n\xfc\n").message
    assert cells(b"key\n\xc3\xbc\n\xfc\n", "windows-1252") == [["Ã¼"], ["ü"]]


@pytest.mark.parametrize("requested", [None, "windows-1252"])
@pytest.mark.parametrize("byte", UNDEFINED)
def test_a_byte_that_windows_1252_does_not_define_is_named(
    byte: int, requested: Encoding | None
) -> None:
    refusal = refused(b"key\nM\xfcller\n1\nx" + bytes([byte]) + b"\n", requested)

    assert refusal.line == 4
    assert f"byte 14 (0x{byte:02x}, row 3) is not windows-1252" in refusal.message
    assert "save it as UTF-8" in refusal.message


def expected(data: bytes, requested: Encoding | None) -> Encoding | None:
    """The encoding by looking at the whole file at once; None if there is none."""
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        is_free = requested == "windows-1252" and data.isascii()
        return "windows-1252" if is_free else "utf-8"
    lenient = data.decode(errors="surrogateescape")
    is_mixed = any(not ch.isascii() and not 0xDC80 <= ord(ch) <= 0xDCFF for ch in lenient)
    if requested == "utf-8" or (is_mixed and requested is None):
        return None
    return None if set(data) & set(UNDEFINED) else "windows-1252"


def random_files(count: int) -> Iterator[bytes]:
    for number in range(count):
        chance = random.Random(number)  # not a secret, a replay
        parts = []
        for piece in chance.choices(PIECES, k=chance.randint(0, 25)):
            codec = chance.choice(["utf-8", "windows-1252"] if chance.random() < 0.3 else ["utf-8"])
            if number % 3 == 0:
                codec = "windows-1252"
            parts.append(piece.encode(codec, "ignore"))
        if chance.random() < 0.1:
            parts.insert(
                chance.randint(0, len(parts)), chance.choice([b"\x81", b"\xe2\x82", b"\xf0"])
            )
        yield chance.choice([b"a,b\n", "ä,b\n".encode(), b"\xe4,b\n"]) + b"".join(parts)


def outcome(data: bytes, requested: Encoding | None, size: int) -> Any:
    parts = (data[at : at + size] for at in range(0, len(data), size))
    try:
        planned = plan(parts, encoding=requested, chunk_size=1)
    except BadFile as bad:
        return (bad.code, bad.line)
    return planned.dialect, [row[:3] for row in rows_of(data, planned)]


@pytest.mark.parametrize("requested", [None, "utf-8", "windows-1252"])
def test_the_encoding_does_not_depend_on_how_a_file_is_cut(
    monkeypatch: pytest.MonkeyPatch, requested: Encoding | None
) -> None:
    found: dict[Encoding | None, int] = {}
    for module in (dialect, planner):  # so that the rest of the file decides
        monkeypatch.setattr(module, "HEAD", 5)
    for data in random_files(1500):
        wanted = expected(data, requested)
        outcomes = []
        for block in (1, 2, 7, 1000):
            monkeypatch.setattr(planner, "BLOCK", block)
            outcomes.append(outcome(data, requested, 5))
        if any(each[0] == "unbalanced_quote" for each in outcomes):
            continue
        assert all(each == outcomes[0] for each in outcomes), (data, outcomes)
        if wanted is None:
            assert outcomes[0][0] == "undecodable", data
        else:
            assert outcomes[0][0].encoding == wanted, data
        found[wanted] = found.get(wanted, 0) + 1
    assert len(found) == (2 if requested == "utf-8" else 3)
    assert min(found.values()) > 30, found


def test_the_last_byte_of_a_large_file_decides_in_bounded_memory() -> None:
    block = b"".join(b"a%07d@x.test,Ana\n" % number for number in range(40_000))

    def parts() -> Iterator[bytes]:
        yield b"email,first_name\n"
        yield from (block for _ in range(64))
        yield b"z@x.test,M\xfcller\n"

    tracemalloc.start()
    planned = plan(parts(), chunk_size=8 * 1024 * 1024)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert planned.dialect.encoding == "windows-1252"
    assert planned.rows == 64 * 40_000 + 1
    assert most < 16 * len(block)
