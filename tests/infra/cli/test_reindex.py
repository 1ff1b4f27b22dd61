"""`keywright reindex`, as an operator runs it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared.customers import CustomerRequest, new_customer
from shared.search import entries_of
from shared.store.customers import add_customer
from shared.store.patience import Patience
from shared.store.search_index import OLDEST, matches_of, write_entries
from tests.infra.served import Keywright
from tests.partiql import inserting


@pytest.fixture(autouse=True)
def served_inserts(keywright: Keywright) -> Iterator[None]:
    with inserting():
        yield


def test_missing_entries_are_written_and_stale_ones_removed(keywright: Keywright) -> None:
    request = CustomerRequest(email="ana@acme.example", first_name="Ana")
    customer = new_customer(7, request, made_by="request", now=datetime.now(UTC))
    assert add_customer("acme", customer)
    stale = entries_of("acme", "customer", 8, ("ben",), OLDEST)
    write_entries(stale, Patience(lambda: 900_000, lambda: None))

    first = keywright.run_json("reindex")
    again = keywright.run("reindex")

    assert (first["written"], first["removed"]) == (2, 1)
    assert "wrote 0 entries, removed 0" in again
    assert [
        each.id for each in matches_of("acme", {"customer": "ana"}, limit=10)["customer"].found
    ] == [7, 7]
    assert matches_of("acme", {"customer": "ben"}, limit=10)["customer"].found == []
