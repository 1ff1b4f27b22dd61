"""HTTP API: orders and licenses per day. `functions.records` serves this route."""

from datetime import UTC, datetime, time, timedelta

from functions.web.api import Api, Caller
from shared.contract.statistics import DayView, StatisticsView
from shared.store.daily_totals import daily_totals

_DAYS = 30
_MOST = 50_000
"""Entries of lists that are added up; a page of an import is one entry for 500 rows."""

routes = Api("Records")


@routes.get("/api/v1/statistics/", scope="records:read")
def show_statistics(caller: Caller) -> StatisticsView:
    """Get the numbers of orders and licenses of each of the last 30 days (UTC).

    An imported record counts on the day on which its import began, an order with a time of its own
    on the day of that time. Deleted records do not count.
    The numbers are added up from the lists, at most 50,000 requests and pages of imports, newest
    first: days that are not counted completely are left out.
    """
    today = datetime.now(UTC).date()
    first = today - timedelta(days=_DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    totals = daily_totals(caller.company, since, most=_MOST)
    days = [first + timedelta(days=n) for n in range(_DAYS)]
    return StatisticsView(
        days=[
            DayView(day=day, orders=totals.orders[day], licenses=totals.licenses[day])
            for day in days
            if totals.complete_after is None or day > totals.complete_after
        ]
    )
