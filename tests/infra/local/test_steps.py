"""Steps of long operations: their log, their duration and their errors."""

import os
import sys
from pathlib import Path

import pytest

from infra.local.steps import OpsError, run, step, tail


def python(code: str, *, log: Path, shown: list[str] | None = None) -> None:
    report = shown.append if shown is not None else None
    run(sys.executable, "-c", code, log=log, cwd=log.parent, env=dict(os.environ), report=report)


def test_the_output_of_a_command_is_logged_and_reported(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    shown: list[str] = []
    log.parent.mkdir()

    python("import sys; print('out'); print('err', file=sys.stderr)", log=log, shown=shown)
    python("print('again')", log=log)

    assert sorted(shown) == ["err\n", "out\n"]
    assert log.read_text().splitlines()[-1] == "again"


def test_a_command_that_fails_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"failed \(exit 3\)(?s:.*)why it failed"):
        python("print('why it failed'); raise SystemExit(3)", log=tmp_path / "a.log")


def test_only_the_last_lines_of_a_log_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {n}\n" for n in range(5)))

    assert tail(log, lines=2).splitlines() == [f"The end of {log}:", "  line 3", "  line 4"]
    assert tail(tmp_path / "none.log") == f"The end of {tmp_path / 'none.log'}:"


def test_a_step_ends_with_its_result_and_duration(capsys: pytest.CaptureFixture[str]) -> None:
    with step("Synthesize"):
        pass
    with pytest.raises(ZeroDivisionError), step("Deploy"):
        1 / 0  # noqa: B018  # any error

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["…", "Synthesize"],
        ["✓", "Synthesize"],
        ["…", "Deploy"],
        ["✗", "Deploy"],
    ]
    assert lines[1][-1] == "s"
