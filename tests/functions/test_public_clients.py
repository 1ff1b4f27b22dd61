"""Published requests of the LicenseSpring Management API get the answers that clients read.

`tests/e2e/clients` has the calls of public applications and the requests of the published
collection, and sends them to a deployed stack too.
"""

import pytest

from infra.stamp import ROOT
from tests.e2e.clients.calls import APPLICATIONS, CALLS
from tests.e2e.clients.published import LEFT_OUT, PUBLISHED
from tests.e2e.clients.replay import imports_of, records_of, replayed
from tests.e2e.clients.table import counts, with_tables
from tests.functions.shop import Shop


def test_all_calls_of_public_applications_are_answered(shop: Shop) -> None:
    records = records_of(shop)

    assert [each for call in CALLS for each in replayed(shop, call, records)] == []


def test_all_requests_of_the_published_collection_are_answered(shop: Shop) -> None:
    records = records_of(shop) | imports_of(shop)

    assert [each for call in PUBLISHED for each in replayed(shop, call, records)] == []


def test_most_requests_of_the_published_collection_are_served() -> None:
    assert len(PUBLISHED) + LEFT_OUT == 102
    assert sum(request.is_served for request in PUBLISHED) >= 45


@pytest.mark.parametrize("name", ["README.md", "docs/compatibility.md"])
def test_the_counts_and_tables_of_requests_are_on_their_pages(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")

    assert with_tables(page) == page, "write it again: make docs"
    assert counts() in page


def test_both_tables_are_on_the_page_about_compatibility() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")

    emptied = "".join(line for line in page.splitlines(True) if not line.startswith("| all |"))
    assert with_tables(emptied) == page


def test_every_group_of_calls_has_its_number_of_applications() -> None:
    assert {call.group for call in CALLS} == APPLICATIONS.keys()
