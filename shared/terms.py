"""The terms of a license, such as its duration and its activations, and their precedence.

Products, policies and license requests have the same terms, and each can leave any of them unset.
`resolve_terms` applies LicenseSpring's order of precedence. `validate_terms` has the rules across
fields, for orders and for imported rows alike.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared.errors import Fault, Path
from shared.values import Count, Duration, Flag, MaintenanceDuration, Period, Transfers

type LicenseType = Literal["perpetual", "time-limited", "subscription", "consumption"]


class Terms(BaseModel, frozen=True, defer_build=True):
    """The terms of a license, a policy or a product; None means unset."""

    max_activations: Count | None = None
    allow_unlimited_activations: Flag | None = None
    valid_duration: Duration | None = None
    trial_days: Count | None = None
    enable_maintenance_period: Flag | None = None
    maintenance_duration: MaintenanceDuration | None = None
    max_consumptions: Count | None = None
    allow_unlimited_consumptions: Flag | None = None
    allow_negative_consumptions: Flag | None = None
    allow_overages: Flag | None = None
    max_overages: Count | None = None
    reset_consumption: Flag | None = None
    consumption_period: Period | None = None
    prevent_vm: Flag | None = None
    is_floating: Flag | None = None
    is_floating_cloud: Flag | None = None
    floating_users: Count | None = None
    floating_timeout: Annotated[Count | None, Field(description="minutes")] = None
    max_transfers: Annotated[
        Transfers | None, Field(description="0 allows none, -1 any number")
    ] = None
    can_borrow: Flag | None = None
    max_borrow_time: Annotated[Count | None, Field(description="hours")] = None
    allow_grace_period: Flag | None = None
    grace_period: Annotated[Count | None, Field(description="hours")] = None
    max_license_users: Count | None = None
    is_air_gapped: Flag | None = None
    is_hardware_key_auth: Flag | None = None


class FeatureTerms(BaseModel, frozen=True, defer_build=True):
    """The terms of one feature of a license; None means unset."""

    max_consumption: Count | None = None
    allow_overages: Flag | None = None
    max_overages: Count | None = None
    reset_consumption: Flag | None = None
    consumption_period: Period | None = None
    is_floating: Flag | None = None
    is_floating_cloud: Flag | None = None
    floating_users: Count | None = None
    floating_timeout: Annotated[Count | None, Field(description="minutes")] = None


TERMS = tuple(Terms.model_fields)
FEATURE_TERMS = tuple(FeatureTerms.model_fields)
CONSUMPTION_ONLY = ("allow_overages", "max_overages", "reset_consumption", "consumption_period")
"""Terms that only licenses of the type consumption have."""

# The defaults of terms that are set nowhere; a term that is not listed here then has no value.
SYSTEM: Mapping[str, Any] = {
    "max_activations": 1,
    "allow_unlimited_activations": False,
    "enable_maintenance_period": False,
    "max_consumptions": 0,
    "allow_unlimited_consumptions": False,
    "allow_negative_consumptions": False,
    "allow_overages": False,
    "max_overages": 0,
    "reset_consumption": False,
    "prevent_vm": False,
    "is_floating": False,
    "is_floating_cloud": False,
    "floating_users": 0,
    "floating_timeout": 120,
    "max_transfers": 0,
    "can_borrow": False,
    "max_borrow_time": 0,
    "allow_grace_period": False,
    "grace_period": 0,
    "max_license_users": 1,
    "is_air_gapped": False,
    "is_hardware_key_auth": False,
}
FEATURE_SYSTEM: Mapping[str, Any] = {
    "max_consumption": 0,
    "allow_overages": False,
    "max_overages": 0,
    "reset_consumption": False,
    "is_floating": False,
    "is_floating_cloud": False,
    "floating_users": 0,
    "floating_timeout": 120,
}

NULLABLE = tuple(name for name in TERMS if name not in SYSTEM)
"""Terms for which an explicit null means "none"."""


def explicit_terms(terms: BaseModel, names: tuple[str, ...] = TERMS) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(terms, name)) is not None}


def requested_terms(request: BaseModel, names: tuple[str, ...] = TERMS) -> dict[str, Any]:
    """The terms that a request sets; an explicit null means "none" for the terms in NULLABLE."""
    given = request.model_fields_set
    return {
        name: value
        for name in names
        if name in given and ((value := getattr(request, name)) is not None or name not in SYSTEM)
    }


def inherited_terms(*lines: BaseModel) -> dict[str, Any]:
    """The terms of a license that requests none: each from the first of `lines` that sets it."""
    effective = dict(SYSTEM)
    for line in reversed(lines):
        effective |= explicit_terms(line)
    return effective


def resolve_terms(
    license_type: str, requested_terms: Mapping[str, Any], inherited_terms: Mapping[str, Any]
) -> dict[str, Any]:
    """Resolve the effective terms: requested terms take precedence over inherited ones.

    Terms that do not apply to the license type are dropped: durations of perpetual licenses, and
    consumption terms of all but consumption licenses.
    """
    effective = {**inherited_terms, **requested_terms}
    if license_type == "perpetual":
        effective.pop("valid_duration", None)
    if license_type != "consumption":
        for name in CONSUMPTION_ONLY:
            effective.pop(name, None)
    return effective


def validate_terms(
    license_type: str,
    requested_terms: Mapping[str, Any],
    effective: Mapping[str, Any],
    *,
    ends: bool,
    path: Path = (),
) -> list[Fault]:
    """Validate the terms of a license across fields; `ends` says whether it has an end date.

    `path` is the path of the license in the request.
    """
    faults = []
    if license_type != "consumption":
        faults += [
            Fault.at(
                (*path, name),
                "consumption_only",
                f"{name} is only for licenses of type consumption; this one is {license_type}",
                requested_terms[name],
            )
            for name in CONSUMPTION_ONLY
            if requested_terms.get(name)
        ]
    if license_type == "time-limited" and not effective.get("valid_duration") and not ends:
        faults.append(
            Fault.at(
                (*path, "valid_duration"),
                "duration_required",
                "a time-limited license needs valid_duration (such as 1y) or validity_period, "
                "from the license, its policy or its product",
                None,
            )
        )
    users = effective.get("floating_users") or 0
    limit = effective.get("max_activations", 1)
    if users > limit and not effective.get("allow_unlimited_activations"):
        faults.append(
            Fault.at(
                (*path, "floating_users"),
                "too_many_floating_users",
                f"floating_users ({users}) must not be more than max_activations ({limit}), "
                "unless allow_unlimited_activations is true",
                users,
            )
        )
    return faults
