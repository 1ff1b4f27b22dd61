"""Dates that are not written year first, such as 31.12.2027 and 12/31/2027.

A date with the year first has one meaning and is always read. Any other date needs the option
`dates` of its import, because 01.02.2027 is a day in January or in February.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

type Dates = Literal["iso", "dmy", "mdy"]

WRITTEN = re.compile(
    r"([0-9]{1,2})([./-]) ?([0-9]{1,2})\2 ?([0-9]{4})"
    r"(?:[T ](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?: ?[AaPp][Mm])?)?"
)
"""A date with its year last, with or without a time of day, which is not imported."""
_ISO = "must be a date such as 2026-03-12"
DATE_FAULTS: Mapping[str, str] = {
    "dmy": f"{_ISO}; if the file writes the day first, choose the dates 'Day, month, year'"
    " (dates=dmy)",
    "mdy": f"{_ISO}; if the file writes the month first, choose the dates 'Month, day, year'"
    " (dates=mdy)",
    "either": f"{_ISO}; if the file writes the day first, choose the dates 'Day, month, year'"
    " (dates=dmy); if it writes the month first, 'Month, day, year' (dates=mdy)",
    "not_dmy": "is not a day, a month and a year such as 31.12.2027, although the file is imported"
    " with the dates 'Day, month, year' (dates=dmy)",
    "not_mdy": "is not a month, a day and a year such as 12/31/2027, although the file is imported"
    " with the dates 'Month, day, year' (dates=mdy)",
}
"""Messages for such a date: by the orders that it fits, or by the requested one that it does not.
"""


def iso_day(cell: str, dates: Dates) -> str | None:
    """The day as YYYY-MM-DD, if the cell has a date of the calendar in this order; else None."""
    found = WRITTEN.fullmatch(cell.strip())
    if found is None or dates == "iso":
        return None
    first, _, second, year = found.groups()
    day, month = (first, second) if dates == "dmy" else (second, first)
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def date_fault(cell: str, dates: Dates) -> str | None:
    """The message for an invalid date with its year last; None for any other cell."""
    if not WRITTEN.fullmatch(cell.strip()):
        return None
    if dates != "iso":
        return DATE_FAULTS[f"not_{dates}"]
    by_day, by_month = iso_day(cell, "dmy"), iso_day(cell, "mdy")
    if by_day and by_month:
        return DATE_FAULTS["either"]
    return DATE_FAULTS["dmy" if by_day else "mdy"] if by_day or by_month else None


class DayOrder:
    """Finds the only order in which all dates of a file can be read, from its cells of dates."""

    def __init__(self) -> None:
        self._fits: set[Dates] = {"dmy", "mdy"}
        self.example: str | None = None
        """The first date with its year last that fits one order only, else the first one."""

    @property
    def suggested(self) -> Dates | None:
        """The value of the option `dates` that fits; None if none is needed, none or both fit."""
        if self.example is None or len(self._fits) != 1:
            return None
        return next(iter(self._fits))

    def feed(self, cell: str) -> None:
        """Take a cell. Cells without a date, and dates with the year first, decide nothing."""
        if not WRITTEN.fullmatch(cell.strip()):
            return
        orders: tuple[Dates, ...] = ("dmy", "mdy")
        fits = {order for order in orders if iso_day(cell, order)}
        if not fits:
            return
        if self.example is None or (len(fits) == 1 and len(self._fits) == 2):
            self.example = cell.strip()
        self._fits &= fits
