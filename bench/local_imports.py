"""Imports on the running local stack: a large file through the state machine, and a small one."""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.license_file import PER_ORDER, write_file
from infra.cli.catalog import load_catalog
from infra.cli.jobs import follow
from infra.cli.stages import open_client
from infra.local.demo import CATALOG
from shared.contract.imports import ImportView

ROWS, SMALL_ROWS, SMALL_TIMES = 200_000, 10, 5

type Figures = dict[str, Any]


def measured_locally(console: Console, rows: int = ROWS) -> Figures:
    """Rows a second of a large file, and seconds of small ones; raises if a count is not right."""
    seed = int(time.time())  # other keys than an earlier run's
    with tempfile.TemporaryDirectory() as folder, open_client("local") as client:
        load_catalog(client, CATALOG)
        small = [
            write_file(Path(folder, f"{n}.csv"), SMALL_ROWS, seed=seed + 1 + n, tag=f"{seed}{n}")
            for n in range(SMALL_TIMES + 1)
        ]
        seconds = []
        for path in small:
            number = client.imports.send(path, "licenses").id
            sent = time.time()
            job = client.imports.wait(number)
            check(job, SMALL_ROWS)
            seconds.append((job.finished_at or job.created_at).timestamp() - sent)
        console.print(f"{SMALL_ROWS} rows, from the object to the end: {seconds[1:]}")
        path = write_file(Path(folder, "large.csv"), rows, seed=seed, tag=f"{seed}")
        load, began = os.getloadavg()[0], time.time()
        job = follow(
            client, client.imports.send(path, "licenses").id, console=console, stage="local"
        )
        check(job, rows)
        took = time.time() - began
        console.print(f"{rows:,} rows: {rows / took:,.0f} rows/s, load {load:.1f}, counts right")
    return {
        "rows": rows,
        "rows_per_s": rows / took,
        "small_file_seconds": statistics.median(seconds[1:]),
        "load": load,
        "counts": job.counts,
    }


def check(job: ImportView, rows: int) -> None:
    """Every row made a license, and every tenth an order and a customer."""
    orders = -(-rows // PER_ORDER)
    wanted = {
        "total_row_count": rows,
        "valid_row_count": rows,
        "created_licenses_count": rows,
        "existed_licenses_count": 0,
        "created_orders_count": orders,
        "existed_orders_count": rows - orders,
        "created_customers_count": orders,
        "existed_customers_count": rows - orders,
    }
    if job.state != "succeeded" or job.counts != wanted:
        raise RuntimeError(f"{job.state}: {job.counts}, but should be {wanted}")
