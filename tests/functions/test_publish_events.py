"""Events of real writes: each committed change is published, and nothing else (E1 to E4).

The handlers write to moto, whose changes the filters of the template pass on to the publisher.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from bench import cost
from bench.units import item_bytes
from functions import events as events_api
from shared import events
from shared.store import licenses as license_store
from shared.store.dynamo import client, table
from shared.workflows import import_features, publish_events
from tests import streams
from tests.functions.import_files import Files
from tests.functions.publishing import Bus, deliver, failures, open_bus
from tests.functions.shop import Shop
from tests.streams import Record, Streams, passes, streaming

OPERATIONS = 14


@pytest.fixture
def bus(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """A bus, and the stream of the records that it hears of; nobody waits between requests."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    with open_bus(monkeypatch) as bus, streaming(monkeypatch) as bus.stream:
        yield bus


def sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


# What a publisher does with records.


def test_an_order_and_its_new_customer_are_published_and_logged(shop: Shop, bus: Bus) -> None:
    placed = shop.sell(*[{}] * 2, id="web-1", customer={"email": "ana@acme.example"})

    deliver(bus.stream.records)

    assert sorted(bus.types()) == ["customer.created", "order.created"]
    listed = shop.get("/events/").json()
    assert (listed["count"], listed["next"]) == (2, None)
    by_type = {each["type"]: each for each in listed["results"]}
    assert by_type["order.created"]["data"]["order_id"] == placed["id"]
    assert by_type["order.created"]["actor"]["prefix"] == shop.key.partition(".")[0]
    assert sorted(listed["results"], key=str) == sorted(
        ({**each, "time": each["time"]} for each in bus.events), key=str
    )


def test_a_large_order_is_published_by_its_commit_alone(shop: Shop, bus: Bus) -> None:
    shop.sell(*[{}] * 250, id="web-1")

    assert len([record for record in bus.stream.records if passes(record)]) == 1
    deliver(bus.stream.records)
    assert bus.types() == ["order.created"]
    assert bus.events[0]["data"]["licenses"] == 250


def test_only_a_few_records_of_an_import_invoke_the_function(files: Files, bus: Bus) -> None:
    rows = "".join(f"OLD-SHOP-{n:04},kp,o{n},b{n}@acme.example\n" for n in range(300))
    columns = "license__license_key,product__short_code,order__store_id,customer__email\n"

    assert files.imported(columns + rows).state == "succeeded"

    bus.stream.note()
    assert len(bus.stream.records) > 900
    assert len([record for record in bus.stream.records if passes(record)]) == 2
    deliver(bus.stream.records)
    assert bus.types() == ["import.started", "import.succeeded"]
    assert {each["actor"]["kind"] for each in bus.events} == {"s3"}
    assert bus.events[1]["data"]["counts"]["created_licenses_count"] == 300


def test_a_batch_is_published_in_requests_of_ten_in_its_order(shop: Shop, bus: Bus) -> None:
    for n in range(23):
        shop.sell({}, id=f"web-{n}")

    deliver(bus.stream.records)

    assert bus.requests == [10, 10, 3]
    wanted = [
        int(record["dynamodb"]["NewImage"]["id"]["N"])
        for record in bus.stream.records
        if passes(record)
    ]
    assert [each["data"]["order_id"] for each in bus.events] == wanted


def test_rejected_entries_alone_are_sent_again(shop: Shop, bus: Bus) -> None:
    for n in range(5):
        shop.sell({}, id=f"web-{n}")
    bus.rejecting = [{1, 3}, {0}]

    deliver(bus.stream.records)

    assert bus.requests == [5, 2, 1]
    assert len({each["id"] for each in bus.events}) == len(bus.events) == 5


def test_a_batch_that_is_rejected_halfway_goes_on_from_there(shop: Shop, bus: Bus) -> None:
    for n in range(15):
        shop.sell({}, id=f"web-{n}")
    records = [record for record in bus.stream.records if passes(record)]
    bus.rejecting = [set(), *({2} for _ in range(1)), *({0} for _ in range(7))]

    left = failures(records)

    assert [sequence(each) for each in left] == [sequence(each) for each in records[12:]]
    deliver(left)
    assert {each["data"]["order_id"] for each in bus.events} == {
        int(record["dynamodb"]["NewImage"]["id"]["N"]) for record in records
    }


