"""Orders and licenses per day, added up from the entries of their lists.

The lists have each record once, whatever was retried or delivered twice, and without what was
deleted. So the totals are right without counters, which would have to be kept by a reader of the
streams, and be exact although streams deliver changes repeatedly.
"""

from collections import Counter
from datetime import date, datetime
from typing import NamedTuple

from shared.store import dynamo
from shared.store.license_index import is_at_its_time
from shared.store.newest_first import newest_first, shards_of
from shared.store.order_index import PAGES, TABLE, is_order


class DailyTotals(NamedTuple):
    """The numbers by day (UTC), which are complete for the days after `complete_after`, if any."""

    orders: Counter[date]
    licenses: Counter[date]
    complete_after: date | None


def daily_totals(company: str, since: datetime, *, most: int) -> DailyTotals:
    """The orders and licenses of a company by day, from at most so many entries, newest first.

    DynamoDB returns about 7,000 entries per request.
    """
    orders, licenses = Counter[date](), Counter[date]()
    shards = [*shards_of(company, None), f"{company}#{PAGES}"]
    entries = newest_first(TABLE, "by_created", "listed", shards, first=dynamo.stamp(since))
    for n, entry in enumerate(entries):
        day, kind = date.fromisoformat(entry["created"][:10]), entry["sk"].partition("#")[0]
        if n == most:
            return DailyTotals(orders, licenses, day)
        if kind == "orders":
            orders[day] += entry["n"]
            continue
        orders[day] += is_order(entry["sk"], entry["created"])
        if is_at_its_time(entry["created"]):
            licenses[day] += entry["n"]
    return DailyTotals(orders, licenses, None)
