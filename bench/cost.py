"""docs/cost.md: what a stage costs on AWS, from counted requests and write units and list prices.

`make docs` writes the page again. `tests/infra/test_cost.py` counts what an order and a row use,
and compares the page with what this makes of it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.stamp import ROOT
from shared.store.newest_first import PAGE
from shared.store.order_index import IMPORT_SHARDS

COST = ROOT / "docs" / "cost.md"
PRICES: Mapping[str, tuple[float, float, str]] = {
    "write units": (0.625, 1e6, "DynamoDB on demand, a million write units"),
    "read units": (0.125, 1e6, "DynamoDB on demand, a million read units"),
    "API requests": (1.00, 1e6, "API Gateway HTTP API, a million requests"),
    "invocations": (0.20, 1e6, "Lambda, a million invocations"),
    "GB seconds": (0.0000133334, 1, "Lambda on arm64, a GB second"),
    "transitions": (0.025, 1e3, "Step Functions Standard, a thousand transitions"),
    "S3 writes": (0.005, 1e3, "S3, a thousand PUT, POST or LIST requests"),
    "S3 reads": (0.0004, 1e3, "S3, a thousand GET requests"),
    "log GB": (0.50, 1, "CloudWatch Logs, a GB taken in"),
    "traces": (5.00, 1e6, "X-Ray, a million traces"),
    "alarms": (0.10, 1, "CloudWatch, an alarm for a month"),
    "metrics": (0.30, 1, "CloudWatch, a metric of one's own for a month in which it counted"),
    "table GB": (0.25, 1, "DynamoDB, a GB kept for a month"),
    "backup GB": (0.20, 1, "DynamoDB point-in-time recovery, a GB for a month"),
    "file GB": (0.023, 1, "S3, a GB kept for a month"),
}
"""Dollars, for how many, of what; us-east-1, as published in November 2026."""

type Usage = Mapping[str, float]

ORDER: Usage = {
    "write units": 12,
    "read units": 6,
    "API requests": 1,
    "invocations": 1,
    "GB seconds": 0.1,
    "log GB": 1e-6,
}
"""One order of one license for a new customer, with a key that the function knows: counted, but for
0.1 s of Lambda and 1 KB of log lines, which are assumed."""
SWEEPS = 12 * 24 * 30
SWEEP: Usage = {
    "invocations": 1,
    "GB seconds": 0.1,
    "read units": 10,
    "S3 writes": 4,
    "log GB": 1e-6,
}
ALARMS, METRICS = 40, 20
"""At most: alarms of a stage, and metrics of ours with their dimensions, in a month of orders."""

ROW_UNITS, LICENSE_UNITS, ROW_READS = 1.518, 1.0, 0.2
"""Of a row with its tenth of an order and a customer, and its share of the pages that list them:
counted. The table of licenses takes `LICENSE_UNITS` of them."""
ROW_BYTES, STORED_BYTES = 347, 1000
"""A shop's row in its file (44 columns), and in the tables with their indexes."""
WORKER_ROWS = 5_000
"""A second by one worker, half of what docs/performance.md measures."""
WORKER_GB, WORKERS, INLINE_BYTES, CHUNK_BYTES = 2, 8, 32 * 2**20, 8 * 2**20
CHUNK_TRANSITIONS = 3
STRETCH_ROWS = 5_000

PARTITION_UNITS = 1_000
"""Write units a second that DynamoDB gives one partition of a table or an index, in every mode."""
NEW_UNITS = 4_000
"""Write units a second that a new table takes; twice its previous peak, half an hour later."""
WARM_UNITS = 50_000
"""Write units a second for which the tables and their indexes are pre-warmed."""
RATES: Mapping[str, float] = {
    "new tables": NEW_UNITS / LICENSE_UNITS,
    "grown tables": 2 * NEW_UNITS / LICENSE_UNITS,
    "pre-warmed tables": 40_000,
}
"""Rows a second. The table of licenses sets them: everything else of a row takes less, as
tests/faults/test_ceiling.py works out from the records of an import."""
IMPORTS = {"10,000": 10_000, "1 million": 1_000_000, "100 million": 100_000_000}


@dataclass(frozen=True)
class Import:
    """A file of so many rows, into tables that take so many of them a second."""

    rows: int
    rate: float

    @property
    def workers(self) -> int:
        return 1 if self.rows * ROW_BYTES <= INLINE_BYTES else WORKERS

    @property
    def seconds(self) -> float:
        return max(self.rows / self.rate, self.rows / WORKER_ROWS / self.workers)

    @property
    def usage(self) -> Usage:
        chunks = math.ceil(self.rows * ROW_BYTES / CHUNK_BYTES) if self.workers > 1 else 1
        stretches = math.ceil(self.rows / STRETCH_ROWS)
        return {
            "write units": self.rows * ROW_UNITS,
            "read units": self.rows * ROW_READS,
            "invocations": chunks + 3,
            "GB seconds": self.seconds * self.workers * WORKER_GB,
            "transitions": CHUNK_TRANSITIONS * chunks + 6 if self.workers > 1 else 0,
            "S3 writes": stretches + 3,
            "S3 reads": chunks + 3,
        }


