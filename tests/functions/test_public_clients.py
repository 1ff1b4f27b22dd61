"""Public applications of the LicenseSpring Management API get the answers that they read.

`tests/e2e/clients` has their calls, and sends them to a deployed stack too.
"""

import pytest

from infra.stamp import ROOT
from tests.e2e.clients.calls import CALLS
from tests.e2e.clients.replay import records_of, replayed
from tests.e2e.clients.table import with_table
from tests.functions.shop import Shop


def test_all_calls_of_public_applications_are_answered(shop: Shop) -> None:
    records = records_of(shop)

    assert [each for call in CALLS for each in replayed(shop, call, records)] == []


def test_the_table_of_calls_is_on_the_page_about_compatibility() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")

    assert with_table(page) == page


@pytest.mark.parametrize("group", sorted({call.group for call in CALLS}))
def test_a_group_of_calls_is_that_of_so_many_applications(group: str) -> None:
    assert len({call.applications for call in CALLS if call.group == group}) == 1
