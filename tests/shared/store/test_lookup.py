"""Records are found by their natural keys, even if ids collide."""

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from shared import values
from shared.store import dynamo
from shared.store.customers import customer_with_email
from shared.store.licenses import licenses_with_key
from shared.store.lookup import Lookup, find
from tests.functions.import_files import Files
from tests.functions.shop import Shop

HEAD = "license__license_key,product__short_code,order__store_id,customer__email\n"


def collide(monkeypatch: pytest.MonkeyPatch, **names: tuple[str, str]) -> None:
    """Give two natural keys of a kind the same hash, and so the same first id."""
    same = {
        f"acme\x1f{kind}\x1f{second}\x1f0".encode(): f"acme\x1f{kind}\x1f{first}\x1f0".encode()
        for kind, (first, second) in names.items()
    }

    def sha256(name: bytes) -> Any:
        return hashlib.sha256(same.get(name, name))

    replaced = SimpleNamespace(sha256=sha256, shake_256=hashlib.shake_256)
    monkeypatch.setattr(values, "hashlib", replaced)
    for kind, both in names.items():
        assert len({values.record_id("acme", kind, name) for name in both}) == 1


def items(key: str) -> list[dict[str, Any]]:
    """An order's items: one license with this key."""
    return [{"product_code": "kp", "licenses": [{"key": key}]}]


def lookup(natural: str, *rows: str) -> Lookup:
    """A lookup whose attempts have the ids 1, 2 and so on."""
    return Lookup("T", "name", natural, lambda n: n + 1, lambda id: [(str(id), r) for r in rows])


def reads(stored: dict[tuple[str, dynamo.Key], dict[str, Any]]) -> Any:
    """A read of these records, and how many keys each read had."""
    counts: list[int] = []

    def read(keys: Any) -> Any:
        counts.append(len(keys))
        return {key: stored[key] for key in keys if key in stored}

    return read, counts


def test_all_lookups_are_one_read_unless_ids_collide() -> None:
    stored: dict[tuple[str, dynamo.Key], dict[str, Any]] = {
        ("T", ("1", "a")): {"name": "first"},
        ("T", ("2", "a")): {"name": "second"},
        ("U", ("x",)): {"other": 1},
    }
    read, counts = reads(stored)
    first, second, third = (lookup(name, "a") for name in ("first", "second", "third"))

    records = find([first, second, third], [("U", ("x",))], read=read)

    assert [each.id for each in (first, second, third)] == [1, 2, 3]
    assert [each.found for each in (first, second, third)] == [
        {"name": "first"},
        {"name": "second"},
        None,
    ]
    assert counts == [4, 2, 1]
    assert records == stored


def test_one_row_of_another_record_is_a_collision() -> None:
    read, _ = reads({("T", ("1", "b")): {"name": "other"}, ("T", ("2", "b")): {"name": "own"}})
    own = lookup("own", "a", "b")

    find([own], read=read)

    assert (own.id, own.found) == (2, {"name": "own"})


def test_a_record_without_a_natural_key_is_whatever_its_id_has() -> None:
    read, counts = reads({("T", ("1", "a")): {"name": "any"}})
    nameless = lookup("", "a")

    find([nameless], read=read)

    assert (nameless.id, nameless.found, counts) == (1, {"name": "any"}, [1])


def test_nothing_is_read_for_no_lookup() -> None:
    read, counts = reads({})

    assert (find([], read=read), counts) == ({}, [])


def test_orders_whose_ids_collide_are_two_orders(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    collide(monkeypatch, order=(names := ("o-1", "o-2")))

    ids = {name: shop.order(id=name, items=items(name)).json()["id"] for name in names}

    assert len({*ids.values()}) == 2
    for name, id in ids.items():
        again = shop.order(id=name, items=items(name))
        assert (again.json()["id"], again.headers["idempotent-replayed"]) == (id, "true")
        (listed,) = shop.get("/orders/", f"store_id={name}").json()["results"]
        assert listed["id"] == id


def test_customers_whose_ids_collide_are_two_customers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    collide(monkeypatch, customer=(emails := ("ana@x.test", "ben@x.test")))

    ids = {email: shop.make("/customers/", email=email)["id"] for email in emails}

    assert len({*ids.values()}) == 2
    for email, id in ids.items():
        assert shop.post("/customers/", {"email": email}).status == 409
        (listed,) = shop.get("/customers/", f"email={email}").json()["results"]
        assert listed["id"] == id
        placed = shop.order(id=email, customer={"email": email}, items=items(email)).json()
        assert placed["customer"]["id"] == id
        found = customer_with_email("acme", email)
        assert found is not None
        assert found.id == id


def test_licenses_whose_ids_collide_are_found_by_their_keys(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    collide(monkeypatch, license=(keys := ("K-1", "K-2")))

    for key in keys:
        shop.order_one(license={"key": key})

    assert [[lic.license_key for lic in licenses_with_key("acme", key)] for key in keys] == [
        [keys[0]],
        [keys[1]],
    ]


def test_an_import_finds_customers_and_orders_whose_ids_collide(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails, orders = ("ana@x.test", "ben@x.test"), ("o-1", "o-2")
    collide(monkeypatch, customer=emails, order=orders)
    for email, order in zip(emails, orders, strict=True):
        files.shop.order(id=order, customer={"email": email}, items=items(order))

    for email, order in zip(emails[::-1], orders[::-1], strict=True):
        job = files.imported(f"{HEAD}{email} {order},kp,{order},{email}\n", name=f"{order}.csv")
        assert job.state == "succeeded"

    for email, order in zip(emails, orders, strict=True):
        (listed,) = files.shop.get("/orders/", f"store_id={order}").json()["results"]
        assert (listed["customer"]["email"], listed["licenses_count"]) == (email, 2)
