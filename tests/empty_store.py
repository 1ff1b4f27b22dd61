"""The stack's tables and bucket, empty, in moto or in an emulator."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any

import pytest
from botocore.session import Session
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from functions.web.auth import forget_keys
from shared.store.dynamo import client
from shared.store.licenses import forget_committed
from shared.workflows import imports_at_rest
from tests import emulated, quick_moto
from tests.aws_requests import heard_requests
from tests.light_botocore import lighten
from tests.moto_tables import make_moto_bucket, make_tables, table_names

# The description of DynamoDB is read once for all tests. Sessions are not shared: boto3, which
# operators' commands and moto use, marks the one that it gets, and twice is once too often.
_LOADER = Session().get_component("data_loader")


quick_moto.install()
_CONTEXT = ssl.create_default_context
_PROCESS_REQUEST = BotocoreStubber.process_request


def _one_at_a_time[**P, R](act: Callable[P, R]) -> Callable[P, R]:
    """moto copies whole tables in a transaction, and fails if another thread writes meanwhile."""
    lock = RLock()

    def locked(*args: P.args, **more: P.kwargs) -> R:
        with lock:
            return act(*args, **more)

    return locked


def _context(*args: Any, **named: Any) -> ssl.SSLContext:
    """Certificates are read once: nothing here sends anything to those whom they are of."""
    if args or named.keys() != {"cafile"}:
        return _CONTEXT(*args, **named)
    return _certificates(named["cafile"])


@cache
def _certificates(cafile: str) -> ssl.SSLContext:
    return _CONTEXT(cafile=cafile)


def _new_session() -> Session:
    made = Session()
    made.register_component("data_loader", _LOADER)
    return made


@contextmanager
def empty_store(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables, and a world in which no API key has been seen yet.

    Whatever is sent to AWS meanwhile must be what its service models describe.
    """
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.delenv("AWS_ENDPOINT_URL", raising=False)
    for env_name, name in table_names().items():
        patch.setenv(env_name, name)
    patch.setattr("botocore.session.get_session", _new_session)
    patch.setattr(ssl, "create_default_context", _context)
    patch.setenv("UPLOADS_BUCKET", "uploads")
    forget_keys()
    forget_committed()
    with _aws(patch), heard_requests() as heard:
        yield
    forget_keys()
    forget_committed()
    assert not heard.faults, "\n".join(heard.faults[:5])


@contextmanager
def _aws(patch: pytest.MonkeyPatch) -> Iterator[None]:
    if emulator := emulated.chosen():
        patch.setenv("AWS_ENDPOINT_URL", emulator.url)
        emulator.empty()
        yield
        return
    lighten(patch)
    patch.setattr(imports_at_rest, "INDEXED_WITHIN", 0.0)  # moto's indexes have every write at once
    patch.setattr(BotocoreStubber, "process_request", _one_at_a_time(_PROCESS_REQUEST))
    with mock_aws():
        make_tables(client())
        make_moto_bucket()
        yield
