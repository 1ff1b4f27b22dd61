"""Cost of an import: `make bench-imports`, or `python bench/imports.py [--full] [--json]`.

Three alternatives import the same file into an endpoint that does nothing in 8 ms, taking turns,
each in a new process. Figures named `single_…` are of a file in which each license has an order and
a customer of its own. Only ratios within one run say something: figures vary with what else the
machine does, so its load is printed next to them. `--local` imports 200,000 rows on the running
local stack instead, where the emulator sets the pace, and checks every count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.alternatives import ALTERNATIVES, pieces
from bench.endpoint import SERVICE_SECONDS
from bench.license_file import write_file
from bench.local_imports import measured_locally
from bench.orders import machine
from bench.units import units_of
from shared.csv_format.planner import plan

ROWS, FLAT_ROWS, FULL_ROWS = 20_000, 100_000, 1_000_000
WARM_UP_ROWS = 500
GOALS = {
    "ratio_rows_per_s_vs_batch_writer": 20,
    "ratio_cpu_vs_batch_writer": 10,
    "ratio_rows_per_s_vs_threads": 6,
    "single_ratio_rows_per_s_vs_batch_writer": 5,
    "planner_mb_per_s": 400,
    "unchanged_rows_per_s": 15_000,
}
MOST = {
    "peak_rss_mb": 128,
    "us_per_row": 30,
    "write_units_per_row": 1.45,
    "single_peak_rss_mb": 128,
    "single_us_per_row": 90,
    "single_write_units_per_row": 5.1,
    "ratio_cpu_of_row_results": 1.03,
}
"""All customers of the files have a reference, for which a new customer takes one more unit."""
_TABLES = ("ACCESS", "CATALOG", "CUSTOMERS", "IMPORTS", "LICENSES", "ORDERS")
_ENVIRONMENT = {f"{name}_TABLE": name for name in _TABLES} | {
    "UPLOADS_BUCKET": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
}

type Figures = dict[str, Any]


def run_apart(name: str, path: Path, warm_up: Path, *, keep: bool = False) -> Figures:
    """An alternative in a new process against a new endpoint, with the endpoint's counts."""
    with endpoint() as url:
        command = [sys.executable, "-m", "bench.alternatives", name]
        command += [str(path), str(warm_up)]
        if keep:
            fetch(url, "_keep")
        environment = os.environ | _ENVIRONMENT | {"AWS_ENDPOINT_URL": url}
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
        figures: Figures = json.loads(result.splitlines()[-1])
        at_endpoint = json.loads(fetch(url, "_read"))
    figures["endpoint_busy"] = at_endpoint["cpu_seconds"] / figures["seconds"]
    return figures | {name: at_endpoint[name] for name in ("requests", "items", "kept")}


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of an endpoint in a process of its own."""
    command = [sys.executable, "-m", "bench.endpoint"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout or sys.stdin).readline().strip()
        finally:
            process.kill()


def fetch(url: str, what: str) -> bytes:
    with urllib.request.urlopen(f"{url}/{what}") as answer:  # noqa: S310  # our own endpoint
        body: bytes = answer.read()
    return body


def measured(console: Console, *, rounds: int, full: bool) -> Figures:
    """All figures. The alternatives take turns; of each the median of its rounds counts."""
    loads = []
    runs: dict[str, list[Figures]] = {name: [] for name in ALTERNATIVES}
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder, "licenses.csv"), ROWS)
        warm_up = write_file(Path(folder, "warm-up.csv"), WARM_UP_ROWS, seed=2)
        long = write_file(Path(folder, "long.csv"), FLAT_ROWS)
        planner = []
        for number in range(rounds):
            planner.append(planner_speed(long))
            for name, taken in runs.items():
                loads.append(os.getloadavg()[0])
                console.print(f"… round {number + 1} of {rounds}, {name}, load {loads[-1]:.1f}")
                taken.append(run_apart(name, path, warm_up))
        console.print("… one license per order")
        single = measured_singles(Path(folder), warm_up, rounds)
        console.print("… the same file again, as an update")
        same = measured_unchanged(path, warm_up, rounds)
        console.print("… with and without results of rows")
        same |= measured_results(long, warm_up, rounds)
        console.print("… units, memory")
        units = units_written(path, warm_up)
        flat = {str(FLAT_ROWS): run_apart("ours", long, warm_up)}
        if full:
            console.print(f"… {FULL_ROWS:,} rows")
            many = write_file(Path(folder, "many.csv"), FULL_ROWS)
            flat[str(FULL_ROWS)] = run_apart("ours", many, warm_up)
    middle = {
        name: {
            figure: statistics.median(run[figure] for run in taken)
            for figure in ("rows_per_s", "us_per_row", "peak_rss_mb", "endpoint_busy")
        }
        for name, taken in runs.items()
    }
    rss = {str(ROWS): middle["ours"]["peak_rss_mb"]}
    rss |= {rows: run["peak_rss_mb"] for rows, run in flat.items()}
    return ratios(middle) | {
        "peak_rss_mb": max(rss.values()),
        "peak_rss_mb_by_rows": rss,
        "planner_mb_per_s": max(planner),
        **single,
        **same,
        **units,
        "alternatives": middle,
        "requests": runs["ours"][-1]["requests"],
        "long_runs": {rows: run["rows_per_s"] for rows, run in flat.items()},
        "load": {"least": min(loads), "most": max(loads)},
        "machine": machine(),
    }


def units_written(path: Path, warm_up: Path) -> Figures:
    """Write units per row; the rows of the warm-up are written, too."""
    return units_of(run_apart("ours", path, warm_up, keep=True)["kept"], ROWS + WARM_UP_ROWS)


def measured_singles(folder: Path, warm_up: Path, rounds: int) -> Figures:
    """A file in which each row has an order and a customer of its own."""
    path = write_file(folder / "single.csv", ROWS, per_order=1)
    long = write_file(folder / "long-single.csv", FLAT_ROWS, per_order=1)
    runs = [
        (run_apart("ours", path, warm_up), run_apart("batch_writer", path, warm_up))
        for _ in range(rounds)
    ]
    rows_per_s, writer, us_per_row = (
        statistics.median(run[who][figure] for run in runs)
        for who, figure in ((0, "rows_per_s"), (1, "rows_per_s"), (0, "us_per_row"))
    )
    peaks = [run["peak_rss_mb"] for run, _ in runs]
    units = units_written(path, warm_up)
    return {
        "single_ratio_rows_per_s_vs_batch_writer": rows_per_s / writer,
        "single_rows_per_s": rows_per_s,
        "single_us_per_row": us_per_row,
        "single_write_units_per_row": units["write_units_per_row"],
        "single_peak_rss_mb": max(*peaks, run_apart("ours", long, warm_up)["peak_rss_mb"]),
    }


def measured_unchanged(path: Path, warm_up: Path, rounds: int) -> Figures:
    """An update by a file of which every record exists with the values of its row."""
    runs = [run_apart("unchanged", path, warm_up) for _ in range(rounds)]
    if any(run["requests"].get("UpdateItem", 0) > run["rows"] / 100 for run in runs):
        raise RuntimeError("an unchanged record was written")
    rows_per_s, us_per_row = (
        statistics.median(run[figure] for run in runs) for figure in ("rows_per_s", "us_per_row")
    )
    return {"unchanged_rows_per_s": rows_per_s, "unchanged_us_per_row": us_per_row}


def measured_results(path: Path, warm_up: Path, rounds: int) -> Figures:
    """CPU time per row with the results of rows, relative to that without them."""
    pairs = [
        [run_apart(name, path, warm_up)["us_per_row"] for name in ("ours", "without_results")]
        for _ in range(2 * rounds)
    ]
    return {"ratio_cpu_of_row_results": min(a for a, _ in pairs) / min(b for _, b in pairs)}


def ratios(middle: dict[str, Figures]) -> Figures:
    ours, writer, threads = (middle[name] for name in ("ours", "batch_writer", "threads"))
    return {
        "ratio_rows_per_s_vs_batch_writer": ours["rows_per_s"] / writer["rows_per_s"],
        "ratio_cpu_vs_batch_writer": writer["us_per_row"] / ours["us_per_row"],
        "ratio_rows_per_s_vs_threads": ours["rows_per_s"] / threads["rows_per_s"],
        "us_per_row": ours["us_per_row"],
        "rows_per_s": ours["rows_per_s"],
    }


def planner_speed(path: Path, times: int = 5) -> float:
    """Return the best of some runs in MB per CPU second: planning uses one core and never waits."""
    parts, taken = list(pieces(path)), []
    for _ in range(times):
        began = time.process_time()
        plan(parts)
        taken.append(time.process_time() - began)
    return path.stat().st_size / min(taken) / 1e6


def show(figures: Figures, console: Console) -> None:
    console.print("\n{at} · {cpu}, {cores} cores · Python {python}".format(**figures["machine"]))
    console.print("load {least:.1f} to {most:.1f}".format(**figures["load"]))
    table = Table("alternative", "rows/s", "µs of CPU/row", "peak RSS, MB", "endpoint busy")
    for name, result in figures["alternatives"].items():
        table.add_row(
            name,
            f"{result['rows_per_s']:,.0f}",
            f"{result['us_per_row']:.0f}",
            f"{result['peak_rss_mb']:.0f}",
            f"{result['endpoint_busy']:.0%}",
        )
    console.print(table)
    table = Table("figure", "is", "goal")
    for name, value in figures.items():
        if not isinstance(value, dict):
            met = value >= GOALS.get(name, value) and value <= MOST.get(name, value)
            goal = f"≥ {GOALS[name]}" if name in GOALS else ""
            goal = f"≤ {MOST[name]}" if name in MOST else goal
            shown = f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
            table.add_row(name, shown if met else f"[red]{shown}[/]", goal)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with all figures in one line")
    parser.add_argument("--full", action="store_true", help="import a million rows as well")
    parser.add_argument("--local", action="store_true", help="on the running local stack instead")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    console = Console(highlight=False)
    if chosen.local:
        figures = measured_locally(console)
    else:
        service = f"{SERVICE_SECONDS * 1000:g} ms"
        console.print(f"{ROWS:,} rows, {service} of service time")
        figures = measured(console, rounds=chosen.rounds, full=chosen.full)
        show(figures, console)
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
