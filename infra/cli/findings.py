"""Outcomes of the checks of `keywright preflight` and `keywright doctor`."""

from dataclasses import dataclass
from typing import Literal

type Outcome = Literal["ok", "note", "not_checked", "refused"]
SIGNS: dict[Outcome, str] = {
    "ok": "[green]✓[/]",
    "note": "[yellow]![/]",
    "not_checked": "[yellow]?[/]",
    "refused": "[red]✗[/]",
}


class NotReady(Exception):
    """The command can't run; the message says why and what to do, in one sentence."""


@dataclass(frozen=True)
class Checked:
    """The outcome of one check, described in one sentence."""

    outcome: Outcome
    message: str


def ok(message: str) -> Checked:
    return Checked("ok", message)


def note(message: str) -> Checked:
    """Return a warning: the stage can be deployed, but the operator should know this first."""
    return Checked("note", message)


def not_checked(message: str) -> Checked:
    """Return a skipped check; the message says why."""
    return Checked("not_checked", message)


def refused(message: str) -> Checked:
    """Return a failed check; the message names the quota, region or setting, and what to do."""
    return Checked("refused", message)
