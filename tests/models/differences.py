"""Differences between our model and another service, and how a known one is recognized.

An entry says what the service does instead, and what AWS says. A difference that no entry explains
fails the comparison; so does an entry that explains nothing any more. They are in `known.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.rules import RULES
from tests.models.answers import Answer


@dataclass(frozen=True)
class Seen:
    """One request and its two answers."""

    operation: str
    body: dict[str, Any]
    expected: Answer
    got: Answer


@dataclass(frozen=True)
class Known:
    """One difference: what the service does, what AWS says, and how it is recognized."""

    name: str
    does: str
    aws: str
    matches: Callable[[Seen], bool]


def known_of(known: Sequence[Known], seen: Seen) -> Known | None:
    """The first entry that explains a difference."""
    return next((entry for entry in known if entry.matches(seen)), None)


def lax(*rules: str) -> tuple[Known, ...]:
    """Rules by which our model refuses a request and the service does not."""
    return tuple(
        Known(rule, "takes it, or refuses it later for another reason", RULES[rule], _by_rule(rule))
        for rule in rules
    )


def other_code(code: str, *rules: str) -> tuple[Known, ...]:
    """Rules by which both refuse a request, the service under another error code."""
    return tuple(
        Known(f"{rule} is {code}", f"refuses it as {code}", RULES[rule], _by_code(rule, code))
        for rule in rules
    )


def _by_rule(rule: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.expected.rule == rule


def _by_code(rule: str, code: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.expected.rule == rule and seen.got.code == code