def test_a_batch_whose_first_record_fails_is_an_error_so_that_lambda_splits_it(
    shop: Shop, bus: Bus
) -> None:
    shop.sell({}, id="web-1")
    bus.is_down = True

    with pytest.raises(Exception, match=r"Busy|busy|later|seconds"):
        deliver(bus.stream.records)

    bus.is_down = False
    deliver(bus.stream.records)
    assert bus.types() == ["order.created"]


def test_a_record_that_never_succeeds_holds_back_no_record_before_it(shop: Shop, bus: Bus) -> None:
    for n in range(3):
        shop.sell({}, id=f"web-{n}")
    records = [record for record in bus.stream.records if passes(record)]
    broken = {**records[1], "dynamodb": {**records[1]["dynamodb"]}}
    broken["dynamodb"]["NewImage"] = {
        name: value for name, value in records[1]["dynamodb"]["NewImage"].items() if name != "id"
    }

    left = failures([records[0], broken, records[2]])

    assert left == [broken, records[2]]
    assert len(bus.events) == 1
    with pytest.raises(Exception, match="KeyError"):
        failures(left)
    assert len(bus.events) == 1, "not the record after it again and again"


def test_the_name_of_a_key_is_in_its_events_and_an_unknown_key_has_none(
    shop: Shop, bus: Bus
) -> None:
    prefix = shop.key.partition(".")[0]
    client().update_item(
        TableName=table("ACCESS_TABLE"),
        Key={"pk": {"S": prefix}},
        UpdateExpression="SET #n = :n",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":n": {"S": "webshop"}},
    )
    shop.sell({}, id="web-1")
    (record,) = [record for record in bus.stream.records if passes(record)]
    gone = {**record, "dynamodb": {**record["dynamodb"]}}
    gone["dynamodb"]["NewImage"] = record["dynamodb"]["NewImage"] | {
        "changed_by_key": {"S": "Gone0000"}
    }

    deliver([record, gone])

    assert [each["actor"]["name"] for each in bus.events] == ["webshop", None]


# The list of events.


def test_events_are_listed_newest_first_by_pages_and_by_type(
    shop: Shop, other_shop: Shop, bus: Bus
) -> None:
    for n in range(5):
        shop.sell({}, id=f"web-{n}", customer={"email": f"b{n}@acme.example"})
    other_shop.sell({}, id="web-1")
    deliver(bus.stream.records)

    shown: list[Any] = []
    query = "limit=3"
    while query:
        page = shop.get("/events/", query).json()
        assert page["count"] == 10
        shown += page["results"]
        query = f"limit=3&cursor={page['cursor']}" if page["next"] else ""
    placed = shop.get("/events/", "type=order.created&limit=4").json()
    rest = shop.get("/events/", f"type=order.created&cursor={placed['cursor']}").json()

    assert len({each["id"] for each in shown}) == 10
    assert [each["time"] for each in shown] == sorted(
        (each["time"] for each in shown), reverse=True
    )
    assert {each["company"] for each in shown} == {"acme"}
    found = placed["results"] + rest["results"]
    assert Counter(each["type"] for each in found) == {"order.created": 5}


@pytest.mark.parametrize("query", ["type=order.changed", "cursor=x", "order_by=created_at"])
def test_a_query_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    reply = shop.get("/events/", query)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")


def test_an_event_that_is_delivered_twice_is_logged_once(shop: Shop, bus: Bus) -> None:
    shop.sell({}, id="web-1")

    deliver(bus.stream.records)
    deliver(bus.stream.records)

    assert len(bus.events) == 2
    assert len({each["id"] for each in bus.events}) == 1
    assert shop.get("/events/").json()["count"] == 1


def test_an_event_takes_a_write_unit_in_the_log_and_one_in_its_index(shop: Shop, bus: Bus) -> None:
    shop.sell({}, id="web-1")
    deliver(bus.stream.records)

    (item,) = client().scan(TableName=table("EVENTS_TABLE"))["Items"]
    assert item_bytes(dict(item)) < 1024 - 400, "names of keys can be longer"
    assert cost.EVENT["write units"] == 2


