"""Every route answers within Lambda's 6 MB, from a bounded number of requests to AWS.

`MOST` is the table of docs/performance.md: a route's requests to AWS for a company with more than
fits. A route that is not in it fails the first test.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
import pytest

from functions import documents, order_answers
from functions.web.openapi import document
from functions.web.response_size import MOST_BYTES
from infra.stamp import ROOT
from shared.contract import records
from shared.licenses import License
from shared.store import dynamo, signed_http, uploads
from tests.empty_store import empty_store
from tests.functions.big_company import (
    BIG,
    FEATURED_LICENSES,
    LARGE,
    LARGE_ORDERS,
    SMALL_ORDERS,
    BigCompany,
    open_big_company,
)
from tests.functions.operations import APIS, OPERATIONS, Operation
from tests.http_event import Reply, http_event


class Read(NamedTuple):
    """A request, and how often it may call AWS."""

    most: int
    id: str = ""
    query: str = ""


MOST: dict[str, list[Read]] = {
    "/api/v1/api-key/": [Read(0)],
    "/api/v1/api-keys/": [Read(1), Read(1, query="limit=100")],
    "/api/v1/customers/": [
        Read(7),
        Read(1, query="email=nobody@x.test"),
        Read(3, query="reference=crm-1"),
        Read(7, query="limit=100&order_by=created_at"),
        Read(7, query="limit=100&source=import"),
        Read(3, query="limit=100&import_id=1"),
    ],
    "/api/v1/customers/export/": [Read(43), Read(43, query="parts=true")],
    "/api/v1/customers/{id}/": [Read(2, id="customer")],
    "/api/v1/events/": [
        Read(5),
        Read(5, query="limit=100"),
        Read(1, query="limit=100&type=order.created"),
    ],
    "/api/v1/exports/": [Read(1), Read(1, query="limit=100")],
    "/api/v1/exports/{id}/": [Read(1, id="export")],
    "/api/v1/exports/{id}/file.csv": [Read(1, id="export")],
    "/api/v1/import-templates/{kind}.csv": [Read(0)],
    "/api/v1/import-mappings/": [Read(1), Read(1, query="limit=100")],
    "/api/v1/import-mappings/{name}/": [],
    "/api/v1/imports/": [
        Read(1),
        Read(1, query="limit=100"),
        Read(1, query="unfinished=true"),
        Read(1, query="needs_attention=true&limit=100"),
    ],
    "/api/v1/imports/{id}/": [Read(1, id="batches")],
    "/api/v1/imports/{id}/mapping/": [Read(2, id="batches")],
    "/api/v1/imports/{id}/errors/": [Read(18, id="batches"), Read(3, id="failed")],
    "/api/v1/imports/{id}/rows/": [
        Read(18, id="batches", query="outcome=failed"),
        Read(18, id="batches", query="outcome=updated"),
        Read(18, id="batches", query="limit=100"),
    ],
    "/api/v1/imports/{id}/results.csv": [Read(3, id="failed")],
    "/api/v1/imports/{id}/failed.csv": [Read(3, id="failed")],
    "/api/v1/customers-import-results/": [Read(1)],
    "/api/v1/customers-import-results/{id}/": [],
    "/api/v1/license-features-import-results/": [Read(1)],
    "/api/v1/license-features-import-results/{id}/": [],
    "/api/v1/licenses-import-results/": [Read(21), Read(101, query="limit=100")],
    "/api/v1/licenses-import-results/{id}/": [Read(2, id="batches"), Read(2, id="failed")],
    "/api/v1/licenses/": [
        Read(10),
        Read(11, query="limit=100&product=kp"),
        Read(4, query="order={big}"),
        Read(4, query="order={big}&limit=100"),
        Read(4, query="order={big}&limit=100&offset=9900"),
        Read(5, query="order={big}&product=kp"),
        Read(4, query="order={big}&product=p1"),
        Read(5, query="order_store_id=big&limit=100"),
        Read(6, query="order={large}&customer={customer}&limit=100"),
        Read(5, query="customer={customer}&limit=100"),
        Read(6, query="customer_email=ana@x.test&limit=100"),
        Read(8, query="customer={customer}&product=kp&limit=100"),
        Read(10, query="product=featured&limit=100"),
        Read(5, query="order={featured}&limit=100"),
        Read(1, query="license_key=KEY-{license}"),
        Read(4, query="id__in={license},1"),
        Read(10, query="order_by=created_at"),
        Read(10, query="source=order&limit=100"),
        Read(6, query="import_id=1&limit=100"),
        Read(7, query="validity_period__gte=2000-01-01&limit=100"),
    ],
    "/api/v1/licenses/export/": [Read(4, query="id__in={license},1")],
    "/api/v1/licenses/{id}/": [Read(3, id="license")],
    "/api/v1/license-users/": [
        Read(2, query="license={license}"),
        Read(1, query="email=nobody@x.test"),
    ],
    "/api/v1/license-users/{id}/": [],
    "/api/v1/license-templates/": [Read(8), Read(9, query="limit=100")],
    "/api/v1/license-templates/{id}/": [Read(2, id="policy")],
    "/api/v1/orders/": [
        Read(8),
        Read(8, query="limit=100"),
        Read(3, query="limit=100&customer={customer}"),
        Read(4, query="limit=100&customer_email=ana@x.test"),
        Read(3, query="store_id=big"),
        Read(8, query="limit=100&order_by=created_at"),
        Read(8, query="limit=100&created_at__gte=2026-01-01&created_at__lt=2027-01-01"),
        Read(8, query="limit=100&source=import"),
        Read(4, query="limit=100&import_id=1"),
    ],
    "/api/v1/orders/{id}/": [
        Read(13, id="big"),
        Read(14, id="large"),
        Read(5, id="featured"),
    ],
    "/api/v1/orders/{id}/export/": [
        Read(2, id="big"),
        Read(40, id="large"),
        Read(32, id="big", query="parts=true"),
    ],
    "/api/v1/orders/export/": [
        Read(5, query="from=0001-01-01&to=9999-12-31"),
        Read(39, query="from=0001-01-01&to=9999-12-31&parts=true"),
    ],
    "/api/v1/orders/generate_license/": [Read(1, query="product=kp&quantity=1000&key_length=240")],
    "/api/v1/product-features/": [Read(8), Read(8, query="limit=100")],
    "/api/v1/product-features/{id}/": [Read(2, id="feature")],
    "/api/v1/products/": [Read(8), Read(8, query="limit=100")],
    "/api/v1/products/{id}/": [Read(1, id="product")],
    "/api/v1/products/{id}/bundle/": [Read(2, id="bundle")],
    "/api/v1/products/{id}/in_bundle/": [
        Read(9, id="member"),
        Read(9, id="member", query="limit=100"),
    ],
    "/api/v1/statistics/": [Read(7)],
    "/api/v1/search/": [
        Read(10, query="q=ana%40x"),
        Read(26, query="q=ana+ben+cleo+dora"),
        Read(5, query="q=ana+x&kind=customer"),
    ],
    "/healthz": [Read(0)],
    "/openapi.json": [Read(0)],
}
ORDERS = SMALL_ORDERS + LARGE_ORDERS + 2
READS = {each.path: each for each in OPERATIONS if each.method == "GET"}
CASES = [
    pytest.param(path, read, id=f"{path} {read.query} {read.id}")
    for path, cases in MOST.items()
    for read in cases
]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigCompany]:
    assets = tmp_path_factory.mktemp("assets")
    made = document(APIS.values())
    (assets / "openapi.json").write_bytes(orjson.dumps(made))
    with pytest.MonkeyPatch.context() as patch, empty_store(patch), open_big_company() as company:
        patch.setattr(documents, "ASSETS", assets)
        documents.forget_assets()
        yield company
    documents.forget_assets()


@contextmanager
def calls_counted() -> Iterator[list[str]]:
    """The calls of AWS that are made meanwhile, by name: those of the SDK, and our own requests."""
    calls: list[str] = []

    def call(model: Any, **_: Any) -> None:
        calls.append(model.name)

    def send(request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else target
        calls.append(name.partition(".")[2])

    heard = (
        (dynamo.client().meta.events, "before-send.dynamodb", send),
        (uploads.client().meta.events, "before-call", call),
    )
    signed_http.client.cache_clear()  # it copies the handlers
    for events, name, hear in heard:
        events.register(name, hear)
    try:
        yield calls
    finally:
        signed_http.client.cache_clear()
        for events, name, hear in heard:
            events.unregister(name, hear)


def filled(text: str, big: BigCompany) -> str:
    return re.sub(r"{(\w+)}", lambda name: str(getattr(big, name[1])), text)


def sent(operation: Operation, big: BigCompany, read: Read) -> tuple[Reply, int, list[str]]:
    """A response, its bytes as Lambda sends them, and the requests to AWS."""
    path = operation.path.replace("{kind}", "licenses")
    path = path.replace("{id}", str(getattr(big, read.id or "license")))
    event = http_event("GET", path, query=filled(read.query, big), key=big.shop.key)
    big.shop.get("/api-key/")
    with calls_counted() as calls:
        answer = operation.api.answer(event, None)  # type: ignore[arg-type]  # it is not looked at
    size = len(json.dumps(answer, ensure_ascii=False).encode())
    return Reply(answer["statusCode"], answer["headers"], answer["body"]), size, calls


def test_every_route_that_reads_is_in_the_table() -> None:
    assert MOST.keys() == READS.keys()


def test_the_table_is_on_the_page_about_performance() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(/\S*)` \| (\d+) \|", page, re.MULTILINE)

    documented = {path: int(calls) for path, calls in rows}
    most = {path: max((case.most for case in cases), default=0) for path, cases in MOST.items()}
    assert documented == {path: most[path] for path in documented}
    assert {path for path, calls in most.items() if calls > 1} <= documented.keys()


@pytest.mark.parametrize(("path", "read"), CASES)
def test_an_answer_fits_and_takes_so_many_calls(big: BigCompany, path: str, read: Read) -> None:
    reply, size, calls = sent(READS[path], big, read)

    assert reply.status in (200, 307, 413), reply.text[:1000]
    assert size <= MOST_BYTES
    assert len(calls) <= read.most, calls


def listed(big: BigCompany, path: str, query: str) -> Any:
    reply, _, _ = sent(READS[path], big, Read(0, query=query))
    assert reply.status == 200, reply.text[:1000]
    return reply.json()


def test_an_order_shows_its_first_licenses_and_says_how_many_it_has(big: BigCompany) -> None:
    order = sent(READS["/api/v1/orders/{id}/"], big, Read(0, id="big"))[0].json()

    licenses = [lic for item in order["order_items"] for lic in item["licenses"]]
    assert (len(licenses), order["licenses_count"]) == (1000, BIG)
    assert order["licenses_url"] == f"https://api.test/api/v1/licenses/?order={big.big}"


def test_licenses_that_can_not_fit_are_not_put_together_whole(
    big: BigCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(lic: License, related: records.Related) -> records.LicenseView:
        made.append(lic.id)
        return license_view(lic, related)

    license_view = records.license_view
    for module in (records, order_answers):
        monkeypatch.setattr(module, "license_view", counted)

    order = sent(READS["/api/v1/orders/{id}/"], big, Read(0, id="featured"))[0].json()

    assert sum(len(item["licenses"]) for item in order["order_items"]) == FEATURED_LICENSES
    assert len(made) < 30, "each has 300 KB"


def test_a_list_shows_few_licenses_of_an_order_and_says_how_many_it_has(big: BigCompany) -> None:
    pages = [listed(big, "/api/v1/orders/", "limit=100")]
    while cursor := pages[-1]["cursor"]:
        pages.append(listed(big, "/api/v1/orders/", f"limit=100&cursor={cursor}"))

    orders = [order for page in pages for order in page["results"]]
    shown = [sum(len(item["licenses"]) for item in order["order_items"]) for order in orders]
    counts = sorted(order["licenses_count"] for order in orders)
    small = [1] * SMALL_ORDERS + [FEATURED_LICENSES]
    assert counts == small + [LARGE] * LARGE_ORDERS + [BIG]
    assert sorted(shown) == [1] * SMALL_ORDERS + [10] * (LARGE_ORDERS + 2)
    assert {page["count"] for page in pages} == {ORDERS}


def test_a_customer_has_totals_without_an_order_being_read(big: BigCompany) -> None:
    reply, _, calls = sent(READS["/api/v1/customers/{id}/"], big, Read(0, id="customer"))

    customer = reply.json()
    licenses = BIG + LARGE * LARGE_ORDERS + SMALL_ORDERS + FEATURED_LICENSES
    assert (customer["total_orders"], customer["total_licenses"]) == (ORDERS, licenses)
    assert customer["totals_truncated"] is False
    assert calls == ["GetItem", "Query"]


def test_a_page_of_an_orders_licenses_reads_those_of_the_page_alone(big: BigCompany) -> None:
    first = listed(big, "/api/v1/licenses/", f"order={big.big}&limit=100")
    read = Read(0, query=f"order={big.big}&limit=100&cursor={first['cursor']}")
    reply, _, calls = sent(READS["/api/v1/licenses/"], big, read)

    second = reply.json()
    assert (first["count"], second["count"]) == (10_000, 10_000)
    ids = [lic["id"] for page in (first, second) for lic in page["results"]]
    assert len(set(ids)) == 200
    assert sorted(calls) == ["BatchGetItem", "BatchGetItem", "BatchGetItem", "Query"]


@pytest.mark.parametrize("path", ["/api/v1/imports/{id}/errors/"])
def test_all_faulty_rows_are_reached_page_by_page(big: BigCompany, path: str) -> None:
    rows, query = [], ""
    for _ in range(100):
        page = sent(READS[path], big, Read(0, id="batches", query=query))[0].json()
        rows += page["results"]
        if page["cursor"] is None:
            break
        query = f"cursor={page['cursor']}"

    assert len(rows) == page["count"] == 100
    assert not any(row["shortened"] for row in rows)


def test_a_list_of_imports_shortens_rows_that_do_not_fit(big: BigCompany) -> None:
    page = listed(big, "/api/v1/licenses-import-results/", "limit=100")

    (row,) = page["results"][1]["result"]["invalid_rows"]
    assert row["shortened"]
    assert len(row["data"]["license__note"]) == 201


def test_an_order_that_is_too_large_for_a_file_comes_in_parts(big: BigCompany) -> None:
    operation = READS["/api/v1/orders/{id}/export/"]
    refused, _, calls = sent(operation, big, Read(0, id="big"))
    assert (refused.status, refused.json()["code"]) == (413, "export_too_large")
    assert "parts=true" in refused.json()["message"]
    assert "BatchGetItem" not in calls[1:]

    keys, query = [], "parts=true"
    for _ in range(2):
        reply, size, _ = sent(operation, big, Read(0, id="big", query=query))
        assert (reply.status, size <= MOST_BYTES) == (200, True)
        keys += [line.partition(",")[0] for line in reply.text.splitlines()[1:]]
        query = reply.headers["Link"].partition("?")[2].partition(">")[0]

    first = int(keys[0].removeprefix("KEY-"))
    assert keys == [f"KEY-{first + n}" for n in range(len(keys))]
