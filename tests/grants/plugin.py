"""Pytest plugin: each handler test proves what its function's role must be granted on AWS.

A call that stage prod's policies would refuse fails the test that makes it. When all handler tests
ran, in one process or in several of pytest-xdist's, whatever is granted and was never needed fails
the session. `--require-grants-proof` fails a session in which only part of them ran.
"""

import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from infra.stamp import BUILD
from tests.grants import proof
from tests.grants.recorder import Problem, Recorder, install
from tests.grants.report import refused, table_of
from tests.grants.template import Deployment, Grant
from tests.handler_run import Evidence, Part, WholeRun, is_handler_test
from tests.moto_tables import kept_template

RECORD = BUILD / "tests" / "grants.json"
"""What the last whole run of the handler tests needed; tests/grants/mutations.py reads it."""


class Plugin(WholeRun):
    name = "grants"

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self.recorder = Recorder(self.deployment)
        install(self.recorder)

    def deployment(self) -> Deployment:
        """Stage prod, or the template that `--grants-template` names."""
        path = self.config.getoption("--grants-template")
        return Deployment(json.loads(Path(path).read_text()) if path else kept_template("prod"))

    def findings(self) -> set[Evidence]:
        return {
            (module, *grant) for module, grants in self.recorder.used.items() for grant in grants
        }

    def verdict(self, part: Part) -> tuple[list[str], bool]:
        if part.is_complete:
            RECORD.parent.mkdir(parents=True, exist_ok=True)
            wire = {
                module: sorted(map(list, grants)) for module, grants in used(part.found).items()
            }
            RECORD.write_text(json.dumps(wire, indent=1))
        return verdict(
            part, self.deployment, required=self.config.getoption("--require-grants-proof")
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self.recorder.begin_test(recording=is_handler_test(item))
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._watched(item))

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


def used(found: Iterable[Evidence]) -> dict[str, set[Grant]]:
    """The grants that calls needed, by module."""
    needed: dict[str, set[Grant]] = {}
    for module, *grant in found:
        needed.setdefault(module, set()).add(Grant(*grant))
    return needed


def verdict(
    part: Part, deploy: Callable[[], Deployment], *, required: bool
) -> tuple[list[str], bool]:
    """What to print at the end of a session, and whether it fails; see the module."""
    if part.is_complete:
        deployment, needed = deploy(), used(part.found)
        lines = table_of(
            proof.missing(deployment, needed),
            proof.unused(deployment, needed),
            proof.stale_reasons(deployment, needed),
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
