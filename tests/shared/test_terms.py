"""Resolve the terms of a license, and refuse terms that contradict each other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.terms import (
    FEATURE_SYSTEM,
    SYSTEM,
    FeatureTerms,
    Terms,
    inherited_terms,
    requested_terms,
    validate_terms,
)
from shared.terms import resolve_terms as resolve

limits = st.none() | st.integers(0, 9)
lines = st.builds(Terms, max_activations=limits, max_transfers=limits, trial_days=limits)


@given(st.lists(lines, max_size=4))
def test_the_first_level_with_a_value_decides(levels: list[Terms]) -> None:
    held = inherited_terms(*levels)

    for name in ("max_activations", "max_transfers", "trial_days"):
        values = [getattr(line, name) for line in levels]
        first = next((value for value in values if value is not None), SYSTEM.get(name))
        assert held.get(name) == first


@given(lines, st.lists(lines, max_size=3), st.booleans())
def test_requested_terms_override_inherited_terms(
    request: Terms, levels: list[Terms], vm: bool
) -> None:
    wanted = {**requested_terms(request), "prevent_vm": vm}

    terms = resolve("subscription", wanted, inherited_terms(*levels))

    assert terms.items() >= wanted.items()
    assert all(
        terms.get(name) == value
        for name, value in inherited_terms(*levels).items()
        if name in SYSTEM
        and name not in wanted
        and "overages" not in name
        and name != "reset_consumption"
    )


def test_null_means_none_only_where_none_is_possible() -> None:
    request = Terms(max_activations=None, valid_duration=None)

    assert requested_terms(request) == {"valid_duration": None}


def test_a_perpetual_license_has_no_duration() -> None:
    assert "valid_duration" not in resolve("perpetual", {"valid_duration": "1y"}, {})
    assert resolve("time-limited", {"valid_duration": "1y"}, {})["valid_duration"] == "1y"


def test_overages_are_dropped_where_they_were_inherited() -> None:
    inherits = inherited_terms(Terms(allow_overages=True, max_overages=5))

    assert "max_overages" not in resolve("perpetual", {}, inherits)
    assert resolve("consumption", {}, inherits)["max_overages"] == 5


@pytest.mark.parametrize("type_", ["perpetual", "time-limited", "subscription"])
@pytest.mark.parametrize("name", ["allow_overages", "reset_consumption"])
def test_overages_are_for_consumption_only(type_: str, name: str) -> None:
    (fault,) = validate_terms(type_, {name: True}, {}, ends=True)

    assert (fault.field, fault.code, fault.value) == (name, "consumption_only", True)
    assert type_ in fault.message
    assert validate_terms("consumption", {name: True}, {}, ends=True) == []


@pytest.mark.parametrize(
    ("terms", "ends", "codes"),
    [
        ({}, False, ["duration_required"]),
        ({}, True, []),
        ({"valid_duration": "1y"}, False, []),
    ],
)
def test_a_time_limited_license_ends(terms: dict[str, Any], ends: bool, codes: list[str]) -> None:
    faults = validate_terms("time-limited", {}, terms, ends=ends)

    assert [fault.code for fault in faults] == codes


@given(st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_floating_users_are_no_more_than_activations(users: int, limit: int, free: bool) -> None:
    terms = {
        "floating_users": users,
        "max_activations": limit,
        "allow_unlimited_activations": free,
    }

    faults = validate_terms("perpetual", {}, terms, ends=False)

    assert bool(faults) is (users > limit and not free)


def test_the_system_has_published_defaults() -> None:
    expected = {
        "max_activations": 1,
        "max_transfers": 0,
        "floating_timeout": 120,
        "max_borrow_time": 0,
        "grace_period": 0,
        "max_license_users": 1,
    }

    assert SYSTEM.items() >= expected.items()
    assert SYSTEM.keys() <= Terms.model_fields.keys()
    assert FEATURE_SYSTEM.keys() <= FeatureTerms.model_fields.keys()
