"""Durations, dates, maintenance and trials of ordered licenses. Published: create order."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes


@pytest.mark.parametrize("duration", ["5x", "-1d", "0d", "1y2m", "1Y", "", "d", "100000d", "1 d"])
def test_a_duration_that_is_none_is_refused_with_an_example(shop: Shop, duration: str) -> None:
    problem = shop.refused("kp", {"license_type": "time-limited", "valid_duration": duration})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/valid_duration"]
    assert problem["errors"][0]["value"] == duration
    assert "such as 1y" in problem["message"]


def test_an_unknown_type_is_refused_with_those_that_are(shop: Shop) -> None:
    problem = shop.refused("kp", {"license_type": "eternal"})

    assert "'time-limited'" in problem["message"]
    assert problem["errors"][0]["value"] == "eternal"


@pytest.mark.parametrize("duration", ["4h", "5min"])
def test_maintenance_is_counted_in_days_at_least(shop: Shop, duration: str) -> None:
    problem = shop.refused("kp", {"maintenance_duration": duration})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/maintenance_duration"]


@pytest.mark.parametrize("sent", ["2024-02-30", "tomorrow", "12.03.2024", 20240312])
def test_a_date_that_is_none_is_refused_with_an_example(shop: Shop, sent: Any) -> None:
    problem = shop.refused("kp", {"start_date": sent})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/start_date"]
    assert "2026-03-12" in problem["message"]
