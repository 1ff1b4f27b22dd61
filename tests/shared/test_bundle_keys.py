"""Rows of bundles are found in a file by its bytes, and none of them is missed."""

import random
from collections.abc import Sequence

import pytest

from shared.bundle_keys import Mentions, bundle_keys
from shared.csv_format.planner import Plan, plan
from shared.csv_format.reader import records

HEADER = "License-License Key;product__short_code;license__note"
KNOWN = ("license__license_key", "product__short_code", "license__note")
MANY = [f"suite{n}" for n in range(20)]


def planned(data: bytes) -> Plan:
    return plan([data], required=KNOWN[:2], known=KNOWN, chunk_size=100)


def chunks_with(data: bytes, codes: Sequence[str], part: int) -> list[int]:
    """The first rows of chunks that are read for these codes, the file coming in parts."""
    mentions = Mentions(codes)
    for at in range(0, len(data), part):
        mentions.feed(data[at : at + part])
    return [chunk.first_row for chunk in planned(data).chunks if mentions.may_be_in(chunk, codes)]


@pytest.mark.parametrize("codes", [["suite7"], MANY], ids=["one code", "many codes"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("cell", ["suite7", " suite7", '"suite7"', "\u00a0suite7\u00a0", "'suite7"])
@pytest.mark.parametrize("part", [1, 7, 64, 10_000])
def test_each_chunk_that_has_a_code_is_read(
    codes: list[str], encoding: str, cell: str, part: int
) -> None:
    rows = [f"K-{n};sketch;ü" for n in range(60)]
    rows[40] = f"B-1;{cell};ü"
    data = "\n".join([HEADER, *rows, ""]).encode(encoding)

    firsts = chunks_with(data, codes, part)

    chunks = planned(data).chunks
    (holder,) = (c for c in chunks if c.first_row <= 41 < c.first_row + c.rows)
    assert holder.first_row in firsts
    assert part == 10_000 or len(firsts) < len(chunks)


def test_a_file_without_the_codes_is_not_read_again() -> None:
    data = "\n".join([HEADER, *[f"K-{n};sketch;" for n in range(60)], ""]).encode()

    assert chunks_with(data, MANY, 64) == []
    assert chunks_with(data, [], 64) == []


@pytest.mark.parametrize("codes", [["two words"], ["écran"], ['a"b']])
def test_codes_of_other_letters_have_all_chunks_read(codes: list[str]) -> None:
    data = "\n".join([HEADER, *[f"K-{n};sketch;" for n in range(60)], ""]).encode()

    assert len(chunks_with(data, codes, 64)) == len(planned(data).chunks)


@pytest.mark.parametrize("seed", range(5))
def test_keys_are_read_as_the_import_reads_them(seed: int) -> None:
    chosen = random.Random(seed)
    products = ["sketch", "suite7", " suite7 ", "\ufeffsuite7", '"suite7"', "SUITE7", "", "x" * 200]
    keys = ["A-1", " B-2 ", "'=C-3", '"D-4"', "", "e\u0301-5", "F\u200b-6"]
    rows = [[chosen.choice(keys), chosen.choice(products), "n"] for _ in range(200)]
    data = "\n".join([HEADER, *map(";".join, rows), ""]).encode()
    known = planned(data)
    place = {"first_row": 1, "first_line": known.dialect.body_line}

    found = set(
        bundle_keys(
            records(data[known.dialect.body_start :], known.dialect, **place),
            known.dialect,
            {"suite7"},
        )
    )

    meant = {"A-1": "A-1", " B-2 ": "B-2", "'=C-3": "=C-3", '"D-4"': "D-4", "e\u0301-5": "é-5"}
    assert found == {meant[key] for key, code, _ in rows if key in meant and code in products[1:5]}
    assert found