def test_events_are_kept_for_ninety_days(
    shop: Shop, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell({}, id="web-1")
    deliver(bus.stream.records)
    (item,) = client().scan(TableName=table("EVENTS_TABLE"))["Items"]

    assert (
        int(item["expires"]["N"])
        == streams.SECONDS + 90 * 86400 + int(bus.events[0]["time"][17:19]) - streams.SECONDS % 60
    )

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(streams.SECONDS + 91 * 86400, tz)

    monkeypatch.setattr(events_api, "datetime", Later)
    assert shop.get("/events/").json()["count"] == 0, "DynamoDB deletes it within days"


# The invariants, over random writes.


@dataclass
class History:
    """Random requests and imports, and the events that they must have."""

    shop: Shop
    files: Files
    stream: Streams
    choose: random.Random
    wanted: Counter[tuple[str, int]] = field(default_factory=Counter)
    secrets: set[str] = field(default_factory=set)
    orders: dict[str, Any] = field(default_factory=dict)
    licenses: dict[int, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        acts = [
            self.place,
            self.place,
            self.append,
            self.replay,
            self.refuse,
            self.switch,
            self.change_several,
            self.change_customer,
            self.add_customer,
            self.import_licenses,
            self.import_dry,
            self.import_features,
            self.import_customers,
            self.import_updates,
            self.delete_license,
            self.delete_order,
        ]
        self.place()
        self.append()
        for act in self.choose.sample(acts, k=len(acts)) + self.choose.choices(acts, k=OPERATIONS):
            act()
        self.change_several()
        self.import_features()
        self.stream.note()

    def place(self) -> None:
        """An order of one or of many licenses, of a new or a known customer, or of none."""
        id = f"web-{len(self.orders)}"
        known = self.choose.choice([None, f"b{self.choose.randrange(4)}@acme.example"])
        count = self.choose.choice([1, 3, 120])
        customer: dict[str, Any] = {"customer": {"email": known}} if known else {}
        placed = self.shop.sell(*[{}] * count, id=id, **customer)
        self.orders[id] = placed
        self.wanted["order.created", placed["id"]] += 1
        self._note_licenses(placed)
        if known and known not in self.customers:
            self.customers[known] = placed["customer"]["id"]
            self.wanted["customer.created", placed["customer"]["id"]] += 1
            self.secrets.add(known)

    def append(self) -> None:
        id = self.choose.choice([*self.orders])
        self._note_licenses(self.shop.sell(*[{}] * 2, id=id, append=True))
        self.wanted["order.appended", self.orders[id]["id"]] += 1

    def replay(self) -> None:
        items = [{"product_code": "kp", "licenses": [{}]}]
        first, again = (self.shop.order(id="again", items=items) for _ in range(2))
        if first.headers.get("idempotent-replayed") is None:
            self.wanted["order.created", first.json()["id"]] += 1
        assert again.headers["idempotent-replayed"] == "true"

    def refuse(self) -> None:
        items = [{"product_code": "missing", "licenses": [{}]}]
        assert self.shop.order(id="refused", items=items).status == 400

    def switch(self) -> None:
        """Enable or disable a license, which may be so already."""
        lic = self.choose.choice([*self.licenses.values()])
        enabled = self.choose.choice([True, False])
        verb = "enable" if enabled else "disable"
        assert self.shop.post(f"/licenses/{lic['id']}/{verb}/").status == 200
        if lic["enabled"] != enabled:
            lic |= {"enabled": enabled, "changed": True}
            self.wanted["license.updated", lic["id"]] += 1

    def change_several(self) -> None:
        some = self.choose.sample([*self.licenses], k=2)
        for id in some:
            self.licenses[id]["changed"] = True
        note = f"note {self.choose.random()}"
        patches = [{"id": id, "note": note} for id in some]
        assert self.shop.patch("/licenses/bulk_update/", patches).status == 200
        self.wanted.update(("license.updated", id) for id in some)

    def change_customer(self) -> None:
        if not self.customers:
            return
        id = self.choose.choice([*self.customers.values()])
        city = f"City {self.choose.random()}"
        for _ in range(2):  # the second one changes nothing
            assert self.shop.patch(f"/customers/{id}/", {"city": city}).status == 200
        self.wanted["customer.updated", id] += 1

    def add_customer(self) -> None:
        email = f"c{len(self.customers)}@acme.example"
        made = self.shop.make("/customers/", email=email, first_name="Ana")
        self.customers[email] = made["id"]
        self.secrets.add(email)
        self.wanted["customer.created", made["id"]] += 1

    def import_licenses(self) -> None:
        """New licenses of a new and of a known order, and an invalid row."""
        n = self.choose.randrange(10**6)
        known = self.choose.choice([*self.orders])
        text = (
            "license__license_key,product__short_code,order__store_id,customer__email\n"
            f"NEW-{n:06}-A,kp,{known},b1@acme.example\nNEW-{n:06}-B,kp,new-{n},d{n}@acme.example\n"
            f"NEW-{n:06}-C,missing,,\n"
        )
        self.secrets |= {f"NEW-{n:06}-A", f"NEW-{n:06}-B", f"d{n}@acme.example"}
        self._ended(self.files.imported(text, name=f"{n}.csv"), "completed_with_errors")
        # Later orders find the customer there.
        self.customers.setdefault("b1@acme.example", self._customer_id("b1@acme.example"))

    def import_dry(self) -> None:
        text = "license__license_key,product__short_code\nDRY-0001,kp\n"
        self.files.run(self.files.prepared(text, dry_run=True))
        assert self.files.last().state == "succeeded"

    def import_features(self) -> None:
        """A feature for a license that a request has changed before, if there is one without it."""
        plain = [each for each in self.licenses.values() if not each.get("featured")]
        changed = [each for each in plain if each.get("changed")]
        lic = self.choose.choice(changed or plain)
        lic["featured"] = True
        text = f"license_key,product,code\n{lic['license_key']},kp,f1\n"
        job = self.files.imported(text, "license-features", f"{self.choose.random()}.csv")
        self._ended(job, job.state)

    def import_updates(self) -> None:
        """An import that updates a license that a request may have changed before."""
        lic = self.choose.choice([*self.licenses.values()])
        columns = "license__license_key,product__short_code,license__note\n"
        text = f"{columns}{lic['license_key']},kp,note {self.choose.random()}\n"
        self.files.run(self.files.prepared(text, on_existing="update"))
        job = self.files.last()
        assert job.counts["updated_licenses_count"] == 1
        self._ended(job, "succeeded")

    def delete_license(self) -> None:
        """Delete a license, and try to delete it again."""
        id = self.choose.choice([*self.licenses])
        for status in (204, 404):
            assert self.shop.delete(f"/licenses/{id}/").status == status
        del self.licenses[id]
        self.wanted["license.deleted", id] += 1

    def delete_order(self) -> None:
        """Delete a new order, of which a customer is deleted too."""
        email = f"gone{self.choose.random()}@acme.example"
        placed = self.shop.sell({}, id="gone", customer={"email": email})
        (lic,) = placed["order_items"][0]["licenses"]
        path, customer = f"/orders/{placed['id']}/safe_delete/", placed["customer"]["id"]
        assert self.shop.delete(path).status == 409
        assert self.shop.delete(f"/licenses/{lic['id']}/").status == 204
        assert self.shop.delete(path).status == 204
        reply = self.shop.delete(f"/customers/{customer}/")
        assert reply.status == 204 or reply.json()["code"] == "import_running"
        self.wanted["order.created", placed["id"]] += 1
        self.wanted["customer.created", customer] += 1
        self.wanted["license.deleted", lic["id"]] += 1
        self.wanted["order.deleted", placed["id"]] += 1
        self.secrets.add(email)

    def import_customers(self) -> None:
        n = self.choose.randrange(10**6)
        text = f"email,first_name\ne{n}@acme.example,Eve\nb0@acme.example,Bo\n"
        self.secrets.add(f"e{n}@acme.example")
        self._ended(self.files.imported(text, "customers", f"{n}.csv"), "succeeded")
        self.customers.setdefault("b0@acme.example", self._customer_id("b0@acme.example"))

    def _ended(self, job: Any, state: str) -> None:
        assert job.state == state
        if job.started_at:
            self.wanted["import.started", job.number] += 1
        self.wanted[f"import.{state}", job.number] += 1

    def _customer_id(self, email: str) -> int:
        return int(self.shop.get("/customers/", f"email={email}").json()["results"][0]["id"])

    def _note_licenses(self, placed: Any) -> None:
        found = [lic for item in placed["order_items"] for lic in item["licenses"]]
        for lic in found[:5]:
            self.licenses[lic["id"]] = {**lic, "enabled": True}
        self.secrets |= {lic["license_key"] for lic in found}


def check(history: History, bus: Bus) -> None:
    """Deliver everything twice, in different batches, and compare with what was done."""
    history.run()
    bus.events.clear()
    deliver(history.stream.records, size=history.choose.choice([1, 7, 100]))
    published = Counter((each["type"], _subject(each)) for each in bus.events)
    first = list(bus.events)

    assert history.wanted - published == Counter(), "E1: each committed change"
    assert published - history.wanted == Counter(), "E2: and nothing else"
    bus.events.clear()
    deliver(history.stream.records, size=100)
    again = Counter(each["id"] for each in bus.events)
    assert again == Counter(each["id"] for each in first), "E3: the same ids"
    assert len({each["id"] for each in first}) == len(first), "E3: one id for each change"
    log = json.dumps([first, client().scan(TableName=table("EVENTS_TABLE"))["Items"]])
    secret = history.shop.key.partition(".")[2]
    assert not [each for each in (*history.secrets, secret, "@") if each in log], "E4: no secret"


def _subject(event: Any) -> int:
    """The id of what an event is about."""
    name = {"order": "order_id", "license": "license_id", "customer": "customer_id"}
    return int(event["data"][name.get(event["type"].partition(".")[0], "import_id")])


@pytest.fixture
def new_history(files: Files, bus: Bus) -> Callable[[int], History]:
    """Histories of the shop, by their seed."""
    return lambda seed: History(files.shop, files, bus.stream, random.Random(seed))


@pytest.mark.parametrize("seed", range(6))
def test_every_change_is_published_and_nothing_else(
    new_history: Callable[[int], History], bus: Bus, seed: int
) -> None:
    check(new_history(seed), bus)


def _without_stored_writer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(license_store, "writer_attribute", dict)


def _imports_keep_the_writer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(import_features, "WRITER", "nothing")


def _filters_forget_appends(patch: pytest.MonkeyPatch) -> None:
    known = {
        name: [each.replace(',{"prefix":"append#"}', "") for each in found]
        for name, found in streams.patterns().items()
    }
    patch.setattr(streams, "patterns", lambda _: known)


def _ids_are_drawn(patch: pytest.MonkeyPatch) -> None:
    _changed_event(patch, lambda event, _: event.model_copy(update={"id": str(random.random())}))


def _ids_are_those_of_records(patch: pytest.MonkeyPatch) -> None:
    _changed_event(
        patch, lambda event, _: event.model_copy(update={"id": f"{event.type} {event.company}"})
    )


def _customers_have_their_email(patch: pytest.MonkeyPatch) -> None:
    def with_email(event: Any, change: Any) -> Any:
        return event.model_copy(update={"data": event.data | {"by": change.after.get("email", "")}})

    _changed_event(patch, with_email)


def _dry_runs_count(patch: pytest.MonkeyPatch) -> None:
    whole = events.event_of

    def blind(change: Any, *, base_url: str) -> Any:
        after = {name: each for name, each in (change.after or {}).items() if name != "dry_run"}
        return whole(change._replace(after=after or None), base_url=base_url)

    patch.setattr(publish_events, "event_of", blind)


def _order_rows_are_published_at_each_change(patch: pytest.MonkeyPatch) -> None:
    known = {
        name: [each.replace('"eventName":["INSERT"],', "") for each in found]
        for name, found in streams.patterns().items()
    }
    patch.setattr(streams, "patterns", lambda _: known)
    whole = events.event_of
    patch.setattr(
        publish_events,
        "event_of",
        lambda change, *, base_url: whole(
            change._replace(before=None) if change.sk == "order" else change, base_url=base_url
        ),
    )


def _changed_event(patch: pytest.MonkeyPatch, change_of: Callable[[Any, Any], Any]) -> None:
    whole = events.event_of

    def changed(change: Any, *, base_url: str) -> Any:
        event = whole(change, base_url=base_url)
        return event and change_of(event, change)

    patch.setattr(publish_events, "event_of", changed)


@pytest.mark.parametrize(
    "plant",
    [
        _without_stored_writer,
        _imports_keep_the_writer,
        _filters_forget_appends,
        _ids_are_drawn,
        _ids_are_those_of_records,
        _customers_have_their_email,
        _dry_runs_count,
        _order_rows_are_published_at_each_change,
    ],
)
def test_a_planted_bug_is_found(
    new_history: Callable[[int], History],
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    plant(monkeypatch)

    with pytest.raises(AssertionError, match=r"E1|E2|E3|E4"):
        check(new_history(1), bus)
