"""docs/scale.md: which limit gives way first, by the number of companies and of licenses.

A limit allows so many rows of imports, or so many orders, a second; the lowest one gives way first.
`make docs` writes the page again, out of what bench/cost.py counts, of cdk.json's stage prod, and
of AWS's default quotas; `tests/infra/test_scale.py` compares them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bench import aws_words, cost
from infra.stamp import ROOT
from shared.store import catalog, newest_first
from shared.store.order_index import IMPORT_SHARDS

PAGE = ROOT / "docs" / "scale.md"
PROD = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]["stages"]["prod"]
COMPANIES = (1, 10, 100)
LICENSES = {"1 million": 10**6, "100 million": 10**8, "1 billion": 10**9}

PARTITION = cost.PARTITION_UNITS
NEW_TABLE, TABLE = 4_000, 40_000
"""Write units a second of a new table, and of one that is pre-warmed to the default quota."""
CONCURRENCY, API_REQUESTS, MAP_RUNS, S3_WRITES = 1_000, 10_000, 1_000, 3_500
DAY, MONTH, EXECUTION_HOURS = 86_400, 30 * 86_400, 24

ORDER_SECONDS, REQUESTS_PER_ORDER = 0.1, 3
"""Of Lambda for an order, and the requests that come with one: the order, and two that read."""
SOLD_PER_MONTH, PEAK = 0.1, 5
"""Of all licenses, those that are ordered in a month; and the busiest second over the mean one."""
ORDER_ROW_UNITS, CHECK_UNITS = 2, 2
"""Write units of an order's row below 1 KB in a transaction, and of the check of a product."""
GUARDS = catalog._GUARDS  # noqa: SLF001  # on one of which the check of a product falls


@dataclass(frozen=True, order=True)
class Limit:
    """What gives way at `rate` rows or orders a second, and what raises it."""

    rate: float
    name: str
    remedy: str


def import_limits(companies: int) -> list[Limit]:
    """Limits of imports of so many companies at once, one large file each, in rows a second."""
    workers = min(companies * PROD["import_concurrency"], PROD["import_reserved"])
    limits = [
        Limit(NEW_TABLE / cost.LICENSE_UNITS, "new tables", "`warm_throughput`, or an hour"),
        Limit(TABLE / cost.LICENSE_UNITS, "table quota", "quota “Table-level write throughput”"),
        Limit(workers * cost.WORKER_ROWS, "workers", "`import_concurrency`, `import_reserved`"),
        Limit(
            (CONCURRENCY - PROD["order_reserved"] - 100) * cost.WORKER_ROWS,
            "Lambda of the account",
            "quota “Concurrent executions”",
        ),
        Limit(
            MAP_RUNS * PROD["import_concurrency"] * cost.WORKER_ROWS,
            "Map Runs of Step Functions",
            "quota “Open Map Runs”",
        ),
        Limit(S3_WRITES * cost.STRETCH_ROWS, "one prefix of S3", "nothing: S3 splits it"),
    ]
    return sorted(limits)


def order_limits(companies: int) -> list[Limit]:
    """Limits of orders of so many companies, each of which sells one product, in orders a second.

    A company's catalog is one partition until DynamoDB splits it between its items.
    """
    guards = f"{GUARDS} guards of a product"
    requests, catalogs = PROD["requests_per_second"], companies * PARTITION / CHECK_UNITS
    limits = [
        (requests / REQUESTS_PER_ORDER, "the stage's throttle", "`requests_per_second`, `burst`"),
        (PROD["order_reserved"] / ORDER_SECONDS, "reserved concurrency", "`order_reserved`"),
        (catalogs, "the catalog's partitions", "nothing: DynamoDB splits it"),
        (GUARDS * catalogs, guards, "more guards: a change of the code"),
        (NEW_TABLE / ORDER_ROW_UNITS, "new tables", "`warm_throughput`, or an hour"),
        (TABLE / ORDER_ROW_UNITS, "table quota", "quota “Table-level write throughput”"),
        (API_REQUESTS / REQUESTS_PER_ORDER, "API Gateway of the account", "quota “Throttle rate”"),
        (CONCURRENCY / ORDER_SECONDS, "Lambda of the account", "quota “Concurrent executions”"),
    ]
    return sorted(Limit(*each) for each in limits)


def peak_orders(licenses: int) -> float:
    """Orders in the busiest second of a stage with so many licenses."""
    return licenses * SOLD_PER_MONTH / MONTH * PEAK


