"""Record every AWS call of a handler in this process, by function.

A handler is known by its entry: `handler` of its module, or `answer` of its routes. Its threads
inherit that, and a fixture, a fault or an emulation between the handler and AWS does not: calls
within a call are not the function's.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import orjson
import wrapt
from botocore.exceptions import ClientError

from functions.web.openapi import ROUTE_MODULES
from tests.grants.calls import ABSENT, Access, UnknownCallError, absent, accesses
from tests.grants.needs import UnnamedError, needs_of_call
from tests.grants.template import Deployment, Grant

MODULES = (
    *(f"functions.{name}" for name in ROUTE_MODULES),
    "functions.console.handler",
    "functions.import_csv",
    "functions.export_chunk",
    "functions.sweep",
    "functions.publish_events",
    "functions.index_search",
)
"""Every Lambda function by its module."""

_running: ContextVar[str] = ContextVar("running", default="")
_in_call: ContextVar[bool] = ContextVar("in_call", default=False)


@contextmanager
def outside() -> Iterator[None]:
    """Requests of this block count for no function: a test acts in the middle of a handler."""
    token = _running.set("")
    try:
        yield
    finally:
        _running.reset(token)


class Problem(NamedTuple):
    """A call that AWS would refuse, or that nobody can judge."""

    module: str
    call: str
    why: str
    grant: Grant | None = None


class Recorder:
    """The AWS requests of handlers, as grants, and those that prod does not grant."""

    def __init__(self, deploy: Callable[[], Deployment]) -> None:
        """`deploy` is called at the first call of a handler: reading a template takes time."""
        self._deploy = deploy
        self._deployment: Deployment | None = None
        self._judged: dict[tuple[str, Access], tuple[tuple[Grant, ...], tuple[Problem, ...]]] = {}
        self._problems: dict[Problem, None] = {}
        self.used: dict[str, set[Grant]] = {}
        """By module, what calls needed while `recording`."""
        self.recording = False
        self.active = 0
        """How many handlers run now."""

    def begin_test(self, *, recording: bool) -> None:
        """Forget handlers that a test left behind; record what the next one needs, or not."""
        self.active, self.recording = 0, recording

    def take_problems(self) -> list[Problem]:
        """The problems since the last call."""
        found = list(self._problems)
        self._problems.clear()
        return found

    @contextmanager
    def inside(self, module: str) -> Iterator[None]:
        """All calls in this block, and in threads it starts, are the function's."""
        running, in_call = _running.set(module), _in_call.set(False)
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            _in_call.reset(in_call)
            _running.reset(running)

    @contextmanager
    def calling(self, service: str, operation: str, sent: Mapping[str, Any]) -> Iterator[None]:
        """A call that the block makes, if it is a function that makes it."""
        module = _running.get()
        if not module or _in_call.get():
            self._want_main_thread(service, operation)
            yield
            return
        self._note(module, f"{service} {operation}", lambda: accesses(service, operation, sent))
        token = _in_call.set(True)
        try:
            yield
        except ClientError as error:
            if service == "s3" and error.response["Error"]["Code"] in ABSENT:
                self._note(module, f"s3 {operation} of a missing key", lambda: [absent(sent)])
            raise
        finally:
            _in_call.reset(token)

    def _note(self, module: str, call: str, access: Callable[[], Any]) -> None:
        try:
            for each in access():
                needs, problems = self._judge(module, call, each)
                if self.recording:
                    self.used.setdefault(module, set()).update(needs)
                self._problems.update(dict.fromkeys(problems))
        except UnknownCallError as unknown:
            self._problems[Problem(module, call, str(unknown))] = None

    def _judge(
        self, module: str, call: str, access: Access
    ) -> tuple[tuple[Grant, ...], tuple[Problem, ...]]:
        if known := self._judged.get((module, access)):
            return known
        self._deployment = deployment = self._deployment or self._deploy()
        try:
            needs = tuple(needs_of_call(deployment, module, access))
        except UnnamedError as unnamed:
            return (), (Problem(module, call, str(unnamed)),)
        granted = deployment.grants[module]
        missing = [need for need in needs if not any(each.allows(need) for each in granted)]
        problems = tuple(Problem(module, call, f"may not {need}", need) for need in missing)
        self._judged[module, access] = needs, problems
        return needs, problems

    def _want_main_thread(self, service: str, operation: str) -> None:
        """A call of nobody's in a thread of its own, while a handler runs, may be the handler's."""
        main = threading.current_thread() is threading.main_thread()
        if not main and self.active and not _running.get():
            why = "a thread that ThreadPoolExecutor.submit did not start made this call"
            self._problems[Problem("?", f"{service} {operation}", why)] = None


def install(recorder: Recorder) -> None:
    """Have botocore, the hand-signed requests and every handler speak to the recorder."""
    apis: dict[Any, str] = {}
    for name in MODULES:
        if api := getattr(import_module(name), "api", None):
            apis[api] = name
        wrapt.wrap_function_wrapper(name, "handler", partial(_handled, recorder, name))
    wrapt.wrap_function_wrapper(
        "functions.web.api", "Api.answer", partial(_answered, recorder, apis)
    )
    for target, name, wrapper in (
        ("botocore.client", "BaseClient._make_api_call", _api_call),
        ("botocore.signers", "generate_presigned_url", _presigned_url),
        ("botocore.signers", "generate_presigned_post", _presigned_post),
        ("shared.store.signed_http", "heard", _signed),
    ):
        wrapt.wrap_function_wrapper(target, name, partial(wrapper, recorder))
    wrapt.wrap_function_wrapper(ThreadPoolExecutor, "submit", _submitted)


def _handled(recorder: Recorder, module: str, call: Any, _: Any, args: Any, named: Any) -> Any:
    with recorder.inside(module):
        return call(*args, **named)


def _answered(
    recorder: Recorder, apis: Mapping[Any, str], call: Any, api: Any, args: Any, named: Any
) -> Any:
    """Routes that are no function's, such as a test's own, are nobody's."""
    with recorder.inside(apis.get(api, "")):
        return call(*args, **named)


def _api_call(recorder: Recorder, call: Any, client: Any, args: Any, named: Any) -> Any:
    operation, sent, *_ = args
    with recorder.calling(client.meta.service_model.service_name, operation, sent):
        return call(*args, **named)


def _signed(recorder: Recorder, call: Any, _: Any, args: Any, named: Any) -> Any:
    operation, body, *_ = args
    with recorder.calling("dynamodb", operation, orjson.loads(body)):
        return call(*args, **named)


def _presigned_url(recorder: Recorder, call: Any, client: Any, args: Any, named: Any) -> Any:
    """A presigned link acts with the rights of the role that signed it."""
    operation = client.meta.method_to_api_mapping[args[0]]
    with recorder.calling(client.meta.service_model.service_name, operation, named["Params"]):
        return call(*args, **named)


def _presigned_post(recorder: Recorder, call: Any, _: Any, args: Any, named: Any) -> Any:
    bucket, key = args
    with recorder.calling("s3", "PostObject", {"Bucket": bucket, "Key": key}):
        return call(*args, **named)


def _submitted(submit: Any, _: Any, args: Any, named: Any) -> Any:
    """A pool's thread acts for the function that gave it the work."""
    act, *rest = args
    return submit(copy_context().run, act, *rest, **named)
