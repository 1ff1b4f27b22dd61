"""Imports that are cancelled or interrupted with the whole stack end with correct results."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from infra.local.emulator import Emulator
from infra.local.stack import LocalStack
from tests.e2e.importing import PATIENCE, begun, ended
from tests.e2e.remote import Operate, RemoteShop, Tables, opened
from tests.e2e.sample_import import (
    ROWS,
    VALID,
    assert_imported_once,
    dropped_file,
    stored_licenses,
)
from tests.e2e.wire import Wire, fault, swept


@pytest.fixture(scope="module")
def interrupted(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company whose imports are interrupted."""
    return opened(http, keys, "interrupted", stocked=True)


def test_an_import_that_is_cancelled_and_run_again_counts_as_if_it_had_run_once(
    wire: Wire, interrupted: RemoteShop, stack: LocalStack, tables: Tables
) -> None:
    with half_way(wire, stack, interrupted, "cancelled") as number:
        cancelled = interrupted.post(f"/imports/{number}/cancel/")
    written = len(stored_licenses(tables, interrupted, "cancelled"))

    retried = interrupted.post(f"/imports/{number}/retry/")
    job = ended(interrupted, number)

    assert (cancelled.json()["state"], retried.json()["state"]) == ("cancelled", "queued")
    assert 0 < written < VALID
    assert_imported_once(tables, interrupted, job, "cancelled")


def test_an_import_continues_after_the_whole_stack_was_down(
    wire: Wire, interrupted: RemoteShop, stack: LocalStack, home: Path, tables: Tables
) -> None:
    """The emulator keeps its tables and files, and forgets what ran and what was to run."""
    order = interrupted.order(id="before", items=[{"product_code": "kp", "licenses": [{}]}]).json()
    with half_way(wire, stack, interrupted, "gone") as number:
        restart(Emulator(home))
        halted = interrupted.get(f"/imports/{number}/").json()

    resume(tables, stack, interrupted, number)
    job = ended(interrupted, number)

    assert (halted["state"], halted["progress"]["rows_done"] < ROWS) == ("running", True)
    assert_imported_once(tables, interrupted, job, "gone")
    assert interrupted.get(f"/orders/{order['id']}/").json()["store_id"] == "before"


@contextmanager
def half_way(wire: Wire, stack: LocalStack, shop: RemoteShop, tag: str) -> Iterator[int]:
    """A job of which some ranges are done; the last one cannot be, as its writes don't arrive."""
    last = f"contains(to_string(@), '{tag} {ROWS - 1}')"
    with wire.meeting(fault("reset", "dynamodb.BatchExecuteStatement", body=last)):
        number = dropped_file(stack, shop, tag)
        assert begun(shop, number)["progress"]["rows_done"] < ROWS
        yield number


def resume(tables: Tables, stack: LocalStack, shop: RemoteShop, number: int) -> None:
    """Let 16 minutes pass and the sweeper run, until no old worker writes a heartbeat between."""
    until = time.monotonic() + PATIENCE
    while True:
        tables.import_was_heard_of(shop.company, number, ago=timedelta(minutes=16))
        if swept(stack)["resumed"]:
            return
        assert time.monotonic() < until, "the sweeper resumed no import"


def restart(emulator: Emulator) -> None:
    port = emulator.port
    assert port is not None
    emulator.stop()
    emulator.start(port)
