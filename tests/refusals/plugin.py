"""Pytest plugin: the OpenAPI document has the codes that each operation raises, and no others.

A handler test in which an operation raises a code that the document lacks fails. When all handler
tests ran, in one process or in several of pytest-xdist's, a documented code that no test raised
fails the session, unless `reasons.py` says why. `--require-refusals-proof` fails a session in which
only part of the handler tests ran.
"""

from collections.abc import Generator
from functools import partial
from typing import Any

import pytest
import wrapt

from functions.web.api import Api, Operation
from tests.handler_run import Evidence, Part, WholeRun, is_handler_test
from tests.refusals import codes
from tests.refusals.codes import NO_OPERATION, Refusal


class Recorder:
    """The codes that operations raised, in the order in which they did."""

    def __init__(self) -> None:
        self.recording = False
        self.raised: set[Refusal] = set()
        self.new: dict[Refusal, None] = {}
        """Those since a test began."""

    def install(self) -> None:
        """Have every route of the API tell what it refuses with."""
        for name in ("Api._act", "Api._refuse"):
            wrapt.wrap_function_wrapper("functions.web.api", name, partial(_recorded, self))

    def note(self, api: Api, operation: Any, error: Exception) -> None:
        """Record a refusal, unless the routes are no function's but a test's own."""
        if self.recording and codes.is_served(operation or api):
            name = operation.name if operation else NO_OPERATION
            self.new |= dict.fromkeys(Refusal(name, code) for code in codes.codes_raised(error))


def _recorded(recorder: Recorder, call: Any, api: Api, args: Any, named: Any) -> Any:
    try:
        return call(*args, **named)
    except Exception as error:
        operation = args[0] if isinstance(args[0], Operation) else None
        recorder.note(api, operation, error)
        raise


class Plugin(WholeRun):
    name = "refusals"

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self.recorder = Recorder()
        self.recorder.install()

    def findings(self) -> set[Evidence]:
        return {tuple(each) for each in self.recorder.raised}

    def verdict(self, part: Part) -> tuple[list[str], bool]:
        required = self.config.getoption("--require-refusals-proof")
        return verdict(part, required=required)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Fail where an operation raised what its document does not have."""
        self.recorder.recording = is_handler_test(item) and not item.get_closest_marker(
            "planted_bug"
        )
        self.recorder.new.clear()
        try:
            result = yield
        finally:
            self.recorder.recording = False
            self.recorder.raised |= self.recorder.new.keys()
        if lacking := codes.undocumented(self.recorder.new):
            pytest.fail("\n".join(map(codes.advice, lacking)), pytrace=False)
        return result


def verdict(part: Part, *, required: bool) -> tuple[list[str], bool]:
    """What to print at the end of a session, and whether it fails; see the module."""
    if part.is_complete:
        raised = [Refusal(*each) for each in part.found]
        lines = [
            f'refusals: {operation} documents "{code}", which no handler test raises: add a test '
            "that does, take it out of the operation's refusals, or say why in "
            "tests/refusals/reasons.py"
            for operation, code in codes.never_raised(raised)
        ]
        lines += [
            f"refusals: the reason for {operation} {code} in tests/refusals/reasons.py is not "
            "needed any more: remove it"
            for operation, code in codes.stale_reasons(raised)
        ]
        return lines, bool(lines)
    if not part.collected and not required:
        return [], False
    return ["refusals: not compared both ways, since not every handler test passed"], required


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("refusals").addoption(
        "--require-refusals-proof",
        action="store_true",
        help="fail unless every handler test ran, so that documented codes were compared",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Plugin(config), "refusals")
