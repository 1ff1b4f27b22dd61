"""Files to import, and the result that each row must have."""

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass

_LICENSES = (
    "license__license_key",
    "product__short_code",
    "license__license_type",
    "license__note",
    "order__store_id",
    "customer__email",
)
_NOTES = ("", "", "", "", "", "=1+1", "two\nlines", '"quoted"', "-1+1", "@name")


@dataclass(frozen=True)
class Row:
    """A row: its line, its cells, and the codes of its errors; none if it is valid."""

    row: int
    line: int
    cells: tuple[str, ...]
    codes: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.cells[0]

    @property
    def content(self) -> tuple[str, ...]:
        """The cells that must be equal in two rows with the same name."""
        return tuple(cell.lower() if "@x" in cell else cell for cell in self.cells[:6])


@dataclass(frozen=True)
class File:
    """A file of a kind, with the expected result of each row."""

    kind: str
    text: str
    rows: tuple[Row, ...]

    @property
    def data(self) -> bytes:
        return self.text.encode()

    def repeated(self, holders: Mapping[str, int]) -> dict[int, int]:
        """Return the rows with the name of another row and other content, with that row.

        That row is the one in `holders`, by name; else the first valid row with this name.
        """
        rows = {row.row: row for row in self.rows}
        first: dict[str, int] = dict(holders)
        repeated = {}
        for row in self.rows:
            if row.codes or not row.key:
                continue
            holder = rows[first.setdefault(row.key.lower(), row.row)]
            if row.content != holder.content:
                repeated[row.row] = holder.row
        return repeated


def some_file(rng: random.Random, kind: str | None = None) -> File:
    """Return a file with few different names, so that files, orders and customers share them."""
    kind = kind or rng.choice(("licenses", "licenses", "licenses", "customers", "license-features"))
    rows = range(rng.choice((0, 1, 2, 5, 9, 14)))
    header, make = {
        "licenses": (_LICENSES, _license),
        "customers": (("email", "first_name"), _customer),
        "license-features": (("license_key", "code"), _feature),
    }[kind]
    mostly_good = rng.random() < 0.4
    return _written(kind, header, [make(rng, n, good=mostly_good) for n in rows], rng)


def _license(rng: random.Random, n: int, *, good: bool) -> tuple[list[str], list[str]]:
    cells = [
        rng.choice((f"OWN-{rng.randrange(10**6)}-{n}", f"IMP-{rng.randrange(5)}")),
        "kp",
        "perpetual",
        rng.choice(_NOTES),
        rng.choice(("", "o-1", "o-2")),
        rng.choice(("", "ana@x.test", "ben@x.test", "Ana@x.test")),
    ]
    if good or rng.random() < 0.7:
        return cells, []
    at, cell, code = rng.choice(
        (
            (0, "", "required"),
            (0, "1.9E+18", "invalid_value"),
            (1, "nope", "unknown_product"),
            (2, "foo", "invalid_choice"),
            (5, "nobody", "invalid_value"),
            (6, "surplus", "extra_fields"),
        )
    )
    cells[at : at + 1] = [cell]
    return cells, [code]


def _customer(rng: random.Random, n: int, *, good: bool) -> tuple[list[str], list[str]]:
    if good or rng.random() < 0.7:
        email = rng.choice(("", "ana@x.test", "ben@x.test", f"c{n}@x.test"))
        return [email, rng.choice(("Ana", "Ana", "Ana", "Anne"))], []
    return ["nobody", "Ana"], ["invalid_value"]


def _feature(rng: random.Random, n: int, *, good: bool) -> tuple[list[str], list[str]]:
    """Return a file of features. Whether its licenses exist does not follow from the file."""
    return [f"IMP-{rng.randrange(5)}", rng.choice(("f1", "f2", "f1" if good else "nope"))], []


def _written(
    kind: str,
    header: tuple[str, ...],
    made: list[tuple[list[str], list[str]]],
    rng: random.Random,
) -> File:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=rng.choice(("\n", "\r\n")))
    writer.writerow(header)
    rows = []
    for number, (cells, codes) in enumerate(made, 1):
        if rng.random() < 0.1:
            out.write("\n")
        line = out.getvalue().count("\n") + 1
        rows.append(Row(number, line, tuple(cells), tuple(codes)))
        writer.writerow(cells)
    return File(kind, out.getvalue(), tuple(rows))
