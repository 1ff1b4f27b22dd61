"""Threads take turns: one runs at a time, in order of arrival."""

import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from shared.store.connections import _Selector
from shared.store.patience import Patience
from shared.store.turns import Turns

SECONDS = 5
"""After which a test has failed."""


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_only_one_thread_runs_at_a_time(threads: ThreadPoolExecutor) -> None:
    turns, inside = Turns(), list[int]()

    def work(number: int) -> None:
        for _ in range(20):
            with turns.taken():
                inside.append(number)
                time.sleep(0.0001)
                assert inside == [number]
                inside.clear()
                turns.offer()

    for done in [threads.submit(work, number) for number in range(8)]:
        done.result(SECONDS)


def test_a_thread_does_not_run_while_another_has_the_turn(threads: ThreadPoolExecutor) -> None:
    turns, ran = Turns(), Event()

    def work() -> None:
        with turns.taken():
            ran.set()

    with turns.taken():
        done = threads.submit(work)
        assert not ran.wait(0.05)
    done.result(SECONDS)


def test_a_thread_that_waits_lets_others_run_and_then_has_its_turn_again(
    threads: ThreadPoolExecutor,
) -> None:
    turns, order = Turns(), list[str]()

    def work() -> None:
        with turns.taken():
            order.append("other")

    with turns.taken():
        with turns.released():
            threads.submit(work).result(SECONDS)
        order.append("first")
        late = threads.submit(work)
        time.sleep(0.05)
        assert order == ["other", "first"]
    late.result(SECONDS)


def test_threads_have_their_turn_in_the_order_in_which_they_came(
    threads: ThreadPoolExecutor,
) -> None:
    turns, order = Turns(), list[int]()

    def work(number: int) -> None:
        with turns.taken():
            order.append(number)

    with turns.taken():
        waiting = []
        for number in range(8):
            waiting.append(threads.submit(work, number))
            time.sleep(0.02)
        turns.offer()
        assert order == [*range(8)]
    for done in waiting:
        done.result(SECONDS)


def test_the_turn_is_given_up_by_a_thread_that_fails(threads: ThreadPoolExecutor) -> None:
    turns = Turns()

    def fail() -> None:
        with turns.taken(), turns.released():
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            threads.submit(fail).result(SECONDS)
    with turns.taken():
        pass


def test_a_thread_without_the_turn_can_wait(threads: ThreadPoolExecutor) -> None:
    turns = Turns()

    def wait() -> bool:
        with turns.released():
            turns.offer()
        return True

    with turns.taken():
        assert threads.submit(wait).result(SECONDS)


def test_a_worker_that_pauses_lets_others_run(threads: ThreadPoolExecutor) -> None:
    worker, ran = Patience(lambda: 900_000, lambda: None), Event()

    def work() -> None:
        with worker.turns.taken():
            ran.set()

    with worker.turns.taken():
        done = threads.submit(work)
        worker.wait(0.2)
        assert ran.is_set()
    done.result(SECONDS)


def test_a_thread_that_waits_for_a_response_lets_others_run(threads: ThreadPoolExecutor) -> None:
    turns = Turns()
    ours, theirs = socket.socketpair()

    def respond() -> None:
        with turns.taken():
            theirs.send(b"x")

    with ours, theirs, _Selector(turns) as selector, turns.taken():
        selector.register(ours, selectors.EVENT_READ)
        assert not selector.select(0)
        done = threads.submit(respond)
        (_, event), *_ = selector.select(SECONDS)
        assert event == selectors.EVENT_READ
        done.result(SECONDS)
