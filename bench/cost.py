"""Generate docs/cost.md: the AWS cost of a stage, from counted requests and list prices.

`make docs` writes the page. `tests/infra/test_cost.py` counts the requests and write units of an
order and a row, and compares the page with the output of this module.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.stamp import ROOT
from shared.store.newest_first import PAGE

COST = ROOT / "docs" / "cost.md"
PRICES: Mapping[str, tuple[float, float, str]] = {
    "write units": (0.625, 1e6, "DynamoDB on-demand, 1 million write units"),
    "read units": (0.125, 1e6, "DynamoDB on-demand, 1 million read units"),
    "API requests": (1.00, 1e6, "API Gateway HTTP API, 1 million requests"),
    "invocations": (0.20, 1e6, "Lambda, 1 million invocations"),
    "GB seconds": (0.0000133334, 1, "Lambda on arm64, 1 GB-second"),
    "transitions": (0.025, 1e3, "Step Functions Standard, 1,000 state transitions"),
    "S3 writes": (0.005, 1e3, "S3, 1,000 PUT, POST or LIST requests"),
    "S3 reads": (0.0004, 1e3, "S3, 1,000 GET requests"),
    "log GB": (0.50, 1, "CloudWatch Logs, 1 GB ingested"),
    "traces": (5.00, 1e6, "X-Ray, 1 million traces"),
    "events": (1.00, 1e6, "EventBridge, 1 million custom events"),
    "alarms": (0.10, 1, "CloudWatch, 1 alarm for a month"),
    "metrics": (0.30, 1, "CloudWatch, 1 custom metric for a month in which it has data"),
    "table GB": (0.25, 1, "DynamoDB, 1 GB stored for a month"),
    "backup GB": (0.20, 1, "DynamoDB point-in-time recovery, 1 GB for a month"),
    "file GB": (0.023, 1, "S3, 1 GB stored for a month"),
}
"""Dollars, per number, unit; us-east-1, as published in November 2026."""

type Usage = Mapping[str, float]

ORDER: Usage = {
    "write units": 12,
    "read units": 6,
    "API requests": 1,
    "invocations": 1,
    "GB seconds": 0.1,
    "log GB": 1e-6,
}
"""One order of one license for a new customer, with a cached API key. All values are counted except
0.1 s of Lambda and 1 KB of logs, which are assumed."""
EVENT: Usage = {
    "write units": 2,
    "read units": 0.1,
    "invocations": 1,
    "GB seconds": 0.05,
    "events": 1,
    "log GB": 1e-6,
}
"""One event: its entry in the log and in the index, and its publication. The write units are
counted. One invocation for each event is assumed; busy stages have fewer. Reading streams by Lambda
is free."""
SEARCHED: Usage = {
    "write units": 6,
    "invocations": 1,
    "GB seconds": 0.05,
    "log GB": 1e-6,
}
"""What the search index takes for an order and a new customer with an e-mail address, a first name,
a last name and a company of two words: an entry each. The write units are counted. One invocation
for each order is assumed; imports have one per 200 records."""
LISTED_UNITS = 1
"""Write units of the search index, which lists licenses by their end and status, for a license with
a fixed end date. Counted."""
SWEEPS = 12 * 24 * 30
SWEEP: Usage = {
    "invocations": 1,
    "GB seconds": 0.1,
    "read units": 10,
    "S3 writes": 4,
    "log GB": 1e-6,
}
ALARMS, METRICS = 42, 20
"""Maximum alarms of a stage, and custom metrics with their dimensions in a month with orders."""

ORDER_ROWS = 10
"""Licenses per order and customer, where nothing else is said."""
ROW_UNITS, LICENSE_UNITS, ROW_READS = 1.322, 1.0, 0.2
"""Counted per row, with a tenth of an order and a customer and a share of the pages that list them.
`LICENSE_UNITS` of the write units go to the table Licenses."""
ALONE_UNITS = 4.038
"""The same with an order and a customer for each row."""
ROW_BYTES, STORED_BYTES = 347, 900
"""Size of a shop's row in its file (44 columns), and in the tables with their indexes."""
WORKER_ROWS = 5_000
"""Rows per second of one worker: half of the measurement in docs/performance.md."""
WORKER_GB, WORKERS, INLINE_BYTES, CHUNK_BYTES = 2, 8, 32 * 2**20, 8 * 2**20
CHUNK_TRANSITIONS = 3
BATCH_ROWS = 5_000

UPDATE_READS, CHANGE_UNITS = 1, 1
"""Counted per row of an import that updates licenses: read units, also of a row that changes
nothing, and write units of a row that changes its license. Reads are strongly consistent."""
UNDO_UNITS, UNDO_READS, RESTORE_READS = 4.04, 1.87, 2
"""Counted per row of the undo of an import: write and read units of a row that created its license,
with a tenth of an order and a customer, and read units of a row that changed its license. Setting
it back takes `CHANGE_UNITS`."""

