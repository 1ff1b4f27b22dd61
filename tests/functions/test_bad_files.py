"""Thousands of malformed files through the real import: none crashes it, none loses a row."""

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest

from infra.stamp import ROOT
from shared.catalog import LicensePolicy, Product
from shared.columns import KINDS
from shared.csv_format.dialect import Dialect
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Plan, plan
from shared.csv_format.reader import records
from shared.import_job import ImportJob
from shared.row_entries import Import, InvalidRecord
from shared.row_reader import reader_of
from tests.engine import Engine
from tests.functions.bad_files import Specimen, specimens
from tests.functions.import_files import Files, open_files
from tests.functions.shop import Shop

COUNT = 5_040
SAMPLE = 143
"""Every so manieth goes through the whole import; it shares no factor with ways and kinds."""
NOW = datetime(2026, 1, 31, tzinfo=UTC)
POLICY = LicensePolicy(
    id=2, code="std", name="Standard", is_default=True, created_at=NOW, updated_at=NOW
)
PRODUCT = Product(
    id=1,
    product_name="Key product",
    short_code="kp",
    default_license_type="perpetual",
    policies=(POLICY,),
    revision=1,
    created_at=NOW,
    updated_at=NOW,
)
REFUSALS = {
    "duplicate_header",
    "empty_file",
    "field_too_long",
    "header_too_long",
    "missing_header",
    "not_text",
    "too_many_columns",
    "unbalanced_quote",
    "undecodable",
    "unsupported_delimiter",
}


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    with open_files(shop) as files:
        yield files


def rows_of(data: bytes, dialect: Dialect) -> list[int]:
    """The physical line on which each row starts, as Python's own reader has it."""
    codecs = {"utf-8": "utf-8-sig", "windows-1252": "windows-1252"}
    text = data.decode(codecs.get(dialect.encoding, "utf-16"))
    lines = io.StringIO(text, newline="")
    above = 1 if re.match(r'"?sep=[^\r\n"]', text, re.IGNORECASE) else 0
    if above:
        lines.readline()
    reader = csv.reader(lines, delimiter=dialect.delimiter)
    starts, line = [], 1 + above
    for cells in reader:
        if any(re.search(r"[\S\r\n]", cell) for cell in cells):
            starts.append(line)
        line = reader.line_num + 1 + above
    return starts[1:]


def spots(data: bytes) -> int:
    """A line that no refusal may be beyond: the one behind the last."""
    return len(re.findall(rb"\r\n|\r|\n", data.replace(b"\0", b""))) + 2


def planned_or_refused(specimen: Specimen) -> Plan | BadFile:
    try:
        return plan([specimen.data], required=KINDS[specimen.kind].required, chunk_size=60)
    except BadFile as bad:
        return bad


def read(specimen: Specimen) -> Counter[str]:
    """What the planner and the readers make of a file, after a look at whether it is true."""
    planned = planned_or_refused(specimen)
    if isinstance(planned, BadFile):
        assert 1 <= planned.line <= spots(specimen.data), specimen
        assert planned.message.startswith(f"Line {planned.line}: "), specimen
        return Counter([planned.code])
    job = Import("acme", 1, specimen.kind, NOW, {"kp": PRODUCT})
    reader = reader_of(job, planned.dialect)
    entries = [
        reader(record)
        for chunk in planned.chunks
        for record in records(
            specimen.data[chunk.start : chunk.end],
            planned.dialect,
            first_row=chunk.first_row,
            first_line=chunk.first_line,
        )
    ]
    places = [(entry.record.row, entry.record.line) for entry in entries]
    assert places == [*enumerate(rows_of(specimen.data, planned.dialect), start=1)], specimen
    bad = [entry for entry in entries if isinstance(entry, InvalidRecord)]
    for entry in bad:
        assert entry.faults, specimen
        assert all(fault["code"] and fault["message"] for fault in entry.faults), specimen
    return Counter({"valid": len(entries) - len(bad), "invalid": len(bad)})


def judged(files: Files, specimen: Specimen) -> ImportJob:
    """The job of a file, after everything that must be true of it was looked at."""
    job = files.imported(specimen.data, specimen.kind, f"{specimen.name}.csv")
    assert job.is_ended, specimen
    if job.refusal is not None:
        assert job.refusal.code in {*REFUSALS, "unmapped_columns"}, specimen
        assert job.refusal.line, specimen
        assert job.refusal.message.startswith(f"Line {job.refusal.line}: "), specimen
        assert 1 <= job.refusal.line <= spots(specimen.data), specimen
        return job
    dialect = Dialect.model_validate(job.detected)
    rows, count = rows_of(specimen.data, dialect), job.counts
    wrong = files.errors(job)
    assert count["total_row_count"] == len(rows), specimen
    assert count["valid_row_count"] + len(wrong) == len(rows), specimen
    for row in wrong:
        assert rows[row["row"] - 1] == row["line"], specimen
        assert all(fault["code"] and fault["message"] for fault in row["errors"]), specimen
        assert row["errors"], specimen
    if specimen.kind == "licenses":
        made = count["created_licenses_count"] + count["existed_licenses_count"]
        assert made == count["valid_row_count"], specimen
    return job


def test_no_malformed_file_crashes_the_readers_or_loses_a_row() -> None:
    found = sum((read(specimen) for specimen in specimens(COUNT)), Counter[str]())

    assert found.keys() - {"valid", "invalid"} == REFUSALS
    assert found["valid"] > COUNT
    assert found["invalid"] > COUNT / 4
    assert COUNT / 4 < sum(found[code] for code in REFUSALS) < COUNT * 3 / 4


def test_no_malformed_file_crashes_an_import_or_loses_a_row(files: Files) -> None:
    jobs = [judged(files, each) for each in islice(specimens(COUNT), 0, None, SAMPLE)]

    assert len({job.refusal.code for job in jobs if job.refusal}) > 3
    states = Counter(job.state for job in jobs)
    assert min(states[state] for state in ("failed", "completed_with_errors", "succeeded")) > 5


def test_a_file_that_is_huge_in_one_way_is_read_in_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.functions.bad_files", "giants"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    (peak,) = re.findall(r"(\d+) MB at most", done.stdout)
    assert int(peak) <= 128
