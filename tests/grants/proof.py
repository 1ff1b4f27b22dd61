"""The comparison: what functions need, against what the template grants them, both ways."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.grants.needs import standing_needs
from tests.grants.reasons import REASONS
from tests.grants.template import Deployment, Grant

type Used = Mapping[str, Iterable[Grant]]
"""By module, the grants that calls of its handler needed."""


class Finding(NamedTuple):
    """A difference between what a function needs and what its role may do."""

    module: str
    grant: Grant


def missing(deployment: Deployment, used: Used) -> list[Finding]:
    """What functions need and AWS would refuse."""
    return [
        Finding(module, need)
        for module, granted in sorted(deployment.grants.items())
        for need in sorted(_needs(deployment, module, used))
        if not any(grant.allows(need) for grant in granted)
    ]


def unused(deployment: Deployment, used: Used) -> list[Finding]:
    """What is granted, and neither called nor given a reason."""
    return [
        Finding(module, grant)
        for module, granted in sorted(deployment.grants.items())
        for grant in sorted(granted)
        if (module, grant.action) not in REASONS and not _serves(deployment, module, grant, used)
    ]


def stale_reasons(deployment: Deployment, used: Used) -> list[tuple[str, str]]:
    """Reasons for what is not granted, or is needed after all."""
    return [
        (module, action)
        for module, action in REASONS
        if not any(
            grant.action == action and not _serves(deployment, module, grant, used)
            for grant in deployment.grants.get(module, ())
        )
    ]


def _serves(deployment: Deployment, module: str, grant: Grant, used: Used) -> bool:
    return any(grant.allows(need) for need in _needs(deployment, module, used))


def _needs(deployment: Deployment, module: str, used: Used) -> set[Grant]:
    return {*used.get(module, ()), *standing_needs(deployment, module)}
