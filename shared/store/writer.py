"""Who writes records now: the API key of the request, or the sweeper.

Records that have events store it, for their events. It belongs to the invocation, and not to each
write, because one request writes records of several tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.access import WRITER

_writer: ContextVar[str | None] = ContextVar("writer", default=None)


@contextmanager
def written_by(writer: str | None) -> Iterator[None]:
    """Let the records of this block be written by an API key, given by its prefix."""
    token = _writer.set(writer)
    try:
        yield
    finally:
        _writer.reset(token)


def writer_attribute() -> dict[str, str | None]:
    """The attribute of a record with its writer; None while no request is served."""
    return {WRITER: _writer.get()}
