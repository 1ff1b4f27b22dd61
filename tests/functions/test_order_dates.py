"""Durations, dates, maintenance and trials of ordered licenses. Published: create order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.shop import Shop, told


@pytest.mark.parametrize("duration", ["1y", "2m", "3d", "4h", "5min", "99999d"])
def test_a_duration_is_kept_as_it_is_given(shop: Shop, duration: str) -> None:
    license = shop.order_one(license={"license_type": "time-limited", "valid_duration": duration})

    assert license["valid_duration"] == duration


@pytest.mark.parametrize("duration", ["5x", "-1d", "0d", "1y2m", "1Y", "", "d", "100000d", "1 d"])
def test_a_duration_that_is_none_is_refused_with_an_example(shop: Shop, duration: str) -> None:
    problem = shop.refused("kp", {"license_type": "time-limited", "valid_duration": duration})

    assert list(told(problem)) == ["/items/0/licenses/0/valid_duration"]
    assert problem["errors"][0]["value"] == duration
    assert "such as 1y" in problem["message"]


def test_a_time_limited_license_needs_an_end(shop: Shop) -> None:
    problem = shop.refused("kp", {"license_type": "time-limited"})

    assert told(problem) == {"/items/0/licenses/0/valid_duration": "duration_required"}


def test_an_end_date_is_end_enough(shop: Shop) -> None:
    license = shop.order_one(
        license={"license_type": "time-limited", "validity_period": "2030-10-15 00:00:00"}
    )

    assert license["validity_period"] == "2030-10-15"


def test_a_perpetual_license_has_no_duration(shop: Shop) -> None:
    license = shop.order_one(license={"license_type": "perpetual", "valid_duration": "1y"})

    assert license["valid_duration"] is None


def test_an_unknown_type_is_refused_with_those_that_are(shop: Shop) -> None:
    problem = shop.refused("kp", {"license_type": "eternal"})

    assert "'time-limited'" in problem["message"]
    assert problem["errors"][0]["value"] == "eternal"


@pytest.mark.parametrize("name", ["enable_maintenance_period", "enable_maintenance_duration"])
def test_maintenance_is_enabled_by_either_of_its_names(shop: Shop, name: str) -> None:
    license = shop.order_one(license={name: True, "maintenance_duration": "3d"})

    assert license["enable_maintenance_period"] is True
    assert license["maintenance_duration"] == "3d"


def test_two_names_of_maintenance_that_differ_are_refused(shop: Shop) -> None:
    both = {"enable_maintenance_period": True, "enable_maintenance_duration": False}

    problem = shop.refused("kp", both)

    assert told(problem) == {"/items/0/licenses/0/enable_maintenance_duration": "alias_conflict"}


@pytest.mark.parametrize("duration", ["4h", "5min"])
def test_maintenance_is_counted_in_days_at_least(shop: Shop, duration: str) -> None:
    problem = shop.refused("kp", {"maintenance_duration": duration})

    assert list(told(problem)) == ["/items/0/licenses/0/maintenance_duration"]


@pytest.mark.parametrize("name", ["start_date", "validity_period", "maintenance_period"])
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2030-03-12", "2030-03-12"),
        ("2030-3-2", "2030-03-02"),
        ("2030-03-12T23:00:00-05:00", "2030-03-13"),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_a_day_in_utc_or_unset(
    shop: Shop, name: str, sent: str | None, shown: str | None
) -> None:
    license = shop.order_one(license={name: sent})

    assert license[name] == shown


@pytest.mark.parametrize("sent", ["2024-02-30", "tomorrow", "12.03.2024", 20240312])
def test_a_date_that_is_none_is_refused_with_an_example(shop: Shop, sent: Any) -> None:
    problem = shop.refused("kp", {"start_date": sent})

    assert list(told(problem)) == ["/items/0/licenses/0/start_date"]
    assert "2026-03-12" in problem["message"]


def test_a_license_whose_end_is_past_is_expired(shop: Shop) -> None:
    today = datetime.now(UTC).date()

    ended = shop.order_one(license={"validity_period": str(today - timedelta(days=1))})
    last_day = shop.order_one(license={"validity_period": str(today)})

    assert (ended["status"], last_day["status"]) == ("Expired", "Inactive")


def test_a_trial_keeps_its_days_and_its_end(shop: Shop) -> None:
    license = shop.order_one(
        license={"is_trial": True, "trial_days": 14, "validity_period": "2030-01-01"}
    )

    assert (license["is_trial"], license["trial_days"]) == (True, 14)
    assert license["validity_period"] == "2030-01-01"
