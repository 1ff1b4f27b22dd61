"""Orders and licenses per day."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field


class DayView(BaseModel, frozen=True, defer_build=True):
    """The orders and licenses that were created on a day (UTC), by requests and imports."""

    day: date
    orders: int
    licenses: int


class StatisticsView(BaseModel, frozen=True, defer_build=True):
    """The last 30 days."""

    days: Annotated[
        list[DayView],
        Field(description="Oldest first, today included; fewer if they have too many orders."),
    ]
