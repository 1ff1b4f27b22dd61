"""Shops over the real store."""

import pytest

from tests.functions.shop import Shop, open_shop, stocked_shop


@pytest.fixture
def access_table(tables: None) -> None:
    """An empty store."""


@pytest.fixture
def api_key(tables: None) -> str:
    """An ordinary key of the company acme, as its owner sends it."""
    return open_shop("acme").key


@pytest.fixture
def shop(tables: None) -> Shop:
    """The company acme, with products."""
    return stocked_shop("acme")


@pytest.fixture
def other_shop(tables: None) -> Shop:
    """Another company, with the same products."""
    return stocked_shop("globex")
