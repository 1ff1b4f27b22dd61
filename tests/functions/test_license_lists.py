"""Lists of licenses, customers and orders: newest first, each record once, however created.

Random histories of orders, additions, imports, runs that die and runs that are repeated, against a
model of a few lines: a list of what was issued, and when.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import job_status, sweep
from shared.store import bulk, dynamo, newest_first, open_batches
from shared.store.patience import Patience
from shared.workflows import import_chunk, order_writes, pending_orders
from tests.engine import Engine
from tests.functions.import_files import Files, open_files
from tests.functions.shop import Shop
from tests.grants.recorder import outside
from tests.http_event import send
from tests.wiretap import Killed, killed_before, tapped

PRODUCTS = ("kp", "cp", "bnd", "p1", "p2")
MEMBERS = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
HEADER = "license__license_key,product__short_code,order__store_id,customer__email"
BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass
class Issued:
    """A license as the model knows it."""

    key: str
    product: str
    order: str
    email: str | None
    at: datetime


@dataclass
class History:
    """What happens to a shop, and the model of it."""

    files: Files
    chance: random.Random
    engine: Engine
    clock: Any
    time: datetime = BEGAN
    issued: list[Issued] = field(default_factory=list)
    orders: dict[str, str | None] = field(default_factory=dict)
    """The e-mail of each order's customer."""
    customers: dict[str, datetime] = field(default_factory=dict)
    """When each was made, by e-mail."""

    @property
    def shop(self) -> Shop:
        return self.files.shop

    def pass_time(self, minutes: int = 1) -> None:
        self.time += timedelta(minutes=minutes)
        self.clock.move_to(self.time)

    def order(self, *, append: bool = False, created: str | None = None, count: int = 0) -> None:
        names = [name for name in self.orders if not name.startswith("import-")]
        named = self.chance.choice(names) if append and names else f"o-{len(self.orders)}"
        email = self.chance.choice((None, "ana@x.test", "ben@x.test"))
        codes = self.chance.choice((("kp",), ("cp",), ("kp", "cp"), ("bnd",)))
        items = [
            {"product_code": code, "licenses": [{}] * (count or self.chance.randint(1, 3))}
            for code in codes
        ]
        body: dict[str, Any] = {"id": named, "items": items, "append": named in self.orders}
        if codes == ("bnd",):
            body |= {"is_bundle": True, "items": [{"product_code": "bnd", "licenses": MEMBERS}]}
        if named not in self.orders:
            self.orders[named] = email
            body |= {"customer": {"email": email}} if email else {}
            if email:
                self.customers.setdefault(email, self.time)
            body |= {"created": created} if created else {}
        answer = self.shop.order(**body).ok()
        known = {each.key for each in self.issued if each.order == named}
        keys = Counter(key for key in answer["license_keys"] if key not in known)
        products = [
            code for code in codes for _ in range(len(items[codes.index(code)]["licenses"]))
        ]
        if codes == ("bnd",):
            products, keys = ["bnd", "p1", "p2"], Counter(dict.fromkeys(keys, 3))
        for key, product in zip(keys.elements(), products, strict=True):
            at = self.time
            self.issued.append(Issued(key, product, named, self.orders[named], at))

    def rows(self) -> list[tuple[str, str, str, str | None]]:
        """Rows of a file: some keys that are taken, some orders that are there."""
        start, shared = self.chance.randrange(60), self.chance.random() < 0.5
        rows = []
        for n in range(start, start + self.chance.randint(5, 30)):
            code = ("kp", "cp")[n % 2] if shared else "kp"
            taken = [name for name, email in self.orders.items() if email == "ana@x.test"]
            order = self.chance.choice(("", f"shop-{n // 7}", *taken[:1]))
            email = self.orders.get(order, f"c{n // 7}@x.test") if order else f"own{n}@x.test"
            rows.append((f"IMP-{n}", code, order, email))
        return rows

    def made(self, rows: list[tuple[str, str, str, str | None]], number: int) -> None:
        """Import rows as of the time of the request."""
        known = {each.key for each in self.issued}
        for row, (key, product, order, email) in enumerate(rows, 1):
            if key not in known:
                known.add(key)
                placed = order or f"import-{number}-{row}"
                self.orders.setdefault(placed, email)
                if email:
                    self.customers.setdefault(email, self.time)
                self.issued.append(Issued(key, product, placed, email, self.time))

    def import_file(self, *, dies: bool, cancelled: bool, again: bool) -> None:
        rows = self.rows()
        text = "\n".join((HEADER, *(",".join(map(str, (*r[:3], r[3] or ""))) for r in rows))) + "\n"
        event = self.files.drop(text, name=f"{self.chance.random()}.csv")
        if dies:
            requests = len(self.files.inserts.batches) + self.chance.randint(1, 6)
            self.files.inserts.faults[requests] = self.chance.choice(("killed_after", "lost"))
        with suppress(Killed):
            self.files.run(event)
        self.files.inserts.faults.clear()
        number = self.files.last().number
        stored = self.stored_keys(number)
        if cancelled and not self.files.last().is_ended:
            path = f"/api/v1/imports/{number}/cancel/"
            assert send(job_status.handler, "POST", path, key=self.shop.key).status == 200
            self.made([row if row[0] in stored else ("", *row[1:]) for row in rows], number)
            self.issued = [each for each in self.issued if each.key]
            self.sweep()
        else:
            self.made(rows, number)
            self.sweep()
            assert self.files.last().state == "succeeded"
        if again:
            self.files.run(event)

    def sweep(self) -> None:
        """Run the sweeper, and ImportCsv for each of its invocations."""
        began = self.time
        self.pass_time(20)
        self.engine.invoked.clear()
        sweep.handler({}, LambdaContext())
        for event in list(self.engine.invoked):
            self.files.run(event)
        self.time = max(self.time, began)

    def stored_keys(self, number: int) -> set[str]:
        with outside():
            found = dynamo.client().scan(TableName=dynamo.table("LICENSES_TABLE"))["Items"]
        made = f"import {number}#"
        return {
            item["license_key"]["S"]
            for item in found
            if item.get("made_by", {"S": ""})["S"].startswith(made)
        }

    def check(self) -> None:
        """All lists are what the model says."""
        self.check_customers()
        self.check_orders()
        for product in (None, *PRODUCTS):
            self.check_list({"product": product})
        for email in ("ana@x.test", "ben@x.test"):
            self.check_list({"customer_email": email})
            self.check_list({"customer_email": email, "product": "kp"})
        for order in self.chance.sample([*self.orders], min(5, len(self.orders))):
            self.check_list({"order_store_id": order}, newest_first=False)

    def check_customers(self) -> None:
        pages = list(walked(self.shop, "/customers/", "", self.chance.choice((3, 100))))
        found = [customer for page in pages for customer in page["results"]]
        made = {each["email"]: moment(each["created_at"]) for each in found}
        assert (len(found), made) == (len(made), self.customers)
        times = [moment(each["created_at"]) for each in found]
        assert times == sorted(times, reverse=True)
        assert {page["count"] for page in pages} == {len(found)}

    def check_orders(self) -> None:
        pages = list(walked(self.shop, "/orders/", "", self.chance.choice((3, 100))))
        found = [order for page in pages for order in page["results"]]
        counts = {order["store_id"]: order["licenses_count"] for order in found}
        assert (len(found), counts) == (len(counts), Counter(each.order for each in self.issued))
        times = [moment(each["created_at"]) for each in found]
        assert times == sorted(times, reverse=True)

    def check_list(self, wanted: dict[str, str | None], *, newest_first: bool = True) -> None:
        """One list: by cursors, by offset, its count and its order."""
        given = {name: value for name, value in wanted.items() if value}
        query = "&".join(f"{name}={value}" for name, value in given.items())
        expected = [
            each
            for each in self.issued
            if given.get("product", each.product) == each.product
            and given.get("customer_email", each.email) == each.email
            and given.get("order_store_id", each.order) == each.order
        ]
        pages = list(walked(self.shop, "/licenses/", query, self.chance.choice((3, 7, 100))))
        found = [lic for page in pages for lic in page["results"]]
        assert Counter(named(lic) for lic in found) == Counter(
            (each.key, each.product, each.at.isoformat()) for each in expected
        ), query
        assert {page["count"] for page in pages} == {len(expected)}
        assert len({lic["id"] for lic in found}) == len(found)
        times = [moment(lic["created_at"]) for lic in found]
        assert not newest_first or times == sorted(times, reverse=True), query
        offset = self.chance.randrange(len(found) + 2)
        page = self.shop.get("/licenses/", f"{query}&limit=5&offset={offset}").json()
        ids = [lic["id"] for lic in found[offset : offset + 5]]
        assert (page["count"], [lic["id"] for lic in page["results"]]) == (len(expected), ids)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def named(lic: Any) -> tuple[str, str, str]:
    at = moment(lic["created_at"]).isoformat()
    return lic["license_key"], lic["product"]["short_code"], at


