"""Progress of long operations: named steps with their duration, and commands with a log."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(highlight=False)
Report = Callable[[str], None]
"""Shows one line of detail next to the running step."""


class OpsError(Exception):
    """An error that an operator can fix; the message says what happened and what to do."""


@contextmanager
def step(title: str) -> Iterator[Report]:
    """Show `title` with the elapsed time while the block runs, then its result and duration."""
    started = time.monotonic()
    if not console.is_terminal:
        console.print(f"… {title}")
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    progress = Progress(
        *columns,
        TextColumn("[dim]{task.fields[detail]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    outcome = "[red]✗[/]"
    try:
        with progress:
            task = progress.add_task(title, total=None, detail="")
            yield lambda line: progress.update(task, detail=escape(line.strip()[:60]))
        outcome = "[green]✓[/]"
    finally:
        console.print(f"{outcome} {title} [dim]{time.monotonic() - started:.1f} s[/]")


def run(
    *command: str | Path,
    log: Path,
    cwd: Path,
    env: dict[str, str],
    report: Report | None = None,
) -> None:
    """Run a command and append its output to `log`. Raises OpsError with the end of the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a") as output,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=env | {"NO_COLOR": "1", "PYTHON_COLORS": "0"},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        for line in process.stdout or ():
            output.write(line)
            if report:
                report(line)
    if process.returncode:
        name = " ".join([Path(command[0]).name, *map(str, command[1:2])])
        raise OpsError(f"{name} failed (exit {process.returncode}).\n{tail(log)}")


def tail(log: Path, lines: int = 40) -> str:
    """Return the last lines of a log, below its name."""
    last = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in last)])
