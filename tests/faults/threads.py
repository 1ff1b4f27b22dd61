"""A thread pool whose threads are greenlets of the simulation."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from tests.faults.world import World
from tests.wiretap import Killed


class _Future(Future[Any]):
    """A future whose waiters are greenlets."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def result(self, timeout: float | None = None) -> Any:
        while not self.done():
            self._world.block(self)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        while not self.done():
            self._world.block(self)
        return super().exception(timeout)


class Threads(Executor):
    """A pool of threads in one simulation."""

    def __init__(self, world: World, most: int) -> None:
        self._world, self._most = world, most
        self._work: deque[tuple[_Future, Callable[[], Any]]] = deque()
        self._pending: list[_Future] = []
        self._threads = 0

    def submit(self, act: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future = _Future(self._world)
        self._work.append((future, lambda: act(*args, **more)))
        self._pending = [each for each in self._pending if not each.done()]
        self._pending.append(future)
        if self._threads < self._most:
            self._threads += 1
            self._world.thread(self._labor)
        return future

    def shutdown(self, *_: Any, **__: Any) -> None:
        for future in self._pending:
            future.exception()

    def _labor(self) -> None:
        while self._work:
            future, act = self._work.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(act())
            except (Exception, Killed) as error:  # noqa: BLE001  # the waiting thread raises it
                future.set_exception(error)
        self._threads -= 1
