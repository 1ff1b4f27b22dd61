"""HTTP API: orders, licenses, users, customers, events, search, statistics, the API key.

Trigger: API Gateway. One function serves the routes of these modules, because they read the same
tables.
"""

from functions import (
    customers,
    events,
    license_users,
    licenses,
    orders,
    search,
    statistics,
)
from functions.telemetry.metrics import SERVICE
from functions.web.api import Api, Caller
from shared.access import ANY_SCOPE
from shared.contract.api_keys import OwnApiKeyView

api = Api("Records")


@api.get("/api/v1/api-key/", scope=ANY_SCOPE)
def show_api_key(caller: Caller) -> OwnApiKeyView:
    """Get the API key of the request, with its company, scopes and stage.

    Every valid key is authorized, so a client can check its key.
    """
    shown = caller.key.model_dump(exclude={"hash"}) | {
        "scopes": sorted(caller.key.scopes),
        "stage": SERVICE.removeprefix("keywright-"),
    }
    return OwnApiKeyView.model_validate(shown)


for each in (orders, licenses, license_users, customers, events, search, statistics):
    api.include(each.routes)

handler = api.handler
