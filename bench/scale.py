"""Generate docs/scale.md: the limits of a stage, by the number of companies and licenses.

A limit is a number of imported rows or of orders per second. The lowest limit is reached first.
`make docs` computes the page from bench/cost.py, the stage prod in cdk.json and AWS's default
quotas. `tests/infra/test_scale.py` compares the page with the output of this module.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bench import aws_words, cost
from infra.stamp import ROOT
from shared.store import catalog, newest_first

PAGE = ROOT / "docs" / "scale.md"
PROD = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]["stages"]["prod"]
COMPANIES = (1, 10, 100)
LICENSES = {"1 million": 10**6, "100 million": 10**8, "1 billion": 10**9}

PARTITION = cost.PARTITION_UNITS
NEW_TABLE, TABLE = 4_000, 40_000
"""Write units per second of a new table, and of a table pre-warmed to the default quota."""
CONCURRENCY, API_REQUESTS, MAP_RUNS, S3_WRITES = 1_000, 10_000, 1_000, 3_500
DAY, MONTH, EXECUTION_HOURS = 86_400, 30 * 86_400, 24

ORDER_SECONDS, REQUESTS_PER_ORDER = 0.1, 3
"""Lambda time of an order, and API requests per order: the order itself, and two reads."""
SOLD_PER_MONTH, PEAK = 0.1, 5
"""Share of all licenses that is ordered per month; ratio of the busiest second to the mean."""
ORDER_ROW_UNITS, CHECK_UNITS = 2, 2
"""Write units in a transaction: of an order's row below 1 KB, and of the check of a product."""
_WARM = "`warm_throughput`; under load, it doubles every 30 minutes"
GUARDS = catalog._GUARDS  # noqa: SLF001  # an order checks one of them per product


@dataclass(frozen=True, order=True)
class Limit:
    """A limit in rows or orders per second, and how to raise it."""

    rate: float
    name: str
    remedy: str


def import_limits(companies: int) -> list[Limit]:
    """Limits in rows per second if each company imports one large file at the same time."""
    workers = min(companies * PROD["import_concurrency"], PROD["import_reserved"])
    limits = [
        Limit(NEW_TABLE / cost.LICENSE_UNITS, "new tables", _WARM),
        Limit(TABLE / cost.LICENSE_UNITS, "table quota", "quota “Table-level write throughput”"),
        Limit(workers * cost.WORKER_ROWS, "workers", "`import_concurrency`, `import_reserved`"),
        Limit(
            (CONCURRENCY - PROD["order_reserved"] - 100) * cost.WORKER_ROWS,
            "Lambda quota of the account",
            "quota “Concurrent executions”",
        ),
        Limit(
            MAP_RUNS * PROD["import_concurrency"] * cost.WORKER_ROWS,
            "Step Functions Map Runs",
            "quota “Open Map Runs”",
        ),
        Limit(S3_WRITES * cost.BATCH_ROWS, "one S3 prefix", "automatic: S3 splits it"),
    ]
    return sorted(limits)


def order_limits(companies: int) -> list[Limit]:
    """Limits in orders per second if each company sells one product.

    A company's catalog is one partition until DynamoDB splits it between its items.
    """
    guards = f"{GUARDS} guard items of a product"
    requests, catalogs = PROD["requests_per_second"], companies * PARTITION / CHECK_UNITS
    limits = [
        (requests / REQUESTS_PER_ORDER, "the stage's throttle", "`requests_per_second`, `burst`"),
        (PROD["order_reserved"] / ORDER_SECONDS, "reserved concurrency", "`order_reserved`"),
        (catalogs, "the catalog's partitions", "automatic: DynamoDB splits them"),
        (GUARDS * catalogs, guards, "more guard items, a code change"),
        (NEW_TABLE / ORDER_ROW_UNITS, "new tables", _WARM),
        (TABLE / ORDER_ROW_UNITS, "table quota", "quota “Table-level write throughput”"),
        (
            API_REQUESTS / REQUESTS_PER_ORDER,
            "API Gateway quota of the account",
            "quota “Throttle rate”",
        ),
        (
            CONCURRENCY / ORDER_SECONDS,
            "Lambda quota of the account",
            "quota “Concurrent executions”",
        ),
    ]
    return sorted(Limit(*each) for each in limits)


def peak_orders(licenses: int) -> float:
    """Orders in the busiest second of a stage with this number of licenses."""
    return licenses * SOLD_PER_MONTH / MONTH * PEAK


