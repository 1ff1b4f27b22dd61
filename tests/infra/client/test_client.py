"""The client, over the real handlers, and over a network that fails."""

from pathlib import Path

import httpx
import pytest

from functions import export_file
from infra.client.client import ApiProblem, Client
from infra.client.connection import MAX_ATTEMPTS, MAX_PAUSE, Connection
from shared.errors import Fault
from shared.orders import OrderRequest
from tests.infra.served import API, Served

ORDER = {"id": "web-1", "items": [{"product_code": "kp", "licenses": [{}]}]}
BUSY = {"code": "unavailable", "message": "The service is busy."}


def test_an_order_is_placed_by_a_model_or_by_plain_json(client: Client) -> None:
    first = client.orders.create(OrderRequest.model_validate(ORDER))
    again = client.orders.create(ORDER)

    assert not first.replayed
    assert again.replayed
    assert again.order.license_keys == first.order.license_keys
    assert client.orders.show(first.order.id).store_id == "web-1"


def test_an_order_whose_answer_is_lost_is_sent_again_and_placed_once(
    client: Client, served: Served
) -> None:
    client.orders.create({**ORDER, "append": True})

    served.lose_answer = True
    placed = client.orders.create({**ORDER, "append": True})

    sent = [request.headers["Idempotency-Key"] for request in served.requests[1:]]
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert placed.replayed
    assert client.licenses.count(order_store_id="web-1") == 2


def test_a_path_that_is_moved_to_its_spelling_without_a_slash_is_followed(
    client: Client, served: Served
) -> None:
    served.instead = [httpx.Response(308, headers={"Location": "/api/v1/products"})]

    product = client.catalog.create_product({"product_name": "P", "short_code": "p"})

    assert product.short_code == "p"
    assert served.paths() == ["POST /api/v1/products/", "POST /api/v1/products"]


def test_a_move_to_another_host_is_not_followed(client: Client, served: Served) -> None:
    served.instead = [httpx.Response(308, headers={"Location": "https://evil.test/api/v1/orders"})]

    with pytest.raises(ApiProblem) as refused:
        client.licenses.count()

    assert (refused.value.code, refused.value.status) == ("moved", 308)
    assert [request.url.host for request in served.requests] == [API]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_waited_for_as_long_as_it_asks(
    client: Client, served: Served, pauses: list[float], status: int
) -> None:
    served.instead = [
        httpx.Response(status, json=BUSY, headers={"Retry-After": "7"}),
        httpx.Response(status, json=BUSY, headers={"Retry-After": "3600"}),
    ]

    client.catalog.create_product({"product_name": "P", "short_code": "p"})

    assert pauses == [7, MAX_PAUSE]


def test_another_service_may_ask_for_a_longer_wait(served: Served) -> None:
    pauses: list[float] = []
    connection = Connection(
        f"https://{API}", "key", transport=served, pause=pauses.append, longest_wait=120
    )
    served.instead = [
        httpx.Response(429, headers={"Retry-After": "60"}),
        httpx.Response(429, headers={"Retry-After": "3600"}),
        httpx.Response(200, json={}),
    ]

    connection.page("/licenses/")

    assert pauses == [60, 120]


def test_without_a_word_from_the_service_pauses_grow(
    client: Client, served: Served, pauses: list[float]
) -> None:
    served.instead = [httpx.Response(503, json=BUSY) for _ in range(MAX_ATTEMPTS)]

    with pytest.raises(ApiProblem) as refused:
        client.orders.create(ORDER)

    assert refused.value.code == "unavailable"
    assert len(pauses) == MAX_ATTEMPTS - 1
    assert pauses[-1] > 10 * pauses[0]


@pytest.mark.parametrize("failure", [httpx.ConnectError("no"), httpx.Response(500, text="oops")])
def test_a_change_that_may_have_been_made_is_not_sent_again(
    client: Client, served: Served, failure: httpx.Response | Exception
) -> None:
    served.instead = [failure]

    with pytest.raises(ApiProblem):
        client.catalog.create_product({"product_name": "P", "short_code": "p"})

    assert len(served.requests) == 1


def test_reads_are_retried(client: Client, served: Served) -> None:
    served.instead = [httpx.ConnectError("no"), httpx.Response(502, text="oops")]

    assert client.is_up()


def test_a_refusal_is_one_exception_with_its_code_and_faults(client: Client) -> None:
    with pytest.raises(ApiProblem) as refused:
        client.orders.create({"items": [{"product_code": "none", "licenses": [{"nose": 1}]}]})

    problem = refused.value
    assert (problem.status, problem.code) == (400, "validation_error")
    assert [fault.pointer for fault in problem.faults] == ["/items/0/licenses/0/nose"]
    assert [fault.code for fault in problem.faults] == ["unknown_field"]
    assert str(problem).count("items.0.licenses.0.nose: ") == 1
    assert problem.request_id == "request-1"


def test_a_message_is_not_repeated_for_its_field() -> None:
    message = "Import 6 has succeeded: it can't be cancelled"

    problem = ApiProblem("import_state", message, faults=(Fault("import_state", message, "state"),))

    assert str(problem) == f"{message} (import_state)"


def test_every_field_with_the_same_fault_is_named() -> None:
    faults = tuple(Fault("invalid_type", "must be a number", name) for name in ("a", "items.0.b"))

    problem = ApiProblem("validation_error", "2 fields are invalid", faults=faults)

    assert str(problem).splitlines()[1:] == [
        "  a: must be a number",
        "  items.0.b: must be a number",
    ]


def test_an_answer_that_is_no_problem_of_ours_is_shown_as_it_is(
    client: Client, served: Served
) -> None:
    served.instead = [httpx.Response(403, json={"message": "Forbidden"})]

    with pytest.raises(ApiProblem, match=r"403.*Forbidden"):
        client.catalog.create_product({})


def test_lists_are_read_page_by_page_to_their_end(client: Client, served: Served) -> None:
    for number in range(3):
        client.orders.create({**ORDER, "id": f"web-{number}"})

    found = [order.store_id for order in client.orders.list(limit=2)]

    assert sorted(found) == ["web-0", "web-1", "web-2"]
    assert served.paths()[-2:] == ["GET /api/v1/orders/"] * 2


def test_an_export_in_parts_is_put_together(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [{"product_code": "kp", "licenses": [{}] * 5}]
    order = client.orders.create({"id": "web-5", "items": items}).order
    whole = client.orders.export(order.id)
    monkeypatch.setattr(export_file, "MOST_EXPORTED", 2)

    day = str(order.created_at.date())

    assert len(whole.splitlines()) == 1 + 5
    assert client.orders.export(order.id) == whole
    assert whole.startswith(b"\xef\xbb\xbf")
    assert client.orders.export_days(day, day) == whole


def test_an_export_comes_back_as_an_import_reads_it(client: Client, tmp_path: Path) -> None:
    placed = client.orders.create(ORDER)
    path = tmp_path / "order.csv"
    path.write_bytes(client.orders.export(placed.order.id))

    job = client.imports.wait(client.imports.send(path, "licenses").id)

    assert job.state == "succeeded"
    assert job.counts is not None
    assert job.counts["existed_licenses_count"] == 1


def test_the_key_is_sent_to_the_api_only(client: Client, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("email\nana@acme.example\n")

    client.imports.send(path, "customers")

    hosts = {each.url.host: "Authorization" in each.headers for each in served.requests}
    assert hosts.pop(API)
    assert list(hosts.values()) == [False]
