"""Responses of S3 that moto does not give, below botocore's retries."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from shared.store import uploads


@contextmanager
def s3_answers(
    operation: str,
    status: int,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    from_nth: int = 1,
) -> Iterator[list[str]]:
    """For a while, an operation that reads is answered like this from its `from_nth` call on.

    Yields the URLs that were requested.
    """
    urls: list[str] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        urls.append(request.url)
        if len(urls) < from_nth:
            return None
        sent = {"Content-Length": str(len(body)), **(headers or {})}
        return AWSResponse(request.url, status, sent, _Raw(body))  # type: ignore[arg-type]  # as moto does

    events: Any = uploads.client().meta.events  # the stubs know no handler that answers
    events.register_first(f"before-send.s3.{operation}", answer)
    try:
        yield urls
    finally:
        events.unregister(f"before-send.s3.{operation}", answer)


def error(code: str, **more: str) -> bytes:
    """The body of an error answer."""
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return f"<Error><Code>{code}</Code><Message>no</Message>{elements}</Error>".encode()


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, *_: Any) -> bytes:
        body, self._body = self._body, b""
        return body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()
