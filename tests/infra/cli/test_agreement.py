"""The command sends the files that the browser and the server are compared on as they are.

`tests/e2e/console/test_check.py` shows that both read these files in the same way. The same bytes
with the same mapping, encoding and order of dates have the same rows and errors.
"""

import argparse
import json
from pathlib import Path

import httpx
import pytest

from functions.start_import import ImportRequest
from infra.cli import imports, stages
from shared.column_mapping import ColumnMapping
from tests.e2e.console.mapped_files import mapped_files
from tests.e2e.console.test_check import server_check
from tests.infra.served import API, Served

FILES = 500
ENCODINGS = (None, None, "utf-8", "windows-1252")
DATES = (None, None, "dmy", "mdy")


def test_the_command_sends_500_files_and_their_mappings_as_they_are(
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = stages.find_deployment("test")
    monkeypatch.setattr(stages, "find_deployment", lambda _: found)  # is asked once
    parser = argparse.ArgumentParser()
    imports.add_command(parser.add_subparsers())
    file, mapping_file = tmp_path / "old.csv", tmp_path / "old.json"
    answers, suggested = answers_of_an_import(tmp_path), set()

    for number, given in enumerate(mapped_files(FILES)):
        encoding, dates = ENCODINGS[number % 4], DATES[number // 4 % 4]
        file.write_bytes(given.data)
        mapping_file.write_text(json.dumps(given.mapping))
        words = ["--kind", given.kind, "--file", str(file), "--mapping", str(mapping_file)]
        words += ["--encoding", encoding] if encoding else []
        words += ["--dates", dates] if dates else []
        served.requests.clear()
        served.instead += [httpx.Response(status, text=body) for status, body in answers]

        options = parser.parse_args(["import", *words, "--stage", "test", "--json"])
        assert options.run(options) == 0

        printed = json.loads(capsys.readouterr().out)
        request = request_of(served.requests, given.data)
        mapping = ColumnMapping.model_validate(given.mapping)
        assert (request.kind, request.mapping) == (given.kind, mapping), number
        assert (request.encoding, request.dates) == (encoding, dates or "iso"), number
        check = server_check(given.data, given.kind, encoding or "", mapping=mapping)
        if not dates and "refusal" not in check:
            assert printed["suggested_dates"] == check["dates"]["suggested"], number
            suggested.add(printed["suggested_dates"])
    assert suggested == {None, "dmy"}


def answers_of_an_import(folder: Path) -> list[tuple[int, str]]:
    """The answers that an import got: the form, its upload, and the end."""
    file = folder / "real.csv"
    file.write_text("email\nana@x.test\n")
    with stages.open_client("test") as client:
        started = client.imports.send(file, "customers")
        ended = client.imports.wait(started.id)
    assert ended.state == "succeeded"
    return [(202, started.model_dump_json()), (204, ""), (200, ended.model_dump_json())]


def request_of(requests: list[httpx.Request], data: bytes) -> ImportRequest:
    """The request of an import as the API reads it; its upload has exactly these bytes."""
    start, form, *_ = requests
    boundary = form.headers["content-type"].partition("boundary=")[2].encode()
    assert (start.method, start.url.host, start.url.path) == ("POST", API, "/api/v1/imports/")
    assert form.content.endswith(b"\r\n\r\n%b\r\n--%b--\r\n" % (data, boundary))
    return ImportRequest.model_validate_json(start.content)
