"""Public applications of the LicenseSpring Management API are answered by a deployed stack."""

import httpx

from tests.e2e.clients.calls import CALLS
from tests.e2e.clients.published import PUBLISHED
from tests.e2e.clients.replay import imports_of, records_of, replayed
from tests.e2e.importing import without_imports
from tests.e2e.remote import Operate, opened


def test_public_applications_are_answered_over_http(http: httpx.Client, keys: Operate) -> None:
    shop = opened(http, keys, "clients", stocked=True)
    records = records_of(shop)

    assert [each for call in CALLS for each in replayed(shop, call, records)] == []


def test_the_published_collection_is_answered_over_http(http: httpx.Client, keys: Operate) -> None:
    shop = opened(http, keys, "collection", stocked=True)
    records = records_of(shop) | imports_of(shop)
    differences = []
    for call in PUBLISHED:
        if call.method == "DELETE":  # refused while an import can write what depends on the record
            without_imports(shop)
        differences += replayed(shop, call, records)

    assert differences == []
