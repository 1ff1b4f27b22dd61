"""The client of a company, over the real handlers."""

import pytest

from infra.client.client import Client
from tests.functions.shop import Shop
from tests.infra.served import API, Served


@pytest.fixture
def pauses() -> list[float]:
    """How long the client has waited between tries."""
    return []


@pytest.fixture
def client(shop: Shop, served: Served, pauses: list[float]) -> Client:
    return Client(f"https://{API}", shop.key, transport=served, pause=pauses.append)
