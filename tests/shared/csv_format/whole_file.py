"""Read whole files through the planner and the reader."""

import io
import zipfile

import pytest

from shared.csv_format.encoding import BadFile, Encoding
from shared.csv_format.planner import Plan, plan
from shared.csv_format.reader import (
    Record,
    records,
)


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


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()
