"""What a check found: the vocabulary that preflight, doctor and verify share."""

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
    """A stage or account that can't be deployed to; the message is one sentence for an operator."""


@dataclass(frozen=True)
class Checked:
    """The outcome of one check, in one sentence."""

    outcome: Outcome
    message: str


def ok(message: str) -> Checked:
    return Checked("ok", message)


def note(message: str) -> Checked:
    """Nothing that prevents a deploy, but something to know before it."""
    return Checked("note", message)


def not_checked(message: str) -> Checked:
    return Checked("not_checked", message)


def refused(message: str) -> Checked:
    """The message names the quota, region, right or setting, and what to do."""
    return Checked("refused", message)
