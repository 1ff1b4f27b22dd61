"""Run the product in one process on simulated AWS: real handlers, store and botocore.

Patched are the inputs of a process: sockets, clock, sleep, randomness, threads and environment.
Some sizes are patched too, so that a file of ten rows is a large import, an order of ten licenses
a large order, and a bucket of ten objects a large bucket.
"""

import gc
import io
import logging
import os
import random
import secrets
import time
from collections import UserDict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from botocore.validate import ParamValidator, ValidationErrors

from functions import import_views
from functions.web import auth
from shared import export_job
from shared.store import (
    bulk,
    dynamo,
    executions,
    licenses,
    newest_first,
    pace,
    patience,
    sender,
    uploads,
)
from shared.workflows import (
    export_records,
    import_chunk,
    import_features,
    import_lifecycle,
    import_plan,
    import_results,
    lost_files,
    order_writes,
    pending_orders,
    run_export,
    undo_features,
    undo_licenses,
    undo_orders,
)
from tests.engine import EXPORT_MACHINE, MACHINE
from tests.faults.dynamodb import DynamoDB, Table, tables_of
from tests.faults.s3 import S3
from tests.faults.threads import Threads
from tests.faults.world import BEGAN, World
from tests.functions.shop import Shop, open_shop, stock
from tests.light_botocore import lighten
from tests.moto_tables import local_template, table_names

OPERATIONS = 6
PRODUCTS = 1
BATCH_ROWS = 3
LICENSES_PER_PAGE = 2
EXPORT_STEP, EXPORT_PART = 2, 300
"""Records of a step of an export, and the least bytes of a part but the last."""
LISTINGS = 2
PAGE = 3
"""Versions in one response of S3, so that a cycle of the sweeper's listing takes several runs."""
COMPANIES = ("acme", "globex")
STRANGER = "newco"
"""A company without an API key, which may get one after faults have stopped."""
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "UPLOADS_BUCKET": "uploads",
    "IMPORT_FUNCTION": "import-csv",
    "IMPORT_STATE_MACHINE": MACHINE,
    "EXPORT_STATE_MACHINE": EXPORT_MACHINE,
    "IMPORT_INLINE_BYTES": "1000000",
    "IMPORT_CHUNK_BYTES": "150",
}


class _Memory(UserDict[str, Any]):
    """The module globals of a process; each actor has its own."""

    def __init__(self, worlds: list[World]) -> None:
        self.worlds = worlds

    @property
    def data(self) -> dict[str, Any]:  # type: ignore[override]  # an attribute of UserDict
        world = self.worlds[0]
        return (world.current or world).memory


