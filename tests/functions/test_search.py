"""Search over real writes: the handlers write to moto, and the streams lead to the index.

S1 to S4 are in docs/reliability.md.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench import cost
from bench.units import item_bytes
from functions import index_search
from shared import search as rules
from shared.search import matches, query_words, tokens_of
from shared.store import dynamo, search_index
from shared.store.patience import Patience
from shared.workflows import index_search as indexing
from shared.workflows import search as searching
from tests.aws_requests import heard_requests
from tests.functions.import_files import Context, Files
from tests.functions.shop import Shop
from tests.partiql import Inserts, inserting
from tests.streams import Record, Streams, passes, streaming

SEARCH = "SEARCH_TABLE"
WIDE = "\uff21\uff23\uff2d\uff25"
"""ACME in full width."""
OPERATIONS = 30
QUERIES = 60


@pytest.fixture
def inserts(tables: None) -> Iterator[Inserts]:
    with inserting() as inserts:
        yield inserts


@pytest.fixture
def stream(tables: None, monkeypatch: pytest.MonkeyPatch, inserts: Inserts) -> Iterator[Streams]:
    with streaming(monkeypatch) as found:
        yield found


def index(*records: Record) -> None:
    """Invoke the function as Lambda does, with what the filters pass on."""
    passed = [record for record in records if passes(record, "IndexSearch")]
    answer = index_search.handler({"Records": passed}, Context())
    assert answer == {"batchItemFailures": []}


def found(shop: Shop, query: str, **more: str) -> dict[str, list[Any]]:
    """What a search finds, by kind: keys, order ids, and e-mails or names."""
    text = "&".join(f"{name}={value}" for name, value in {"q": query, **more}.items())
    reply = shop.get("/search/", text.replace(" ", "%20").replace("#", "%23"))
    assert reply.status == 200, reply.text
    result = reply.json()
    named = {
        "licenses": [each["license_key"] for each in result["licenses"]],
        "orders": [each["store_id"] for each in result["orders"]],
        "customers": [each["email"] for each in result["customers"]],
    }
    assert sum(map(len, named.values())) <= 20
    return {kind: values for kind, values in named.items() if values}


def entries() -> dict[tuple[str, str], dict[str, Any]]:
    """The items of the index that have a token."""
    items = dynamo.client().scan(TableName=dynamo.table(SEARCH))["Items"]
    read = map(dynamo.from_item, items)
    return {(item["pk"], item["sk"]): item for item in read if "words" in item}


def place(shop: Shop, id: str, **customer: str) -> Any:
    items = [{"product_code": "kp", "licenses": [{}]}]
    return shop.order(id=id, items=items, **({"customer": customer} if customer else {})).ok()


def ana(shop: Shop) -> Any:
    return shop.make(
        "/customers/",
        email="ana@acme.example",
        first_name="Ana",
        last_name="Peña",
        company_name="Acme Müller-Lang GmbH",
    )


# What is found.


@pytest.mark.parametrize(
    "query", ["ana", "ANA@", "pena", "müller gm", "lang acme", WIDE, "ana@acme.example"]
)
def test_a_customer_is_found_by_beginnings_of_words(
    shop: Shop, stream: Streams, query: str
) -> None:
    ana(shop)
    index(*stream.records)

    assert found(shop, query) == {"customers": ["ana@acme.example"]}


def test_an_order_is_found_by_the_beginning_of_its_id(shop: Shop, stream: Streams) -> None:
    place(shop, "Web-4711")
    place(shop, "web-4712")
    index(*stream.records)

    assert found(shop, "WEB-47") == {"orders": ["Web-4711", "web-4712"]}
    assert found(shop, "web-4712") == {"orders": ["web-4712"]}


def test_a_key_an_order_id_and_an_email_are_found_at_once(shop: Shop, stream: Streams) -> None:
    placed = place(shop, "web-1", email="ana@acme.example")
    (key,) = placed["license_keys"]

    assert found(shop, key) == {"licenses": [key]}
    assert found(shop, "web-1") == {"orders": ["web-1"]}
    assert found(shop, " Ana@ACME.example ") == {"customers": ["ana@acme.example"]}
    assert found(shop, key.lower()) == {}, "keys have a case"
    assert entries() == {}


def test_each_result_links_to_its_record(shop: Shop, stream: Streams) -> None:
    placed = place(shop, "web-1", email="web-1@acme.example")
    index(*stream.records)

    result = shop.get("/search/", "q=web-1").json()
    links = [each["url"] for kind in ("orders", "customers") for each in result[kind]]
    assert links == [
        f"https://api.test/api/v1/orders/{placed['id']}/",
        f"https://api.test/api/v1/customers/{placed['customer']['id']}/",
    ]
    assert result["has_more"] is False


def test_a_search_can_be_for_one_kind(shop: Shop, stream: Streams) -> None:
    placed = place(shop, "ana-1", email="ana@acme.example")
    index(*stream.records)

    assert found(shop, "ana") == {"orders": ["ana-1"], "customers": ["ana@acme.example"]}
    assert found(shop, "ana", kind="customer") == {"customers": ["ana@acme.example"]}
    assert found(shop, "ana", kind="order") == {"orders": ["ana-1"]}
    assert found(shop, placed["license_keys"][0], kind="customer") == {}


def test_of_many_records_at_most_twenty_are_listed_half_of_each_kind(
    shop: Shop, stream: Streams
) -> None:
    for n in range(25):
        place(shop, f"web-{n:02}", email=f"web-{n:02}@acme.example")
    index(*stream.records)

    many, few = found(shop, "web"), found(shop, "web-0")

    assert (len(many["orders"]), len(many["customers"])) == (10, 10)
    assert many["orders"] == sorted(many["orders"])
    assert (len(few["orders"]), len(few["customers"])) == (10, 10)
    assert shop.get("/search/", "q=web").json()["has_more"] is True
    assert shop.get("/search/", "q=web-0").json()["has_more"] is False
    assert shop.get("/search/", "q=web-1&kind=order").json()["has_more"] is False


@pytest.mark.parametrize("query", ["", "q=", f"q={'x' * 257}", "q=a&kind=product", "q=a&limit=1"])
def test_a_query_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    reply = shop.get("/search/", query)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize("query", ["%23", "-", "%20.%20", "%F4%8F%BF%BF", "a%00b", "a%23b", "~"])
def test_any_text_can_be_searched_for(shop: Shop, query: str) -> None:
    body = shop.get("/search/", f"q={query}").ok()

    assert not any(body[kind] for kind in ("licenses", "orders", "customers"))


def test_the_records_of_an_import_are_found(files: Files, stream: Streams) -> None:
    rows = "".join(f"OLD-SHOP-{n:04},kp,o-{n},b{n}@acme.example,Zeta\n" for n in range(30))
    columns = (
        "license__license_key,product__short_code,order__store_id,customer__email,"
        "customer__company_name\n"
    )
    assert files.imported(columns + rows).state == "succeeded"
    stream.note()

    index(*stream.records)

    assert found(files.shop, "o-7") == {"orders": ["o-7"]}
    assert len(found(files.shop, "zeta")["customers"]) == 20


def test_common_words_take_a_bounded_number_of_requests(
    shop: Shop, inserts: Inserts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_PER_BUCKET_OF_SEVERAL", 3)
    kinds: list[rules.Kind] = ["customer", "order"]
    made = [
        entry
        for kind in kinds
        for n, word in enumerate(("anna", "bent", "cleo", "dora"))
        for id in range(n * 40, n * 40 + 40)
        for entry in rules.entries_of("acme", kind, id, (word,), search_index.OLDEST)
    ]
    search_index.write_entries(made, Patience(lambda: 900_000, lambda: None))
    shop.get("/api-key/")

    with heard_requests() as heard:
        result = shop.get("/search/", "q=anna%20bent%20cleo%20dora").json()

    assert result == {"licenses": [], "orders": [], "customers": [], "has_more": True}
    assert heard.counted["Query"] == 2 * 3 * 4
    assert heard.counted.total() <= 26


# What the function does with records.


def test_a_changed_name_is_found_and_the_earlier_one_is_not(shop: Shop, stream: Streams) -> None:
    made = ana(shop)
    shop.patch(f"/customers/{made['id']}/", {"last_name": "Ott", "city": "Ulm"})
    index(*stream.records)

    assert found(shop, "ott acme") == {"customers": ["ana@acme.example"]}
    assert found(shop, "pena") == {}
    assert not [sk for _, sk in entries() if sk.startswith("pena")]


def test_a_deleted_record_leaves_no_token_with_its_data(shop: Shop, stream: Streams) -> None:
    made = ana(shop)
    shop.delete(f"/customers/{made['id']}/")
    placed = place(shop, "web-1")
    (item,) = placed["order_items"]
    shop.delete(f"/licenses/{item['licenses'][0]['id']}/")
    assert shop.delete(f"/orders/{placed['id']}/safe_delete/").status == 204

    index(*stream.records)

    assert entries() == {}
    assert found(shop, "ana") == found(shop, "web") == {}
    expiring = dynamo.client().scan(TableName=dynamo.table(SEARCH))["Items"]
    assert expiring
    assert all("expires" in item for item in expiring), "DynamoDB deletes the rest"


def test_a_stale_entry_shows_nothing(shop: Shop, stream: Streams) -> None:
    made = ana(shop)
    index(*stream.records)
    shop.patch(f"/customers/{made['id']}/", {"last_name": "Ott"})

    assert found(shop, "pena") == {}
    shop.delete(f"/customers/{made['id']}/")
    assert found(shop, "ana") == {}


def test_a_new_record_is_one_statement_per_token_and_one_write_unit_each(
    shop: Shop, stream: Streams, inserts: Inserts
) -> None:
    details = {"first_name": "Ana", "last_name": "Peña", "company_name": "Acme GmbH"}
    place(shop, "web-1", email="ana@acme.example", **details)
    index(*stream.records)

    statements = [each for batch in inserts.batches for each in batch]
    assert len(statements) == len(entries()) == cost.SEARCHED["write units"]
    assert all(item_bytes(dynamo.to_item(item)) < 1024 - 600 for item in entries().values())


def test_a_license_with_a_fixed_end_takes_one_write_unit_more(
    shop: Shop, stream: Streams, inserts: Inserts
) -> None:
    ends = [{"license_type": "time-limited", "validity_period": "2030-01-01"}] * 3
    place(shop, "web-1")
    shop.order(id="web-1", append=True, items=[{"product_code": "kp", "licenses": ends}])
    index(*[each for each in stream.records if passes(each, "IndexSearch")])

    statements = [each for batch in inserts.batches for each in batch]
    assert len(statements) == 1 + 3 * cost.LISTED_UNITS, "one of the order"


def test_a_change_of_other_fields_writes_nothing(
    shop: Shop, stream: Streams, inserts: Inserts
) -> None:
    made = ana(shop)
    index(*stream.records)
    stream.records.clear()
    sent = len(inserts.batches)

    shop.patch(f"/customers/{made['id']}/", {"city": "Ulm"})
    items = [{"product_code": "kp", "licenses": [{}]}]
    place(shop, "web-1")
    shop.order(id="web-1", append=True, items=items)
    passed = [each for each in stream.records if passes(each, "IndexSearch")]
    index(*passed)

    assert len(passed) == 2, "of the order, only the new one"
    assert len(inserts.batches) == sent + 1


def test_a_throttled_index_is_written_in_the_end(
    shop: Shop, stream: Streams, inserts: Inserts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    for n in range(12):
        place(shop, f"web-{n}", email=f"b{n}@acme.example")
    inserts.faults = {1: "throttled", 2: "failed", 3: "lost"}

    index(*stream.records)

    assert len(entries()) == 24


def test_a_batch_that_the_index_does_not_accept_is_an_error_so_that_lambda_repeats_it(
    shop: Shop, stream: Streams, inserts: Inserts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    ana(shop)
    inserts.faults = dict.fromkeys(range(1, 40), "failed")

    with pytest.raises(Exception, match=r"Busy|busy|later|seconds"):
        index(*stream.records)

    inserts.faults = {}
    index(*stream.records)
    assert found(shop, "ana") == {"customers": ["ana@acme.example"]}


def test_a_record_that_never_succeeds_holds_back_no_record_before_it(
    shop: Shop, stream: Streams
) -> None:
    for n in range(3):
        place(shop, f"web-{n}")
    records = [record for record in stream.records if passes(record, "IndexSearch")]
    broken = {**records[1], "dynamodb": {**records[1]["dynamodb"]}}
    broken["dynamodb"]["Keys"] = {"pk": {"S": "acme#x"}, "sk": {"S": "order"}}

    answer = index_search.handler({"Records": [records[0], broken, records[2]]}, Context())

    failed = broken["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert found(shop, "web-") == {"orders": ["web-0"]}
    with pytest.raises(Exception, match="ValueError"):
        index_search.handler({"Records": [broken, records[2]]}, Context())


# The invariants, over random writes.

NAMES = ("Ana", "Anna", "Ben", "Peña", "Lang", "Müller-Lang", "O'Neil", "Öz", "王", "A", "ß")
COMPANIES = ("", "Acme", "Acme GmbH", "ACME Nord", "Straße 7", WIDE, "Lang & Ben")
QUERY_WORDS = (
    *("a", "an", "ana", "acm", "acme", "gmb", "mul", "lang", "strasse", "o", "oz", "王"),
    *("web", "web-1", "b1@", "b2@acme.example", "nord", "zz", "7", "ss", "#", "neil"),
)


@dataclass
class History:
    """Random requests of a company, and what it has."""

    shop: Shop
    choose: random.Random
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    made: int = 0

    def run(self) -> None:
        acts: list[Callable[[], None]] = [
            *(self.add, self.add, self.place, self.place),
            *(self.rename, self.rename, self.move, self.delete, self.delete_order),
        ]
        for act in self.choose.choices(acts, k=OPERATIONS):
            act()

    def details(self) -> dict[str, str]:
        return {
            "first_name": self.choose.choice(NAMES),
            "last_name": self.choose.choice(NAMES),
            "company_name": self.choose.choice(COMPANIES),
        }

    def add(self) -> None:
        self.made += 1
        email = f"b{self.made}@acme.example"
        made = self.shop.make("/customers/", email=email, **self.details())
        self.customers[made["id"]] = made

    def place(self) -> None:
        self.made += 1
        placed = place(self.shop, f"web-{self.made}")
        self.orders[placed["id"]] = placed

    def rename(self) -> None:
        self._patch(self.details())

    def move(self) -> None:
        self._patch({"city": str(self.choose.random())})

    def delete(self) -> None:
        if self.customers:
            id = self.choose.choice([*self.customers])
            assert self.shop.delete(f"/customers/{id}/").status == 204
            del self.customers[id]

    def delete_order(self) -> None:
        if self.orders:
            id = self.choose.choice([*self.orders])
            (item,) = self.orders.pop(id)["order_items"]
            assert self.shop.delete(f"/licenses/{item['licenses'][0]['id']}/").status == 204
            assert self.shop.delete(f"/orders/{id}/safe_delete/").status == 204

    def query(self) -> str:
        return " ".join(self.choose.choices(QUERY_WORDS, k=self.choose.choice([1, 1, 2, 3])))

    def _patch(self, fields: dict[str, str]) -> None:
        if self.customers:
            id = self.choose.choice([*self.customers])
            self.customers[id] = self.shop.patch(f"/customers/{id}/", fields).ok()


def scan(records: Mapping[int, dict[str, Any]], kind: Any, query: str) -> set[int]:
    """The ids of the records that match, by comparing each."""
    words = query_words(query)
    return {id for id, each in records.items() if words and matches(tokens_of(kind, each), words)}


def check_result(history: History, query: str) -> None:
    """S1: a search finds what a scan finds, and nothing else."""
    reply = history.shop.get("/search/", f"q={query}".replace(" ", "%20").replace("#", "%23"))
    assert reply.status == 200, reply.text
    result = reply.json()
    wanted = {
        "orders": scan(history.orders, "order", query),
        "customers": scan(history.customers, "customer", query),
    }
    read = {kind: [each["id"] for each in result[kind]] for kind in wanted}
    for kind, ids in wanted.items():
        assert set(read[kind]) <= ids, f"S1: {query!r} finds {kind} that do not match"
        assert len(read[kind]) == len(set(read[kind])), "S1"
    count = sum(map(len, wanted.values()))
    assert sum(map(len, read.values())) == min(20, count), f"S1: {query!r}"
    assert result["has_more"] is (count > 20), f"S1: {query!r}"


def check_subset(history: History, query: str) -> None:
    """S1 while changes are not indexed yet: nothing that does not match."""
    reply = history.shop.get("/search/", f"q={query}".replace(" ", "%20").replace("#", "%23"))
    assert reply.status == 200, f"S1: {reply.text}"
    for kind, records in (("order", history.orders), ("customer", history.customers)):
        read = {each["id"] for each in reply.json()[f"{kind}s"]}
        assert read <= scan(records, kind, query), f"S1: {query!r} finds {kind}s that do not match"


def check_entries(history: History) -> None:
    """S2 and S3: the tokens of each record, and no token without a record."""
    kinds: list[tuple[Any, Mapping[int, dict[str, Any]]]] = [
        ("customer", history.customers),
        ("order", history.orders),
    ]
    wanted = {
        (entry.pk, entry.sk): " ".join(entry.words)
        for kind, records in kinds
        for id, each in records.items()
        for entry in rules.entries_of(history.shop.company, kind, id, tokens_of(kind, each), "1")
    }
    stored = {key: item["words"] for key, item in entries().items()}
    mine = {key: words for key, words in stored.items() if key[0].startswith("acme#")}
    assert not mine.keys() - wanted.keys(), "S3: a token without a record"
    assert mine == wanted, "S2"


def disordered(choose: random.Random, records: list[Record]) -> list[Record]:
    """Each record at least once, some again, in any order."""
    passed = [record for record in records if passes(record, "IndexSearch")]
    delivered = [*passed, *choose.sample(passed, k=len(passed) // 3)]
    choose.shuffle(delivered)
    return delivered


@pytest.mark.parametrize("seed", range(8))
def test_a_search_finds_what_a_scan_finds(
    shop: Shop, other_shop: Shop, stream: Streams, seed: int
) -> None:
    history = History(shop, random.Random(seed))
    ana(other_shop)
    history.run()

    delivered = disordered(history.choose, stream.records)
    for start in range(0, len(delivered), 7):
        index(*delivered[start : start + 7])

    check_entries(history)
    for _ in range(QUERIES):
        check_result(history, history.query())


@pytest.mark.parametrize("seed", range(4))
def test_before_its_change_is_indexed_nothing_wrong_is_shown(
    shop: Shop, stream: Streams, seed: int
) -> None:
    history = History(shop, random.Random(seed))
    for _ in range(3):
        history.run()
        known = [record for record in stream.records if history.choose.random() < 0.6]
        index(*known)
        for _ in range(10):
            check_subset(history, history.query())


def _without_company(company: str, kind: Any, token: str, id: int) -> tuple[str, str]:
    return f"all#{kind}#{token[:2]}#{id % rules.BUCKETS}", f"{token}#{id}"


def _without_removals(*change: Any) -> Any:
    return [entry for entry in entry_changes(*change) if entry.words]


entry_changes = rules.entry_changes

BUGS: dict[str, tuple[Any, str, Any]] = {
    "a stale token is shown": (searching, "matches", lambda *_: True),
    "the token of a deleted record stays": (indexing, "entry_changes", _without_removals),
    "an older change that arrives later wins": (
        search_index,
        "_NEWER",
        "attribute_not_exists(pk) OR version <> :version",
    ),
    "all companies share the buckets": (rules, "entry_key", _without_company),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(
    shop: Shop, other_shop: Shop, stream: Streams, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    where, name, instead = BUGS[bug]
    monkeypatch.setattr(where, name, instead)

    with pytest.raises(AssertionError, match=r"S[123]"):
        run_histories(shop, stream)


def run_histories(shop: Shop, stream: Streams) -> None:
    for seed in range(8):
        history = History(shop, random.Random(seed), made=100 * seed)
        stream.records.clear()
        history.run()
        delivered = disordered(history.choose, stream.records)
        index(*delivered[: len(delivered) // 2])
        for _ in range(QUERIES):
            check_subset(history, history.query())
        index(*delivered)
        check_entries(history)
        for id in [*history.customers]:
            assert shop.delete(f"/customers/{id}/").status == 204


def test_another_company_finds_nothing(shop: Shop, other_shop: Shop, stream: Streams) -> None:
    """S4: neither by the index nor by an exact value."""
    ana(shop)
    placed = place(shop, "web-1")
    index(*stream.records)

    for query in ("ana", "ana@acme.example", "web-1", placed["license_keys"][0]):
        assert found(other_shop, query) == {}
        assert found(shop, query)


# Rebuilding the index.


def rebuilt() -> tuple[int, int]:
    parts = [*indexing.rebuild(Patience(lambda: 900_000, lambda: None))]
    return sum(part.written for part in parts), sum(part.removed for part in parts)


@pytest.mark.parametrize("seed", range(3))
def test_a_rebuild_makes_the_index_from_the_records(shop: Shop, stream: Streams, seed: int) -> None:
    history = History(shop, random.Random(seed))
    history.run()
    lost = [record for record in stream.records if history.choose.random() < 0.5]
    index(*lost)

    rebuilt()

    check_entries(history)
    assert rebuilt() == (0, 0)
    index(*disordered(history.choose, stream.records))
    check_entries(history)


def test_a_rebuild_overwrites_no_newer_change(
    shop: Shop, stream: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(shop, random.Random(1))
    made = ana(shop)
    read = dynamo.get_many

    def read_and_rename(*keys: Any, **how: Any) -> Any:
        result = read(*keys, **how)
        if how.get("select") and not history.customers:
            history.customers[made["id"]] = {}
            renamed = shop.patch(f"/customers/{made['id']}/", {"last_name": "Ott"}).json()
            history.customers[made["id"]] = renamed
            index(*stream.records)
        return result

    monkeypatch.setattr(dynamo, "get_many", read_and_rename)
    rebuilt()

    check_entries(history)