EXPORT_READS = 1.2
"""Read units per exported license: the license, and a tenth of its order and of its customer."""
EXPORT_ROWS, EXPORT_GB, PART_BYTES = 2_500, 1769 / 1024, 8 * 2**20
"""Rows per second of the worker of an export, which is assumed; its memory; a part of the file."""

PARTITION_UNITS = 1_000
"""Write units per second that one partition of a table or an index accepts, in every mode."""
NEW_UNITS = 4_000
"""Write units per second that a new table accepts; 30 minutes later, twice its previous peak."""
WARM_UNITS = 50_000
"""Write units per second for which the tables and their indexes are pre-warmed."""
RATES: Mapping[str, float] = {
    "new tables": NEW_UNITS / LICENSE_UNITS,
    "grown tables": 2 * NEW_UNITS / LICENSE_UNITS,
    "pre-warmed tables": 40_000,
}
"""Rows per second. The table Licenses sets them: all other writes of a row need less, as
tests/faults/test_ceiling.py computes from the records of an import."""
IMPORTS = {"10,000": 10_000, "1 million": 1_000_000, "100 million": 100_000_000}


@dataclass(frozen=True)
class Import:
    """An import of `rows` rows into tables that accept `rate` rows per second."""

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
        batches = math.ceil(self.rows / BATCH_ROWS)
        return {
            "write units": self.rows * ROW_UNITS,
            "read units": self.rows * ROW_READS,
            "invocations": chunks + 3,
            "GB seconds": self.seconds * self.workers * WORKER_GB,
            "transitions": CHUNK_TRANSITIONS * chunks + 6 if self.workers > 1 else 0,
            "S3 writes": 2 * batches + 3,
            "S3 reads": chunks + 3,
        }


def export_usage(rows: int) -> Usage:
    """Return what an export of so many licenses uses, without the transfer of its file."""
    parts, size = math.ceil(rows * ROW_BYTES / PART_BYTES), rows * ROW_BYTES / 1e9
    return {
        "write units": rows / BATCH_ROWS + 8 * parts,
        "read units": rows * EXPORT_READS,
        "invocations": math.ceil(rows / EXPORT_ROWS / 780),
        "GB seconds": rows / EXPORT_ROWS * EXPORT_GB,
        "transitions": 2 * math.ceil(rows / EXPORT_ROWS / 780) + 2,
        "S3 writes": parts + 2,
        "file GB": size * 7 / 30,
    }


def dollars(usage: Usage) -> float:
    return sum(count * PRICES[name][0] / PRICES[name][1] for name, count in usage.items())


def times(usage: Usage, count: float) -> dict[str, float]:
    return {name: each * count for name, each in usage.items()}


def _indexed(rows: float, per_order: int) -> float:
    """The price of the search index for rows with a fixed end date, an order and a new customer."""
    units = rows * (LISTED_UNITS + SEARCHED["write units"] / per_order)
    return dollars({"write units": units})


