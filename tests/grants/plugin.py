"""Pytest plugin: each handler test proves what its function's role must be granted on AWS.

A call that stage prod's policies would refuse fails the test that makes it. When all handler tests
ran, in one process or in several of pytest-xdist's, whatever is granted and was never needed fails
the session. `--require-grants-proof` fails a session in which only part of them ran.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.stamp import BUILD, ROOT
from tests.grants import proof
from tests.grants.recorder import Problem, Recorder, install
from tests.grants.report import refused, table_of
from tests.grants.template import Deployment, Grant
from tests.moto_tables import kept_template

HANDLER_TESTS = ROOT / "tests" / "functions"
RECORD = BUILD / "tests" / "grants.json"
"""What the last whole run of the handler tests needed; tests/grants/mutations.py reads it."""

type Wire = dict[str, Any]
"""What a worker of pytest-xdist can send."""


@dataclass
class Part:
    """What one process ran of the handler tests."""

    collected: set[str] = field(default_factory=set)
    whole: bool = True
    """Whether everything in tests/functions was collected and selected."""
    passed: set[str] = field(default_factory=set)
    used: dict[str, set[Grant]] = field(default_factory=dict)

    def add(self, other: "Part") -> None:
        """Merge what another process ran."""
        self.collected |= other.collected
        self.whole &= other.whole
        self.passed |= other.passed
        for module, grants in other.used.items():
            self.used.setdefault(module, set()).update(grants)

    @property
    def is_complete(self) -> bool:
        return self.whole and bool(self.collected) and self.collected == self.passed

    def to_wire(self) -> Wire:
        used = {module: sorted(map(list, grants)) for module, grants in self.used.items()}
        return {
            "collected": sorted(self.collected),
            "whole": self.whole,
            "passed": sorted(self.passed),
            "used": used,
        }

    @classmethod
    def of_wire(cls, wire: Wire) -> "Part":
        used = {
            module: {Grant(*each) for each in grants} for module, grants in wire["used"].items()
        }
        return cls(set(wire["collected"]), wire["whole"], set(wire["passed"]), used)


class Plugin:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._part = Part()
        self._workers: list[Part] = []
        self._lines: list[str] = []
        self.recorder = Recorder(self.deployment)
        install(self.recorder)

    def deployment(self) -> Deployment:
        """Stage prod, or the template that `--grants-template` names."""
        path = self._config.getoption("--grants-template")
        return Deployment(json.loads(Path(path).read_text()) if path else kept_template("prod"))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        if any(_is_handler_test(item) for item in items):
            self._part.whole = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if _is_handler_test(item)]
        self._part.collected = {item.nodeid for item in items}
        files = {item.path for item in items}
        by_name = any("::" in argument for argument in self._config.args)
        if by_name or files != set(HANDLER_TESTS.glob("test_*.py")):
            self._part.whole = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self.recorder.begin_test(recording=_is_handler_test(item))
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._watched(item))

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
        wire = getattr(node, "workeroutput", {}).get("grants")
        self._workers.append(Part.of_wire(wire) if wire else Part(whole=False))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._part.used = self.recorder.used
        if self._is_worker:
            self._config.workeroutput["grants"] = self._part.to_wire()  # type: ignore[attr-defined]  # pytest-xdist's
            return
        part = self._part
        if self._workers:
            part = Part()
            for worker in self._workers:
                part.add(worker)
        if part.is_complete:
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            RECORD.write_text(json.dumps(part.to_wire()["used"], indent=1))
        required = self._config.getoption("--require-grants-proof")
        self._lines, failed = verdict(part, self.deployment, required=required)
        if failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._lines:
            terminalreporter.write_line(line)

    def _watched(self, item: pytest.Item) -> Generator[None]:
        """Fail where AWS would have refused a call; next to another failure, say so."""
        try:
            result = yield
        except BaseException:
            if found := self.recorder.take_problems():
                item.add_report_section("call", "grants", self._told(found))
            raise
        found = self.recorder.take_problems()
        if found and not item.get_closest_marker("planted_bug"):
            pytest.fail(self._told(found), pytrace=False)
        return result

    def _told(self, problems: list[Problem]) -> str:
        return "\n\n".join(map(refused, problems))


def verdict(
    part: Part, deploy: Callable[[], Deployment], *, required: bool
) -> tuple[list[str], bool]:
    """What to print at the end of a session, and whether it fails; see the module."""
    if part.is_complete:
        deployment = deploy()
        lines = table_of(
            proof.missing(deployment, part.used),
            proof.unused(deployment, part.used),
            proof.stale_reasons(deployment, part.used),
        )
        return lines, bool(lines)
    if not part.collected and not required:
        return [], False
    return ["grants: unused ones not judged, since not every handler test passed"], required


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grants")
    group.addoption(
        "--require-grants-proof",
        action="store_true",
        help="fail unless every handler test ran, so that unused grants were judged",
    )
    group.addoption("--grants-template", help="the template to judge by, instead of stage prod's")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "planted_bug: runs code that it broke; its calls are not compared with grants"
    )
    config.pluginmanager.register(Plugin(config), "grants")


def _is_handler_test(item: pytest.Item) -> bool:
    return item.path.is_relative_to(HANDLER_TESTS)
