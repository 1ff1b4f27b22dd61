"""docs/cost.md: what a stage costs on AWS, from counted requests and write units and list prices.

`make docs` writes the page again. `tests/infra/test_cost.py` counts what an order and a row use,
and compares the page with what this makes of it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.stamp import ROOT
from shared.store.dynamo import SHARDS

PAGE = ROOT / "docs" / "cost.md"
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
    "write units": 11,
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

ROW_UNITS, LICENSE_UNITS, ROW_READS = 2.5, 2.0, 0.2
"""Of a row with its tenth of an order and a customer: counted. The table of licenses and its index
take `LICENSE_UNITS` of them."""
ROW_BYTES, STORED_BYTES = 347, 1000
"""A shop's row in its file (44 columns), and in the tables with their indexes."""
WORKER_ROWS = 5_000
"""A second by one worker, half of what docs/performance.md measures."""
WORKER_GB, WORKERS, INLINE_BYTES, CHUNK_BYTES = 2, 8, 32 * 2**20, 8 * 2**20
CHUNK_TRANSITIONS = 3
STRETCH_ROWS = 5_000

PARTITION_UNITS = 1_000
"""Write units a second that DynamoDB gives one partition of a table or an index, in every mode."""
RATES = (SHARDS * PARTITION_UNITS / 2, SHARDS * PARTITION_UNITS)
"""Rows a second, into new tables and into grown ones. Every license is in the index by_product,
which has `SHARDS` partition keys for a company. Of four keys on the four partitions of a new index,
two share the fullest one in 70 % of cases; on the many partitions of a grown one, none do."""
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
tenths of the price; {LICENSE_UNITS:.0f} of them fall to the table of licenses and its index. The
dearer price is that of the slower table, whose workers wait. Assumed: rows of {ROW_BYTES} bytes,
{WORKER_ROWS:,} rows a second by one worker of {WORKER_GB} GB, and {WORKERS} workers
(`import_concurrency`) for a file above 32 MiB.
"""
_OF_THE_TIME = f"""
The index by product sets the time. It has {SHARDS} partition keys for a company, and DynamoDB gives
a partition at most {PARTITION_UNITS:,} write units a second, whatever the table takes in all. So no
import of one company is faster than {RATES[1]:,.0f} rows a second. A new table and its index have
four partitions: mostly two of the keys share one, which leaves {RATES[0]:,.0f} rows a second; it
may be {SHARDS * PARTITION_UNITS / 3:,.0f} (three keys share one, 19 % of cases), {RATES[1]:,.0f}
(9 %) or {PARTITION_UNITS:,} (2 %). `make throttle` imports a million rows into a model of these
limits, see [performance.md](performance.md#imports-into-new-tables). An execution may take 24
hours: what is not done by then goes on when the import is retried.
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
        "| rows | US dollars | into new tables | into tables that have grown |",
        "|---|---|---|---|",
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
        slow, quick = (Import(rows, rate) for rate in RATES)
        price = sorted({_money(dollars(quick.usage)), _money(dollars(slow.usage))}, key=float)
        yield f"| {name} | {' to '.join(price)} | {_time(slow.seconds)} | {_time(quick.seconds)} |"


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
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