_ABOUT = """
Generated by `make docs` from counted requests and write units. A test counts them again and
compares this page. Prices are list prices of us-east-1 as published in November 2026, without free
tier and taxes: check them before you rely on this page.
"""
_STORED = "1 million stored licenses, with their orders and customers, and backups"
_ORDER_COST = f"""
One order costs {dollars(ORDER) * 100:.4f} cents, most of it for {ORDER["write units"]:.0f} write
units and {ORDER["read units"]:.0f} read units. A customer-managed KMS key, where a stage has one,
adds $1 a month. Where a stage has `tracing`, Lambda traces one request per second and 5 % of the
others: {dollars({"traces": SWEEPS}) * 100:.0f} cents a month for the sweeper alone, or
${dollars({"traces": 30 * 86400}):.0f} if a function is invoked in every second.
"""
_SEARCH_COST = f"""
The search index takes one write unit for each order, and for each new customer one for the e-mail
address and for each word of the names: {SEARCHED["write units"]:.0f} for an order of a new customer
with a first name, a last name and a company of two words. A changed name writes all entries of its
customer again, a deleted record each of its entries once. A license with a fixed end date, and a
disabled one, takes {LISTED_UNITS} write unit more. So 1 million imported rows, all of them with a
fixed end date, cost {_indexed(1e6, 1):.2f} dollars for the index with an order and a customer each,
and {_indexed(1e6, ORDER_ROWS):.2f} dollars with ten licenses per order.
"""
_ROW_COST = f"""
A row takes {ROW_UNITS} write units, including a tenth of an order and a customer. The license takes
{LICENSE_UNITS:.0f} of them. A row with an order and a customer of its own takes {ALONE_UNITS}, and
every new customer with a reference 1 more. Write units are nine tenths of the price. The higher
price is for the slowest tables, where workers wait. The price with the search index is for new
customers with names, and licenses with a fixed end date. Assumptions: rows of {ROW_BYTES} bytes,
{WORKER_ROWS:,} rows per second by one worker with {WORKER_GB} GB of memory, and {WORKERS} workers
(`import_concurrency`) for a file above 32 MiB.
"""
_UPDATE_COST = f"""
An import that [updates existing licenses](imports.md#update-existing-records) reads each license
for {UPDATE_READS} read unit, and writes only what changes: {CHANGE_UNITS} write unit per changed
license, up to 1 KB. An unchanged row writes nothing: a million of them cost
${dollars({"read units": 1e6 * UPDATE_READS}):.2f}. A row that fills columns of its order or
customer, other than order id and e-mail, reads these too, once per batch. A changed customer takes
one write unit, and another for a new `reference`. All changed features of a license are one
transaction of two write units. Before it writes, such an import reads the keys of the whole file,
which takes about 4 µs of CPU per row.
"""
_UNDO_COST = f"""
The [undo of an import](imports.md#undo-an-import) takes {UNDO_UNITS} write units and {UNDO_READS}
read units for a row that created its license, including a tenth of an order and a customer: a
million rows cost ${dollars({"write units": 1e6 * UNDO_UNITS, "read units": 1e6 * UNDO_READS}):.2f}.
Each license is deleted in a transaction with the entries that list it, which takes twice the write
units. A row that updated its license takes {CHANGE_UNITS} write unit and {RESTORE_READS} read
units. A dry run takes the read units only.
"""
_EXPORT_COST = f"""
A license takes {EXPORT_READS} read units, with a tenth of its order and of its customer. Read units
are nine tenths of the price. The file, which is kept for 7 days, takes a cent per 2 GB. AWS charges
for its download as for every transfer to the Internet. Assumption: {EXPORT_ROWS:,} rows per second
by the one worker of an export.
"""
_IMPORT_TIME = f"""
The table Licenses determines the time, because a row takes one write unit there. A new table
accepts {NEW_UNITS:,} write units per second, and twice its previous peak 30 minutes later. Each of
its partitions accepts {PARTITION_UNITS:,}, regardless of the table. Licenses, customers and orders
are on partitions of their own. Listings get a page per {PAGE} rows, and per batch of orders. So one
company can import {RATES["pre-warmed tables"]:,.0f} rows per second into tables and indexes that
are pre-warmed for {WARM_UNITS:,} write units. Eight workers send no more rows than that. The
setting `warm_throughput` pre-warms them, see [operations.md](operations.md#imports). AWS charges
for it once, per write unit. Above 40,000 write units, the account's quota for a table must be
raised. The rates apply to ten licenses per order, and to one: then each table and index takes one
write unit per row. Where every row also has a customer with a reference, the table Customers takes
two, so new tables accept at most {NEW_UNITS / 2:,.0f} rows per second. `make throttle` imports a
million rows into a model of these limits, see
[performance.md](performance.md#imports-into-new-tables). An execution may take 24 hours. An import
that is not finished by then continues when it is retried.
"""


def page() -> str:
    """Return docs/cost.md as Markdown."""
    idle = dollars(times(SWEEP, SWEEPS)) + dollars({"alarms": ALARMS})
    counted = dollars({"metrics": METRICS})
    stored = {"table GB": STORED_BYTES / 1e9, "backup GB": STORED_BYTES / 1e9}
    lines = [
        "# Cost",
        "",
        _line(_ABOUT),
        "",
        "## Per month",
        "",
        "| item | US dollars |",
        "|---|---|",
        f"| idle: the sweeper every 5 minutes, at most {ALARMS} alarms | {_money(idle)} |",
        f"| {METRICS} metrics; a metric without data costs nothing | {_money(counted)} |",
        f"| 1,000 orders of one license | {_money(dollars(times(ORDER, 1000)))} |",
        f"| 1,000 events, such as one per order | {_money(dollars(times(EVENT, 1000)))} |",
        f"| to find 1,000 orders of new customers | {_money(dollars(times(SEARCHED, 1000)))} |",
        f"| {_STORED} | {_money(dollars(times(stored, 1e6)))} |",
        "",
        _line(_ORDER_COST),
        "",
        _line(_SEARCH_COST),
        "",
        "## Imports",
        "",
        (
            "| rows | US dollars | with the search index, at most |"
            f" {' | '.join(f'into {name}' for name in RATES)} |"
        ),
        "|---|---|---|---|---|---|",
        *_imports(),
        "",
        _line(_ROW_COST),
        "",
        _line(_UPDATE_COST),
        "",
        _line(_UNDO_COST),
        "",
        _line(_IMPORT_TIME),
        "",
        "## Exports",
        "",
        "| licenses | US dollars | time |",
        "|---|---|---|",
        *_exports(),
        "",
        _line(_EXPORT_COST),
        "",
        "## Prices",
        "",
        "| unit | US dollars |",
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
        whole = _money(prices[-1] + _indexed(rows, ORDER_ROWS))
        yield f"| {name} | {' to '.join(price)} | {whole} | {times} |"


def _exports() -> Iterator[str]:
    for name, rows in IMPORTS.items():
        yield f"| {name} | {_money(dollars(export_usage(rows)))} | {_time(rows / EXPORT_ROWS)} |"


def _line(text: str) -> str:
    """Join a paragraph into one line, as all pages have them."""
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
    print(f"Wrote {COST.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
