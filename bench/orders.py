"""Time of an order: `make bench`, or `python -m bench.orders [--json]`.

Own time is a warm handler's CPU time, in this process, with DynamoDB answered from memory below
botocore; botocore's own time for messages is measured separately. Over HTTP
everything is counted, by the clock, on the local stack. Imports are of the bundled asset alone,
with bytecode, each in a new interpreter. Figures vary with what else the machine does, so its load
is printed with them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.memory import remembered
from infra.asset import Asset, build_asset
from infra.stamp import ROOT

GOALS = {"package_mb": 20.0, "import_ms": 500, "http_ms_p50": 12.0}
OWN_MS_P50 = {"1": 5.0, "90": 6.0, "1000": 60.0}
"""Goals of own time, by the number of licenses."""
FUNCTIONS = ("create_order", "catalog", "records", "documents", "sweep")
RUNTIME = ("boto3", "botocore", "jmespath", "dateutil", "six", "urllib3")
COMPANY = "bench"

type Figures = dict[str, Any]


def order_of(count: int) -> dict[str, Any]:
    return {
        "customer": {"email": "ana@acme.example"},
        "items": [{"product_code": "sketch", "licenses": [{"policy_code": "studio"}] * count}],
    }


def own_time(licenses: int, *, times: int) -> Figures:
    """Milliseconds of CPU of a warm handler: without botocore, and with it."""
    with remembered(COMPANY) as memory, silenced():
        for _ in range(20):
            memory.order(order_of(licenses))
        memory.spent = 0.0
        own, whole = [], []
        for _ in range(times):
            before, began = memory.spent, time.thread_time()
            memory.order(order_of(licenses))
            took = time.thread_time() - began
            whole.append(took)
            own.append(took - (memory.spent - before))
    return {"own": spread(own), "with_botocore": spread(whole)}


def over_http(connections: int, *, times: int, seconds: float) -> Figures:
    """Orders of one license over kept-open connections, until so many or so long."""
    stack = json.loads(
        (Path(os.environ.get("LOCAL_DIR", ROOT / ".local")) / "stack.json").read_text()
    )
    key = operator("keys", "create", "--company", COMPANY, "--name", "bench", "--json")["api_key"]
    headers = {"Authorization": f"Api-Key {key}"}
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    with httpx.Client(
        base_url=f"{stack['api_url']}/api/v1", headers=headers, limits=limits, timeout=60
    ) as client:
        sell(client)
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda _: place(client), range(connections * 4)))
            began = time.perf_counter()
            taken = list(
                pool.map(
                    lambda _: place(client) if time.perf_counter() - began < seconds else None,
                    range(times),
                )
            )
        passed = time.perf_counter() - began
    done = [each for each in taken if each is not None]
    return {"requests_per_second": round(len(done) / passed, 1), "ms": spread(done)}


def operator(*arguments: str) -> Any:
    """What the operators' command prints, on the local stage."""
    command = [str(Path(sys.executable).with_name("keywright")), *arguments, "--stage", "local"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def sell(client: httpx.Client) -> None:
    """Have a product with a policy, whether or not an earlier run made it."""
    for path, body in (
        ("/products/", {"product_name": "Sketchbook", "short_code": "sketch"}),
        (
            "/license-templates/",
            {"product": "sketch", "code": "studio", "name": "Studio", "max_activations": 5},
        ),
    ):
        if (answer := client.post(path, json=body)).status_code not in (201, 409):
            answer.raise_for_status()


def place(client: httpx.Client) -> float:
    began = time.perf_counter()
    client.post("/orders/create_order/", json=order_of(1)).raise_for_status()
    return time.perf_counter() - began


def import_time(asset: Asset, module: str, *, times: int, cache: Path) -> Figures:
    """Milliseconds of `import functions.<module>` in a new interpreter, by the clock and of CPU.

    The Lambda runtime's own packages are added to the asset; a first run only writes bytecode.
    """
    runtime = cache / "runtime"
    if not runtime.exists():
        runtime.mkdir()
        for name in RUNTIME:
            origin = Path(str((found := find_spec(name)) and found.origin))
            origin = origin.parent if origin.name == "__init__.py" else origin
            (runtime / origin.name).symlink_to(origin)
    load = (
        "import sys, time; sys.path[:0] = sys.argv[1:3]; began = time.perf_counter();"
        f"cpu = time.process_time(); import functions.{module};"
        "print(time.perf_counter() - began, time.process_time() - cpu)"
    )
    command = [sys.executable, "-I", "-S", "-X", f"pycache_prefix={cache}", "-c", load]
    runs = [
        [float(seconds) * 1000 for seconds in subprocess.check_output(run).split()]
        for run in [[*command, str(asset.path), str(runtime)]] * (times + 1)
    ][1:]
    clock, cpu = zip(*runs, strict=True)
    return {
        "min": round(min(clock)),
        "median": round(statistics.median(clock)),
        "cpu_min": round(min(cpu)),
    }


def package(asset: Asset) -> Figures:
    """Megabytes of the asset, zipped as it is sent to Lambda and as it is unpacked there."""
    files = [path for path in asset.path.rglob("*") if path.is_file()]
    with tempfile.TemporaryFile() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in files:
                packed.write(path, path.relative_to(asset.path))
        zipped = out.tell()
    unpacked = sum(path.stat().st_size for path in files)
    return {"zipped_mb": round(zipped / 1e6, 1), "unpacked_mb": round(unpacked / 1e6, 1)}


def spread(seconds: list[float]) -> Figures:
    """The middle and the worst of a hundred, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": round(cuts[49] * 1000, 2), "p99": round(cuts[98] * 1000, 2), "n": len(seconds)}


@contextmanager
def silenced() -> Iterator[None]:
    """Discard the log lines of handlers, which are written as on Lambda."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def machine() -> Figures:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": model or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def measured(say: Callable[[str], None]) -> Figures:
    """All figures; `load` is the machine's before each part."""
    load: Figures = {}

    def part[T](name: str, measure: Callable[[], T]) -> T:
        say(name)
        load[name] = round(os.getloadavg()[0], 1)
        return measure()

    here, aws = build_asset("machine"), build_asset("aarch64-manylinux2014")
    with tempfile.TemporaryDirectory() as cache:
        return {
            "machine": machine(),
            "own_ms": part(
                "own time",
                lambda: {
                    "1": own_time(1, times=500),
                    "90": own_time(90, times=100),
                    "1000": own_time(1000, times=20),
                },
            ),
            "http": part(
                "over HTTP",
                lambda: {
                    "1": over_http(1, times=300, seconds=10),
                    "8": over_http(8, times=600, seconds=15),
                },
            ),
            "import_ms": part(
                "imports",
                lambda: {
                    name: import_time(here, name, times=9, cache=Path(cache)) for name in FUNCTIONS
                },
            ),
            "package": part(
                "package", lambda: {"this machine": package(here), "AWS": package(aws)}
            ),
            "load": load,
        }


def show(figures: Figures, console: Console) -> None:
    about, load = figures["machine"], figures["load"]
    console.print("\n{at} · {cpu}, {cores} cores · Python {python}".format(**about))
    table = Table("what", "figures", "goal", "load")

    def row(part: str, what: str, figure: str, goal: str = "", *, met: bool = True) -> None:
        table.add_row(what, figure if met else f"[red]{figure}[/]", goal, str(load[part]))

    table.add_row("[bold]Own time[/], ms of CPU", "[dim]p50, p99")
    for count, own in figures["own_ms"].items():
        goal, met = f"≤ {OWN_MS_P50[count]:g}", own["own"]["p50"] <= OWN_MS_P50[count]
        row("own time", f"  order of {count}", "{p50}, {p99}".format(**own["own"]), goal, met=met)
        row("own time", "  with botocore", "{p50}, {p99}".format(**own["with_botocore"]))
    table.add_row("[bold]Local stack[/], ms", "[dim]requests/s; p50, p99")
    for count, http in figures["http"].items():
        goal = f"≤ {GOALS['http_ms_p50']:g}" if count == "1" else ""
        met = not goal or http["ms"]["p50"] <= GOALS["http_ms_p50"]
        text = f"{http['requests_per_second']}/s; {http['ms']['p50']}, {http['ms']['p99']}"
        row("over HTTP", f"  connections: {count}", text, goal, met=met)
    table.add_row("[bold]Import[/], ms", "[dim]min, median; CPU min")
    for name, took in figures["import_ms"].items():
        goal = f"≤ {GOALS['import_ms']}" if name == "create_order" else ""
        met = not goal or took["median"] <= GOALS["import_ms"]
        row("imports", f"  {name}", "{min}, {median}; {cpu_min}".format(**took), goal, met=met)
    table.add_row("[bold]Package[/] of all functions, MB", "[dim]zipped; unpacked")
    for name, size in figures["package"].items():
        met = size["zipped_mb"] <= GOALS["package_mb"]
        text = "{zipped_mb}; {unpacked_mb}".format(**size)
        row("package", f"  for {name}", text, f"≤ {GOALS['package_mb']:g}", met=met)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with all figures in one line")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    figures = measured(lambda part: console.print(f"… {part}"))
    show(figures, console)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
