"""Random files as other systems export them, with random mappings of their columns."""

import csv
import io
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from shared.columns import KINDS
from shared.header_synonyms import SYNONYMS

CELLS = (
    *("K-1", "K-2", "kp", "1y", "5,0", "yes", "Ja", "2030-01-31", "31.12.2030", "a@x.test"),
    *("24.12.2029", "a@x.test*; b@x.test"),
    *("A@X.test", "perpetual", "lifetime", " lifetime ", "#REF!", "1.9E+18", "\ufeff", "", " "),
    *("'=1+1", '"quoted"', "a\nb", "u\u0308ber", "\u00fcber", "x" * 260, "-1", "no"),
)
ODD_HEADERS = (
    "License__Custom__Seats",
    "",
    "Shoe Size",
    "color",
    "_row",
    "_codes",
    "E-Mail",
    "Email Address",
    "Is Trial",
)


class MappedFile(NamedTuple):
    """A file and what it is checked with."""

    kind: str
    data: bytes
    mapping: dict[str, Any]


def mapped_files(count: int) -> Iterator[MappedFile]:
    """So many files; the same ones each time."""
    for seed in range(count):
        yield mapped_file(random.Random(seed))


def mapped_file(random_: random.Random) -> MappedFile:
    kind = random_.choice(["licenses", "customers"])
    known = [*KINDS[kind].columns]
    some = {*random_.sample(known, random_.randint(1, 6)), *KINDS[kind].required}
    columns: dict[str, str | None] = {}
    constants: dict[str, str] = {}
    headers: list[str] = []
    for column in sorted(some):
        at = random_.random()
        if at < 0.1:
            constants[column] = random_.choice(("kp", "K-1", "a@x.test", "perpetual"))
        elif at < 0.5:
            header = f"Spalte {len(headers)}"
            columns[random_.choice((header, header.upper(), header.replace(" ", "_")))] = column
            headers.append(header)
        elif at < 0.93:
            headers.append(misspelled(random_, column))
    if random_.random() < 0.5:
        columns["Left-Out"] = None
        headers.append("left out")
    if random_.random() < 0.1 and headers:
        columns[random_.choice(headers)] = random_.choice([None, random_.choice(known)])
    headers += random_.sample(ODD_HEADERS, random_.randint(0, 2))
    random_.shuffle(headers)
    values = {column: random_values(random_) for column in known if random_.random() < 0.1}
    text = io.StringIO()
    writer = csv.writer(text, delimiter=random_.choice(",;\t"))
    writer.writerow(headers or ["nothing"])
    for _ in range(random_.randint(0, 6)):
        more = ["too much"] if random_.random() < 0.02 else []
        writer.writerow([*(random_.choice(CELLS) for _ in headers), *more])
    values = {column: each for column, each in values.items() if column not in constants}
    mapping = {"columns": columns, "constants": constants, "values": values}
    return MappedFile(kind, encoded(random_, text.getvalue()), mapping)


def encoded(random_: random.Random, text: str) -> bytes:
    """The text in an encoding that its characters have."""
    encoding = random_.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "windows-1252"))
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode()


def misspelled(random_: random.Random, column: str) -> str:
    """A header for a column: itself, nearly itself, or one of its synonyms."""
    bare = column.rpartition("__")[2]
    at = random_.randrange(len(column))
    return random_.choice(
        [
            *[column] * 4,
            column.replace("_", " ").title(),
            column[:at] + column[at + 1 :],
            bare.replace("_", "-"),
            *random_.sample(SYNONYMS.get(bare, (bare,)), 1),
        ]
    )


def random_values(random_: random.Random) -> dict[str, str]:
    names = random_.sample(("lifetime", "K-1", "\u00fcber", "", "*", "no", "'=1+1"), 3)
    return {name: random_.choice(("perpetual", "K-9", "1y", "", "no such")) for name in names}
