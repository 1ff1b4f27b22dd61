"""A pytest plugin that judges a whole run of the handler tests, in one process or in several.

pytest-xdist gives each worker some of the tests. What a worker found travels to the main process,
which merges the findings and judges them when every handler test was collected and passed.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from infra.stamp import ROOT

HANDLER_TESTS = ROOT / "tests" / "functions"

type Evidence = tuple[str, ...]
type Wire = dict[str, Any]
"""What a worker of pytest-xdist can send."""


@dataclass
class Part:
    """What one process ran of the handler tests, and what it found."""

    collected: set[str] = field(default_factory=set)
    whole: bool = True
    """Whether everything in tests/functions was collected and selected."""
    passed: set[str] = field(default_factory=set)
    found: set[Evidence] = field(default_factory=set)

    def add(self, other: "Part") -> None:
        """Merge what another process ran."""
        self.collected |= other.collected
        self.whole &= other.whole
        self.passed |= other.passed
        self.found |= other.found

    @property
    def is_complete(self) -> bool:
        return self.whole and bool(self.collected) and self.collected == self.passed

    def to_wire(self) -> Wire:
        return {
            "collected": sorted(self.collected),
            "whole": self.whole,
            "passed": sorted(self.passed),
            "found": sorted(map(list, self.found)),
        }

    @classmethod
    def of_wire(cls, wire: Wire) -> "Part":
        found = {tuple(each) for each in wire["found"]}
        return cls(set(wire["collected"]), wire["whole"], set(wire["passed"]), found)


class WholeRun:
    """The base of a plugin: `findings` is what this process found, `verdict` judges all of it."""

    name: ClassVar[str]

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._is_worker = hasattr(config, "workerinput")
        self._part = Part()
        self._workers: list[Part] = []
        self._lines: list[str] = []

    def findings(self) -> set[Evidence]:
        raise NotImplementedError

    def verdict(self, part: Part) -> tuple[list[str], bool]:
        """What to print at the end of a session, and whether the session fails."""
        raise NotImplementedError

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        if any(is_handler_test(item) for item in items):
            self._part.whole = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if is_handler_test(item)]
        self._part.collected = {item.nodeid for item in items}
        files = {item.path for item in items}
        by_name = any("::" in argument for argument in self.config.args)
        if by_name or files != set(HANDLER_TESTS.rglob("test_*.py")):
            self._part.whole = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self._part.collected:
            return
        if report.failed or report.skipped:
            self._part.whole = False
        elif report.when == "teardown":
            self._part.passed.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist is done; one that crashed has nothing to say."""
        wire = getattr(node, "workeroutput", {}).get(self.name)
        self._workers.append(Part.of_wire(wire) if wire else Part(whole=False))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._part.found = self.findings()
        if self._is_worker:
            self.config.workeroutput[self.name] = self._part.to_wire()  # type: ignore[attr-defined]  # pytest-xdist's
            return
        part = self._part
        if self._workers:
            part = Part()
            for worker in self._workers:
                part.add(worker)
        self._lines, failed = self.verdict(part)
        if failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._lines:
            terminalreporter.write_line(line)


def is_handler_test(item: pytest.Item) -> bool:
    return _has_handler_tests(item.path)


@cache
def _has_handler_tests(path: Path) -> bool:
    return path.is_relative_to(HANDLER_TESTS)
