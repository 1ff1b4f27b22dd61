"""HTTP/1.1 connections to one host, driven from one thread.

asyncio opens connections, and does TLS, waiting and timeouts; httptools parses responses. The event
loop runs only inside `poll`. Nothing runs concurrently between two polls, so the code that builds
requests and reads responses can block, and needs no `await`.
"""

import asyncio
import selectors
import ssl
import zlib
from collections.abc import Callable
from typing import Any

import httptools

from shared.store.turns import Turns

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0
"""Timeout of a request, from the first byte sent to the last byte of the response."""
NO_ANSWER = (503, b"")
"""The response to a request whose connection failed, timed out or returned malformed data."""

type Answer = tuple[int, bytes]
"""An HTTP status and a body."""


class Connections:
    """A pool of keep-alive connections, each with one request at a time."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, turns: Turns) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._loop = asyncio.SelectorEventLoop(_Selector(turns))
        self.active = 0
        """The number of requests without a response."""

    def post(self, message: bytes, receive: Callable[[Answer], None]) -> None:
        """Send a request; a later `poll` calls `receive` with the response, exactly once."""
        self.active += 1
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                connection.send(message, receive)
                return
        task = self._loop.create_task(self._post_on_new(message, receive))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def poll(self, seconds: float) -> None:
        """Run until a response arrives, at most for so many seconds."""
        timer = self._loop.call_later(seconds, self._loop.stop) if seconds > 0 else None
        if timer is None:
            self._loop.stop()  # one turn: the loop handles what is ready, and does not wait
        self._loop.run_forever()
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Close all connections; pending requests never get a response."""
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _close(self) -> None:
        for connection in self._open:
            connection.receive = None
            connection.transport.abort()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        await self._loop.shutdown_default_executor()
        while self._open:
            await asyncio.sleep(0)

    async def _post_on_new(self, message: bytes, receive: Callable[[Answer], None]) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await self._loop.create_connection(
                    lambda: _Connection(self), self._host, self._port, ssl=self._tls
                )
        except OSError:  # TimeoutError and ssl.SSLError are OSErrors
            self.deliver(receive, NO_ANSWER)
        else:
            connection.send(message, receive)

    def opened(self, connection: "_Connection") -> None:
        self._open.add(connection)

    def free(self, connection: "_Connection") -> None:
        self._idle.append(connection)

    def lost(self, connection: "_Connection") -> None:
        self._open.discard(connection)

    def drop_idle(self) -> None:
        """Close idle connections: after one has failed, the others are probably closed as well."""
        for connection in self._idle:
            connection.transport.abort()
        self._idle.clear()

    def deliver(self, receive: Callable[[Answer], None], answer: Answer) -> None:
        self.active -= 1
        receive(answer)
        self._loop.stop()


class _Selector(selectors.DefaultSelector):
    """Lets other threads run while this one waits for its connections."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        with self._turns.released():
            return super().select(timeout)


class _Connection(asyncio.Protocol):
    """One connection. httptools calls the methods named `on_…`."""

    transport: asyncio.Transport

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._checksum: int | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.receive: Callable[[Answer], None] | None = None

    def send(self, message: bytes, receive: Callable[[Answer], None]) -> None:
        self.receive = receive
        loop = self._owner._loop  # noqa: SLF001  # one unit in two classes
        self._deadline = loop.call_later(ANSWER_SECONDS, self.transport.abort)
        self.transport.write(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # TCP and TLS have such a one
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self.receive is None:  # no request is waiting
            self.transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        self._owner.lost(self)
        if self.receive is not None:
            self._owner.drop_idle()
            self._finish(NO_ANSWER)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amz-crc32":
            self._checksum = int(value)

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        content, checksum = b"".join(self._body), self._checksum
        self._body.clear()
        self._checksum = None
        if checksum is not None and checksum != zlib.crc32(content):
            self.transport.abort()
            return
        if self._parser.should_keep_alive():
            self._owner.free(self)
        else:
            self.transport.close()
        self._finish((self._parser.get_status_code(), content))

    def _finish(self, answer: Answer) -> None:
        receive: Any = self.receive
        self.receive = None
        if self._deadline is not None:
            self._deadline.cancel()
        self._owner.deliver(receive, answer)