class _AtOnce(Executor):
    """A pool that runs each task when it is submitted."""

    def __init__(self, *_: Any) -> None: ...

    def submit(self, act: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(act(*args, **more))
        except Exception as error:  # noqa: BLE001  # a pool stores it in the future
            future.set_exception(error)
        return future


@dataclass
class Laboratory:
    """Creates simulations (`World`). The product runs in one of them at a time."""

    shops: dict[str, Shop]
    stocked: dict[str, Table]
    quotas: list[Any]
    coordinates: Any
    printed: io.StringIO
    worlds: list[World]
    real_clock: Callable[[], float]

    def world(self, seed: int) -> World:
        """Return a new simulation in which both companies have a catalog and an API key."""
        tables = {
            name: Table(table.names, table.indexes, dict(table.items))
            for name, table in self.stocked.items()
        }
        world = _world(seed, tables, self.coordinates)
        self.worlds[:] = [world]
        world.pass_time(60)
        os.environ["IMPORT_INLINE_BYTES"] = _ENVIRONMENT["IMPORT_INLINE_BYTES"]
        random.seed(seed)
        for quota in self.quotas:
            quota._available_capacity = quota._max_capacity  # noqa: SLF001  # as of a new process
        self.printed.seek(0)
        self.printed.truncate()
        return world


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Create a laboratory. A process can have only one at a time."""
    template, real_clock = local_template(), time_machine.escape_hatch.time.time
    worlds: list[World] = []
    printed = io.StringIO()
    handlers = list(logging.getLogger("keywright").handlers)
    with (
        pytest.MonkeyPatch.context() as patch,
        time_machine.travel(BEGAN, tick=False) as coordinates,
        redirect_stdout(printed),
    ):
        _furnish(patch, worlds)
        for handler in handlers:
            patch.setattr(handler, "stream", printed)
        tables = dict(tables_of(template))
        worlds.append(_world(0, tables, coordinates))
        _connect(worlds)
        shops = {company: stock(open_shop(company)) for company in COMPANIES}
        quotas = [each for each in gc.get_objects() if isinstance(each, RetryQuota)]
        gc.collect()
        gc.freeze()
        yield Laboratory(shops, tables, quotas, coordinates, printed, worlds, real_clock)
    _forget()


def _furnish(patch: pytest.MonkeyPatch, worlds: list[World]) -> None:
    for name, value in (_ENVIRONMENT | table_names()).items():
        patch.setenv(name, value)
    patch.delenv("AWS_ENDPOINT_URL", raising=False)
    patch.setattr(time, "sleep", lambda seconds: worlds[0].sleep(seconds))  # noqa: PLW0108  # each schedule has its own
    for module in (pace, patience, sender):
        patch.setattr(module, "clock", lambda: worlds[0].elapsed)
    patch.setattr(secrets, "token_bytes", lambda size=32: worlds[0].secrets.randbytes(size))
    patch.setattr(secrets, "token_hex", lambda size=32: worlds[0].secrets.randbytes(size).hex())
    lighten(patch)
    patch.setattr(RequestSigner, "sign", lambda *_, **__: None)
    patch.setattr(ParamValidator, "validate", lambda *_: ValidationErrors())
    patch.setattr(auth, "_cache", _Memory(worlds))
    patch.setattr(licenses, "_committed", _Memory(worlds))
    patch.setattr(import_chunk, "ThreadPoolExecutor", lambda most: Threads(worlds[0], most))
    reading = (export_records, import_features, import_lifecycle, import_plan, import_views)
    for module in (*reading, import_results, lost_files, undo_features, undo_licenses, undo_orders):
        patch.setattr(module, "ThreadPoolExecutor", _AtOnce)
    patch.setattr(lost_files, "MOST_LISTINGS", LISTINGS)
    patch.setattr(import_chunk, "BATCH_ROWS", BATCH_ROWS)
    patch.setattr(newest_first, "PAGE", LICENSES_PER_PAGE)
    patch.setattr(export_records, "STEP", EXPORT_STEP)
    patch.setattr(export_job, "_PART", 2 * EXPORT_PART)
    patch.setattr(run_export, "LEAST_PART", EXPORT_PART)
    patch.setattr(order_writes, "MOST_PRODUCTS", PRODUCTS)
    for module in (order_writes, pending_orders):
        patch.setattr(module, "OPERATIONS", OPERATIONS)
    _forget()


def _connect(worlds: list[World]) -> None:
    def take(**arguments: Any) -> Any:
        return worlds[0].take(**arguments)

    clients = (dynamo.client(), uploads.client(), executions.client("lambda"))
    for client in (*clients, executions.client("stepfunctions")):
        events: Any = client.meta.events
        events.register_first("before-send.*", take)


def _forget() -> None:
    for cached in (dynamo.client, uploads.client, uploads.session, executions.client, bulk.client):
        cached.cache_clear()


def _world(seed: int, tables: dict[str, Table], coordinates: Any) -> World:
    dynamodb = DynamoDB(tables, now=lambda: world.time)
    s3 = S3(now=lambda: world.time, page=PAGE, least_part=EXPORT_PART)
    world = World(seed, dynamodb, s3, coordinates=coordinates)
    dynamodb.heard, dynamodb.seen = world.heard, world.seen
    dynamodb.between = lambda: world.pause() if world.rng.random() < 0.1 else None
    return world
