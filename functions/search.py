"""HTTP API: search. `functions.records` serves this route."""

from typing import Annotated

from pydantic import BaseModel, Field

from functions.web.api import Api, Caller
from shared.contract.search import SearchResult, search_result
from shared.workflows.search import Searched, search

_ALL: tuple[Searched, ...] = ("license", "order", "customer")

routes = Api("Records")


class SearchQuery(BaseModel, frozen=True, extra="forbid"):
    """What to search for."""

    q: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            description="A license key, an order id, an e-mail address, or beginnings of words.",
            examples=["ana acme"],
        ),
    ]
    kind: Searched | None = Field(None, description="Search only for records of this kind.")


@routes.get("/api/v1/search/", scope="records:read")
def search_records(caller: Caller, query: SearchQuery) -> SearchResult:
    """Search for a license, an order or a customer.

    It finds the license with exactly this key, orders whose id begins with the text, and customers:
    each word of `q` must be the beginning of their e-mail address, or of a word of their name or
    company. Case, accents and character width do not count; a word of one character must be the
    whole word. At most 20 records are listed, exact matches first. A change can be found some
    seconds after it was made; a key, an order id or an e-mail address at once.
    """
    kinds = (query.kind,) if query.kind else _ALL
    found = search(caller.company, query.q, kinds)
    return search_result(
        found.licenses,
        found.orders,
        found.customers,
        has_more=found.has_more,
        base_url=caller.base_url,
    )