def dollars(usage: Usage) -> float:
    return sum(count * PRICES[name][0] / PRICES[name][1] for name, count in usage.items())


def times(usage: Usage, count: float) -> dict[str, float]:
    return {name: each * count for name, each in usage.items()}


_ABOUT = """
Written by `make docs` out of counted requests and write units; a test counts them again, and
compares this page. Prices are list prices of us-east-1 as published in November 2026, without free
tiers and taxes: check them before you rely on this.
"""
_KEPT = "a million licenses kept, with their orders and customers, and backed up"
_OF_AN_ORDER = f"""
One order costs {dollars(ORDER) * 100:.4f} cents, most of it for {ORDER["write units"]:.0f} write
units and {ORDER["read units"]:.0f} read units. A customer key of KMS, where a stage has one, costs
a dollar a month more. Where a stage traces (`tracing`), Lambda samples a call in each second
and 5 % of the others: the sweeps' {dollars({"traces": SWEEPS}) * 100:.0f} cents a month, or
{dollars({"traces": 30 * 86400}):.0f} dollars where something is called every second.
"""
_OF_A_ROW = f"""
A row costs {ROW_UNITS} write units with its tenth of an order and a customer, and they are nine
tenths of the price; {LICENSE_UNITS:.0f} of them is the license. The dearer price is that of the
slowest tables, whose workers wait. Assumed: rows of {ROW_BYTES} bytes,
{WORKER_ROWS:,} rows a second by one worker of {WORKER_GB} GB, and {WORKERS} workers
(`import_concurrency`) for a file above 32 MiB.
"""
_OF_THE_TIME = f"""
The table of licenses sets the time: a row is one write unit there. A new table takes
{NEW_UNITS:,} a second, and twice its previous peak half an hour later; each of its partitions takes
{PARTITION_UNITS:,}, whatever the table takes in all. Licenses, customers and orders lie on
partitions of their own, and what lists them is spread over {IMPORT_SHARDS} partition keys of a
company, or written once for {PAGE} rows. So one company can import
{RATES["pre-warmed tables"]:,.0f} rows a second into tables and indexes that were pre-warmed for
{WARM_UNITS:,} write units: eight workers send no more. The setting `warm_throughput` pre-warms
them, see [operations.md](operations.md#imports). AWS charges for it once, by the unit. Above 40,000
units the account's quota for a table has to be raised.
The rates are for ten licenses to an order. With one to each, the table of orders takes two units a
row: at most {NEW_UNITS / 2:,.0f} rows a second go into new tables. `make throttle` imports a
million rows into a model of these limits, see
[performance.md](performance.md#imports-into-new-tables). An execution may take 24 hours: what is
not done by then goes on when the import is retried.
"""


def page() -> str:
    """The whole of docs/cost.md."""
    idle = dollars(times(SWEEP, SWEEPS)) + dollars({"alarms": ALARMS})
    counted = dollars({"metrics": METRICS})
    stored = {"table GB": STORED_BYTES / 1e9, "backup GB": STORED_BYTES / 1e9}
    lines = [
        "# Cost",
        "",
        _line(_ABOUT),
        "",
        "## A month",
        "",
        "| what | US dollars |",
        "|---|---|",
        f"| idle: the sweep every five minutes, {ALARMS} alarms at most | {_money(idle)} |",
        f"| {METRICS} metrics, of which only those count that counted | {_money(counted)} |",
        f"| 1,000 orders of one license | {_money(dollars(times(ORDER, 1000)))} |",
        f"| {_KEPT} | {_money(dollars(times(stored, 1e6)))} |",
        "",
        _line(_OF_AN_ORDER),
        "",
        "## Imports",
        "",
        f"| rows | US dollars | {' | '.join(f'into {name}' for name in RATES)} |",
        "|---|---|---|---|---|",
        *_imports(),
        "",
        _line(_OF_A_ROW),
        "",
        _line(_OF_THE_TIME),
        "",
        "## Prices",
        "",
        "| for | US dollars |",
        "|---|---|",
        *(f"| {what} | {_price(price)} |" for price, _, what in PRICES.values()),
    ]
    return "\n".join(lines) + "\n"


def _imports() -> Iterator[str]:
    for name, rows in IMPORTS.items():
        imports = [Import(rows, rate) for rate in RATES.values()]
        prices = sorted(dollars(each.usage) for each in imports)
        price = dict.fromkeys((_money(prices[0]), _money(prices[-1])))
        times = " | ".join(_time(each.seconds) for each in imports)
        yield f"| {name} | {' to '.join(price)} | {times} |"


def _line(text: str) -> str:
    """A paragraph as our documents have them."""
    return " ".join(text.split())


def _price(price: float) -> str:
    return f"{price:.10f}".rstrip("0").rstrip(".")


def _money(price: float) -> str:
    return f"{price:.2f}" if price >= 0.01 else f"{price:.4f}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def main() -> None:
    COST.write_text(page(), encoding="utf-8")
    print(f"Written: {COST.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