def walked(shop: Shop, path: str, query: str, limit: int) -> Iterator[Any]:
    onward = f"{query}&limit={limit}"
    while onward:
        page = shop.get(path, onward).json()
        yield page
        onward = (page["next"] or "").partition("?")[2]


@pytest.fixture
def history(
    shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[History]:
    """A shop with small pages, batches and transactions, and a fixed time."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    monkeypatch.setattr(newest_first, "PAGE", 4)
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 10)
    monkeypatch.setattr(order_writes, "MOST_PRODUCTS", 1)
    for module in (order_writes, pending_orders):
        monkeypatch.setattr(module, "OPERATIONS", 12)
    chance = random.Random(getattr(request, "param", 0))
    with time_machine.travel(BEGAN, tick=False) as clock, open_files(shop) as files:
        yield History(files, chance, engine, clock)


@pytest.mark.parametrize("history", range(4), indirect=True, ids=lambda seed: f"seed {seed}")
def test_every_license_is_listed_once_newest_first(history: History) -> None:
    for _ in range(12):
        history.pass_time()
        match history.chance.randrange(8):
            case 0 | 1:
                history.order()
            case 2:
                history.order(append=True)
            case 3:
                history.order(created="2020-01-01T00:00:00Z")
            case 4:
                history.order(count=9)
            case _:
                dies, again = history.chance.random() < 0.6, history.chance.random() < 0.4
                history.import_file(dies=dies, cancelled=history.chance.random() < 0.5, again=again)
    history.check()
    assert not list(open_batches.open_batches(history.time + timedelta(days=1), most=9))


@pytest.mark.parametrize("path", ["/licenses/", "/licenses/?product=kp", "/orders/", "/customers/"])
def test_records_that_are_added_meanwhile_move_no_page(history: History, path: str) -> None:
    shop, (path, _, query) = history.shop, path.partition("?")
    for n in range(5):
        history.pass_time()
        shop.order_one(customer={"email": f"c{n}@x.test"})
    wanted = [each["id"] for each in shop.get(path, query).json()["results"]]

    page = shop.get(path, f"{query}&limit=2").json()
    ids = [each["id"] for each in page["results"]]
    while page["next"]:
        history.pass_time()
        shop.order_one(customer={"email": f"new{len(ids)}@x.test"})
        page = shop.get(path, page["next"].partition("?")[2]).json()
        ids += [each["id"] for each in page["results"]]

    assert ids == wanted
    assert page["count"] == 5


def test_an_import_is_found_whole_by_one_query(history: History) -> None:
    rows = "".join(f"K-{n},kp,,a{n}@x.test\n" for n in range(25))

    job = history.files.imported(f"{HEADER}\n{rows}")

    with outside():
        pages = list(
            dynamo.query(
                "ORDERS_TABLE",
                "pk = :job AND begins_with(sk, :page)",
                {"job": f"acme#job#{job.number}", "page": "page#"},
                consistent=True,
            )
        )
    ids = [id for page in pages for id in newest_first.unpacked(page["ids"])]
    assert [page["n"] for page in pages] == [4, 4, 2, 4, 4, 2, 4, 1]
    assert len(set(ids)) == 25


def test_a_late_write_of_a_run_that_saw_less_changes_no_page(history: History) -> None:
    history.files.imported(f"{HEADER}\nA,kp,,\nB,kp,,\n")
    before = history.shop.get("/licenses/").json()
    work = Patience(lambda: 900_000, lambda: None)
    page = newest_first.page_of("acme", 1, BEGAN, 1, [before["results"][0]["id"]])

    with outside():
        bulk.put_larger("ORDERS_TABLE", newest_first.page_item(page), "n", work)

    assert history.shop.get("/licenses/").json() == before


def test_an_order_of_many_products_is_in_no_list_until_it_is_there(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = history.shop
    items: Any = [{"product_code": code, "licenses": [{}] * 6} for code in ("kp", "cp")]
    with tapped() as tap, suppress(Killed):
        tap.on("TransactWriteItems", killed_before, nth=4)
        shop.order(id="o-1", items=items)
    with outside():
        sold = dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"]
    assert [item for item in sold if "sold" in item], "nothing was left to be hidden"
    for query in ("", "product=kp", "product=cp"):
        assert shop.get("/licenses/", query).json()["count"] == 0

    history.sweep()

    with outside():
        left = dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"]
    assert left == []
    assert shop.order(id="o-1", items=items).status == 200
    assert shop.get("/licenses/", "product=cp").json()["count"] == 6
