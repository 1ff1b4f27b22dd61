"""Orders at rising rates on the local stack, alone and during a large import: `make load`.

The loop is open: an order is sent when its time has come, however long those before it take, and
its answer is timed from then, so a service that falls behind can't slow down the clients. At the
end every order that was answered is read again, and every one that was not is sent again.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from rich.console import Console
from rich.table import Table

from bench.license_file import write_file
from bench.local_imports import check
from bench.orders import machine, spread
from infra.cli.catalog import load_catalog
from infra.cli.stages import find_deployment
from infra.client.client import Client
from infra.local.demo import CATALOG

PATIENCE = 30
"""Seconds after which a client gives up; API Gateway does as well."""

type Figures = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """An order, what was answered, and how many seconds after its time."""

    body: Figures
    status: int
    """0 where nothing was answered."""
    answer: Any
    seconds: float

    @property
    def is_placed(self) -> bool:
        return self.status == 200


async def offered(api: httpx.AsyncClient, tag: str, rate: int, seconds: int) -> list[Sent]:
    """Send orders at a steady rate, whatever their results."""
    began = time.perf_counter()
    tasks = []
    async with asyncio.TaskGroup() as group:
        for n in range(rate * seconds):
            due = began + n / rate
            await asyncio.sleep(due - time.perf_counter())
            tasks.append(group.create_task(sent(api, order_of(f"{tag}-{n}"), due)))
    return [task.result() for task in tasks]


def order_of(name: str) -> Figures:
    items = [{"product_code": "sketch", "licenses": [{"policy_code": "studio"}]}]
    return {"id": name, "customer": {"email": f"{name}@load.example"}, "items": items}


async def sent(api: httpx.AsyncClient, body: Figures, due: float) -> Sent:
    try:
        reply = await api.post("/orders/create_order/", json=body)
    except httpx.HTTPError:
        return Sent(body, 0, None, time.perf_counter() - due)
    answer = reply.json() if reply.is_success else None
    return Sent(body, reply.status_code, answer, time.perf_counter() - due)


async def settled(api: httpx.AsyncClient, orders: list[Sent]) -> Figures:
    """Reads what was acknowledged, and sends again what was not; raises if anything is lost."""
    few = asyncio.Semaphore(4)

    async def is_readable(order: Sent) -> bool:
        async with few:
            shown = (await api.get(f"/orders/{order.answer['id']}/")).raise_for_status().json()
        return licenses_of(shown) == licenses_of(order.answer)

    async def is_completed(order: Sent) -> bool:
        for _ in range(5):
            async with few:
                if (await sent(api, order.body, time.perf_counter())).is_placed:
                    return True
            await asyncio.sleep(1)
        return False

    readable = await asyncio.gather(*(is_readable(each) for each in orders if each.is_placed))
    completed = await asyncio.gather(*(is_completed(each) for each in orders if not each.is_placed))
    if not all(readable) or not all(completed):
        raise RuntimeError(f"{readable.count(False)} lost, {completed.count(False)} not completed")
    return {"acknowledged_and_readable": len(readable), "others_completed": len(completed)}


def licenses_of(order: Figures) -> list[int]:
    return sorted(lic["id"] for item in order["order_items"] for lic in item["licenses"])


@dataclass
class Trial:
    """Rates to try, and what came of them."""

    api: httpx.AsyncClient
    client: Client
    rates: list[int]
    seconds: int
    console: Console

    async def run(self, tag: str, job: int | None = None) -> tuple[list[Figures], list[Sent]]:
        """Each rate in its turn, until one of them is more than half too much."""
        stages: list[Figures] = []
        orders: list[Sent] = []
        for rate in self.rates:
            rows, load, began = self._rows(job), os.getloadavg()[0], time.perf_counter()
            answered = await offered(self.api, f"{tag}-{rate}", rate, self.seconds)
            passed = time.perf_counter() - began
            orders += answered
            took = [each.seconds for each in answered if each.is_placed]
            others = Counter(each.status for each in answered if not each.is_placed)
            stage = {
                "rate": rate,
                "placed_per_s": round(len(took) / passed, 1),
                "ms": spread(took) if len(took) > 1 else {"p50": None, "p99": None},
                "not_placed": dict(others),
                "rows_per_s": round((self._rows(job) - rows) / passed) if job else None,
                "load": round(load, 1),
            }
            stages.append(stage)
            self.console.print(stage)
            if len(took) / passed < rate / 2:
                break
        return stages, orders

    def _rows(self, job: int | None) -> int:
        return self.client.imports.show(job).progress.rows_done if job else 0


async def measured(arguments: argparse.Namespace, console: Console) -> Figures:
    """All figures; raises if a count is not right or an order is lost."""
    deployment, tag = find_deployment("local"), f"load-{int(time.time())}"
    headers = {"Authorization": f"Api-Key {deployment.api_key}"}
    with deployment.client() as client:
        load_catalog(client, CATALOG)
        async with httpx.AsyncClient(
            base_url=f"{deployment.api_url}/api/v1",
            headers=headers,
            timeout=PATIENCE,
            limits=httpx.Limits(max_connections=None),
        ) as api:
            with at_most(arguments.at_once):
                orders = await offered(api, f"{tag}-warm", arguments.at_once, 5)
                trial = Trial(api, client, arguments.rates, arguments.seconds, console)
                alone, more = await trial.run(f"{tag}-alone")
                with importing(client, tag, arguments.rows) as job:
                    during_import, most = await trial.run(f"{tag}-import", job)
            counted = await settled(api, [*orders, *more, *most])
    return {"machine": machine(), "alone": alone, "during_import": during_import, **counted}


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """The emulator would start a process for every order that waits; Lambda has a limit too."""
    functions: Any = boto3.client("lambda")  # the stubs are for other services
    (name,) = (
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["Handler"] == "functions.create_order.handler"
    )
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def importing(client: Client, tag: str, rows: int) -> Iterator[int]:
    """An import that runs meanwhile; raises at its end if a count is not right."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder, "load.csv"), rows, seed=int(time.time()), tag=tag)
        job = client.imports.send(path, "licenses").id
        while not client.imports.show(job).progress.rows_done:
            time.sleep(0.5)
        yield job
        check(client.imports.wait(job), rows)


def show(figures: Figures, console: Console) -> None:
    console.print("\n{at} · {cpu}, {cores} cores".format(**figures["machine"]))
    table = Table(
        "orders/s offered", "placed", "p50, p99 ms", "not placed", "rows/s imported", "load"
    )
    for stage in (*figures["alone"], *figures["during_import"]):
        table.add_row(
            str(stage["rate"]),
            str(stage["placed_per_s"]),
            "{p50}, {p99}".format(**stage["ms"]),
            ", ".join(f"{count}x {status}" for status, count in stage["not_placed"].items()),
            "" if stage["rows_per_s"] is None else str(stage["rows_per_s"]),
            str(stage["load"]),
        )
    console.print(table)
    console.print(
        "{acknowledged_and_readable} orders acknowledged, all of them readable; "
        "{others_completed} others, all of them placed when sent again".format(**figures)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[5, 10, 20, 40, 80])
    parser.add_argument("--seconds", type=int, default=20, help="of each rate")
    parser.add_argument("--at-once", type=int, default=8, help="concurrency of the function")
    parser.add_argument("--rows", type=int, default=200_000, help="of the import")
    parser.add_argument("--json", action="store_true", help="end with all figures in one line")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    figures = asyncio.run(measured(arguments, console))
    show(figures, console)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
