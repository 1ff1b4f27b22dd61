"""Logs and metrics of imports; each log line leads back to its request."""

from typing import Any

import pytest

from shared.workflows import import_chunk
from tests.functions.import_files import Files, ended_execution
from tests.functions.log_lines import Out


def many(rows: int) -> str:
    lines = ["license__license_key,product__short_code,order__store_id,customer__email"]
    lines += [f"K-{n:05},kp,o-{n // 4},c{n // 4}@x.test" for n in range(rows)]
    return "\n".join(lines) + "\n"


FILE = many(50) + "K-9,nope,,\nK-00003,kp,o-0,c0@x.test\n"
"""50 rows that are new, one with a fault, and one that repeats another."""


@pytest.fixture
def machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Every file is a large one, and is imported in short stretches."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 10)
    return files


def test_every_log_line_of_an_import_has_the_id_of_its_request(machine: Files, out: Out) -> None:
    event = machine.prepared(FILE)
    out()

    machine.run(event)
    machine.by_machine()

    lines = [line for line in out() if "_aws" not in line]
    assert {line["message"] for line in lines} == {"chunk_imported", "import_ended"}
    for line in lines:
        assert (line["company"], line["job"], line["correlation_id"]) == ("acme", 1, "request-1")
    ranges = {line["chunk"] for line in lines if line["message"] == "chunk_imported"}
    assert min(ranges) == 1
    assert len(ranges) == machine.last().chunks
    assert "chunk" not in lines[-1]


def test_log_lines_of_a_dropped_file_have_the_id_of_its_event(files: Files, out: Out) -> None:
    files.imported(FILE)

    (ended,) = [line for line in out() if line.get("message") == "import_ended"]
    assert (ended["company"], ended["job"], ended["correlation_id"]) == ("acme", 1, "event-1")


def test_no_line_about_an_import_names_a_key_or_an_address(files: Files, out: Out) -> None:
    files.imported(FILE)

    logged = str(out())
    assert "K-0" not in logged
    assert "@x.test" not in logged


def numbers(lines: list[dict[str, Any]], name: str, dimension: str) -> dict[str, float]:
    """What was counted, by the values of a dimension."""
    return {line[dimension]: line[name][0] for line in lines if name in line}


def test_rows_are_counted_by_what_became_of_them(files: Files, out: Out) -> None:
    files.imported(FILE)

    lines = out()
    assert numbers(lines, "Rows", "outcome") == {"created": 50, "existed": 1, "invalid": 1}
    assert numbers(lines, "ImportEnded", "state") == {"completed_with_errors": 1}
    (speed,) = [line for line in lines if "RowsPerSecond" in line]
    assert speed["RowsPerSecond"][0] * speed["ImportSeconds"][0] == pytest.approx(52)


@pytest.mark.parametrize("option", [{"dry_run": True}, {"on_error": "reject_all"}])
def test_rows_that_were_not_written_are_not_counted(
    files: Files, out: Out, option: dict[str, Any]
) -> None:
    files.run(files.prepared(FILE, **option))

    lines = out()
    assert numbers(lines, "Rows", "outcome") == {}
    assert len(numbers(lines, "ImportEnded", "state")) == 1


def test_an_import_that_is_run_again_after_its_end_is_counted_once(
    machine: Files, out: Out
) -> None:
    machine.run(machine.drop(FILE))
    machine.by_machine()

    machine.by_machine(again=True)

    assert len([line for line in out() if "ImportEnded" in line]) == 1


def test_an_execution_that_was_stopped_for_its_caller_is_no_failure(
    machine: Files, out: Out
) -> None:
    """Cancelling ends the execution too, and the notice of that must ring nothing."""
    machine.run(machine.drop(many(60)))
    job = machine.last()
    aborted = ended_execution(job, "ABORTED")
    assert machine.ask(job.number, "cancel").status == 200

    machine.run({"detail": aborted})

    assert machine.last().state == "cancelled"
    assert not [line for line in out() if "ImportFailed" in line]