_ABOUT = """
Which limit gives way first, at default quotas and with the settings of stage prod. `make docs`
computes this page (`bench/scale.py`) out of the write units that tests count, `cdk.json`, and AWS's
quotas; a test compares them. Nothing of it was measured on AWS.
"""
_ASSUMED = f"""
Assumed: {cost.WORKER_ROWS:,} rows a second by one worker; {ORDER_SECONDS} s of Lambda for an order
of one license; {REQUESTS_PER_ORDER} requests for each order, two of which read;
{SOLD_PER_MONTH:.0%} of all licenses ordered in a month, and {PEAK} times the mean in the busiest
second. Companies are of equal size, import one file each at the same time, and sell one product
each.
"""
_DESIGN = f"""
* **To 10 times.** Settings alone: `requests_per_second`, `burst`, `order_reserved`,
  `warm_throughput` before a migration. No design change is needed: what lists a company's records
  is spread over {IMPORT_SHARDS} partition keys, or written once for {newest_first.PAGE} rows.
* **To 100 times.** Quotas of Lambda, DynamoDB tables and API Gateway. The one design change is
  more guards of a product: an order checks one of {GUARDS}, which take {PARTITION:,} write units a
  second each. A change of the product writes all of them in one transaction of at most 100
  operations, so that there can be about 90.
* **To 1,000 times.** One account's quotas end. The one design change is cells: several stages in
  several accounts, with each company in one of them, found by the prefix of its API key. All keys
  of the store begin with the company, so that its records can be exported and imported by prefix.
"""
_ORDER = """
1. The stage's settings, which cost nothing: `requests_per_second`, `burst`, `order_reserved`.
2. Lambda's quota “Concurrent executions”, before `order_reserved` and `import_reserved`. A new
   account has less than the default.
3. `warm_throughput`, days before a migration: see [operations.md](operations.md#imports).
4. DynamoDB's quota “Table-level write throughput limit”, then `warm_throughput` above it.
5. API Gateway's quota “Throttle rate”, then `requests_per_second` above it.
"""
_HEAD = (
    "| companies | licenses | import all: new tables | grown or pre-warmed | first limit |"
    " orders at the peak | first limit | of it |"
)
_OF_THE_SIZE = f"""
An execution of Step Functions ends after {EXECUTION_HOURS} hours: a longer import goes on when it
is retried, and nothing is written twice. A billion licenses are {cost.STORED_BYTES / 1000:.0f} TB
of tables and indexes, and {10**9 * cost.ROW_BYTES / 1e9:.0f} GB of files.
"""
_OF_STEP_FUNCTIONS = f"""
Step Functions allows {MAP_RUNS:,} open Map Runs and a million open executions by default
([quotas](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)); an import of a
large file is one of each.
"""


def page() -> str:
    """The whole of docs/scale.md."""
    lines = [
        "# Scale",
        "",
        _line(_ABOUT),
        "",
        _line(_ASSUMED),
        "",
        "## By size",
        "",
        _HEAD,
        "|---|---|---|---|---|---|---|---|",
        *(_size(companies, name) for companies in COMPANIES for name in LICENSES),
        "",
        _line(_OF_THE_SIZE),
        "",
    ]
    for companies in COMPANIES:
        many = "1 company" if companies == 1 else f"{companies} companies"
        lines += [f"## {many}", "", *_ladder("rows", import_limits(companies)), ""]
        lines += [*_ladder("orders", order_limits(companies)), ""]
    lines += ["## What to raise, in this order", "", _list(_ORDER), ""]
    lines += ["## What the next power of ten needs", "", _list(_DESIGN), ""]
    lines += [
        "## AWS's words",
        "",
        "| limit | as AWS says it |",
        "|---|---|",
        *(f"| {of} | [“{quote}”]({link}) |" for of, quote, link in aws_words.QUOTES),
        "",
        _line(_OF_STEP_FUNCTIONS),
    ]
    return "\n".join(lines) + "\n"


def _size(companies: int, name: str) -> str:
    licenses = LICENSES[name]
    grown = next(each for each in import_limits(companies) if each.name != "new tables")
    fresh = import_limits(companies)[0]
    first, peak = order_limits(companies)[0], peak_orders(licenses)
    times = f"{_time(licenses / fresh.rate)} | {_time(licenses / grown.rate)} | {grown.name}"
    return (
        f"| {companies} | {name} | {times} | {_rate(peak)} a second | {first.name}"
        f" | {peak / first.rate:.0%} |"
    )


def _ladder(of: str, limits: list[Limit]) -> Iterator[str]:
    yield f"| {of} a second | limit | what raises it |"
    yield "|---|---|---|"
    for limit in limits:
        yield f"| {_rate(limit.rate)} | {limit.name} | {limit.remedy} |"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _time(seconds: float) -> str:
    if seconds < 7200:
        return f"{max(1, seconds / 60):.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def _line(text: str) -> str:
    """A paragraph as our documents have them."""
    return " ".join(text.split())


def _list(text: str) -> str:
    """A list as our documents have them: one line for each item."""
    return re.sub(r"\n +", " ", text.strip())


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
