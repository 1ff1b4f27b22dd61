"""HTTP API: orders, licenses, users, customers, events, search, the API key. Trigger: API Gateway.

One function serves the routes of six modules, because they read the same tables.
"""

from functions import customers, events, license_users, licenses, orders, search
from functions.web.api import Api, Caller
from shared.access import ANY_SCOPE
from shared.contract.api_keys import ApiKeyView

api = Api("Records")


@api.get("/api/v1/api-key/", scope=ANY_SCOPE)
def show_api_key(caller: Caller) -> ApiKeyView:
    """Get the API key of the request, with its company and scopes.

    Every valid key is authorized, so a client can check its key.
    """
    return ApiKeyView.model_validate(
        caller.key.model_dump(exclude={"hash"}) | {"scopes": sorted(caller.key.scopes)}
    )


for each in (orders, licenses, license_users, customers, events, search):
    api.include(each.routes)

handler = api.handler