_ABOUT = """
Which limit of a stage is reached first, with default quotas and the settings of prod. `make docs`
computes this page (`bench/scale.py`) from the write units that tests count, from `cdk.json` and
from AWS's quotas. A test compares them. Nothing on this page was measured on AWS.
"""
_ASSUMPTIONS = f"""
Assumptions: {cost.WORKER_ROWS:,} rows per second by one worker; {ORDER_SECONDS} s of Lambda per
order of one license; {REQUESTS_PER_ORDER} requests per order, two of which are reads;
{SOLD_PER_MONTH:.0%} of all licenses are ordered per month, and the busiest second has {PEAK} times
the mean rate. Companies are of equal size, import one file each at the same time, and sell one
product each.
"""
_DESIGN = f"""
* **10 times:** settings only. `requests_per_second`, `burst`, `order_reserved`, and
  `warm_throughput` before a migration. The design does not change: an import writes a company's
  listings once per {newest_first.PAGE} rows, and once per batch of orders.
* **One reference for all:** a customer with a `reference` is also written to the partition of that
  reference. An import whose customers all have the same one writes {PARTITION:,} per second.
* **100 times:** quotas of Lambda, DynamoDB tables and API Gateway, and one design change: more
  guard items per product. An order checks one of {GUARDS}, each of which accepts {PARTITION:,}
  write units per second. A change of the product writes all of them in one transaction of at most
  100 operations, so there can be about 90.
* **1,000 times:** more than one account's quotas allow. The one design change is cells: several
  stages in several accounts, and each company in one of them, found by the prefix of its API key.
  All keys of the store begin with the company, so its records can be exported and imported by
  prefix.
"""
_ORDER = """
1. The stage's settings `requests_per_second`, `burst` and `order_reserved`, which cost nothing.
2. Lambda's quota “Concurrent executions”, before `order_reserved` and `import_reserved`. A new
   account has less than the default.
3. `warm_throughput`, days before a migration: see [operations.md](operations.md#imports).
4. DynamoDB's quota “Table-level write throughput limit”, then `warm_throughput` above it.
5. API Gateway's quota “Throttle rate”, then `requests_per_second` above it.
"""
_HEAD = (
    "| companies | licenses | import of all: new tables | grown or pre-warmed | first limit |"
    " peak orders | first limit | used |"
)
_SIZE = f"""
A Step Functions execution ends after {EXECUTION_HOURS} hours. A longer import continues when it is
retried, and writes nothing twice. A billion licenses are {cost.STORED_BYTES / 1000:.0f} TB of
tables and indexes, and {10**9 * cost.ROW_BYTES / 1e9:.0f} GB of files.
"""
_STEP_FUNCTIONS = f"""
Step Functions allows {MAP_RUNS:,} open Map Runs and a million open executions by default
([quotas](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)). An import of a
large file is one of each.
"""


def page() -> str:
    """Return docs/scale.md as Markdown."""
    lines = [
        "# Scale",
        "",
        _line(_ABOUT),
        "",
        _line(_ASSUMPTIONS),
        "",
        "## By size",
        "",
        _HEAD,
        "|---|---|---|---|---|---|---|---|",
        *(_size(companies, name) for companies in COMPANIES for name in LICENSES),
        "",
        _line(_SIZE),
        "",
    ]
    for companies in COMPANIES:
        many = "1 company" if companies == 1 else f"{companies} companies"
        lines += [f"## {many}", "", *_ladder("rows", import_limits(companies)), ""]
        lines += [*_ladder("orders", order_limits(companies)), ""]
    lines += ["## Raise limits in this order", "", _list(_ORDER), ""]
    lines += ["## Changes for 10, 100 and 1,000 times the load", "", _list(_DESIGN), ""]
    lines += [
        "## Quotes from AWS",
        "",
        "| limit | quote |",
        "|---|---|",
        *(f"| {of} | [“{quote}”]({link}) |" for of, quote, link in aws_words.QUOTES),
        "",
        _line(_STEP_FUNCTIONS),
    ]
    return "\n".join(lines) + "\n"


def _size(companies: int, name: str) -> str:
    licenses = LICENSES[name]
    grown = next(each for each in import_limits(companies) if each.name != "new tables")
    fresh = import_limits(companies)[0]
    first, peak = order_limits(companies)[0], peak_orders(licenses)
    times = f"{_time(licenses / fresh.rate)} | {_time(licenses / grown.rate)} | {grown.name}"
    return (
        f"| {companies} | {name} | {times} | {_rate(peak)} per second | {first.name}"
        f" | {peak / first.rate:.0%} |"
    )


def _ladder(of: str, limits: list[Limit]) -> Iterator[str]:
    yield f"| {of} per second | limit | raised by |"
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
    """Join a paragraph into one line, as all pages have them."""
    return " ".join(text.split())


def _list(text: str) -> str:
    """Join each item of a list into one line, as all pages have them."""
    return re.sub(r"\n +", " ", text.strip())


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
