"""Tests of the domain run on values, without AWS, moto or a handler."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent / "shared"
STORED = ("store", "workflows")
"""Packages of shared that know AWS, and so do their tests."""


def is_of_the_domain(path: Path) -> bool:
    return path.is_relative_to(HERE) and path.relative_to(HERE).parts[0] not in STORED


def refuse_a_store(path: Path) -> None:
    """Fail a test of the domain that requests empty tables, and so starts moto."""
    if is_of_the_domain(path):
        pytest.fail(
            f"{path.relative_to(HERE.parent)} tests rules of the domain, which take values: use "
            "tests.shared.value_shop, or move the test to tests/functions or tests/shared/store",
            pytrace=False,
        )
