"""Deleted licenses are in no order, list or count, and their keys are free."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from shared import issuing
from shared.import_job import ImportJob, transition
from shared.store import dynamo, import_jobs, object_claims, workers
from shared.workflows import assign_users, delete_orders, imports_at_rest
from shared.workflows.imports_at_rest import INDEXED_WITHIN
from tests.functions.import_files import Files, counts
from tests.functions.shop import Shop, fault_codes
from tests.wiretap import Killed, answer_lost, killed_before, meanwhile, tapped

HEAD = "license__license_key,product__short_code,order__store_id,customer__email\n"
ANA = {"email": "ana@x.test"}
MEMBERS = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        yield clock


def placed(shop: Shop, *named: str, product: str = "kp", **order: Any) -> Any:
    items = [{"product_code": product, "licenses": [{"key": key} for key in named]}]
    return shop.order(**{"id": "o-1", "customer": ANA, "items": items, **order}).ok()


def bring(files: Files, *rows: tuple[str, str, str, str], name: str = "a.csv") -> Any:
    """Import licenses: key, product, order and customer of each."""
    job = files.imported(HEAD + "".join(",".join(row) + "\n" for row in rows), name=name)
    assert job.state == "succeeded", job
    return job


def everywhere(shop: Shop, *, order: str = "o-1", product: str = "kp") -> list[list[str]]:
    """The keys in all lists that can have a license of an order, and in its export."""
    exported = shop.get("/orders/export/", "range=last30").text.splitlines()[1:]
    return [
        shop.keys(),
        shop.keys(f"product={product}"),
        shop.keys(f"order_store_id={order}"),
        shop.keys("customer_email=ana@x.test"),
        sorted(line.split(",")[0] for line in exported),
    ]


def test_a_deleted_license_is_gone_and_a_second_delete_finds_none(shop: Shop) -> None:
    lic = placed(shop, "K-1")["order_licenses"][0]["id"]

    reply = shop.delete(f"/licenses/{lic}/")

    assert (reply.status, reply.text) == (204, "")
    assert "content-type" not in reply.headers
    for again in (shop.delete(f"/licenses/{lic}/"), shop.get(f"/licenses/{lic}/")):
        assert (again.status, again.json()["code"]) == (404, "license_not_found")
    assert shop.patch(f"/licenses/{lic}/", {"note": "late"}).status == 404
    assert shop.listed("/licenses/", f"id__in={lic}") == []
    assert shop.listed("/licenses/", "license_key=K-1") == []


def test_a_deleted_license_is_in_no_list_count_or_export(shop: Shop) -> None:
    order = placed(shop, "K-1", "K-2", "K-3")
    (lic,) = (each["id"] for each in order["order_licenses"] if each["license_key"] == "K-2")

    assert shop.delete(f"/licenses/{lic}/").status == 204

    assert everywhere(shop) == [["K-1", "K-3"]] * 5
    shown = shop.get(f"/orders/{order['id']}/").json()
    assert shown["licenses_count"] == 2
    (item,) = shown["order_items"]
    assert [each["license_key"] for each in item["licenses"]] == ["K-1", "K-3"]
    (in_list,) = shop.listed("/orders/")
    assert (in_list["licenses_count"], in_list["updated_at"]) == (2, shown["updated_at"])
    assert shown["updated_at"] > order["updated_at"]
    customer = shop.get(f"/customers/{order['customer']['id']}/").json()
    assert (customer["total_orders"], customer["total_licenses"]) == (1, 2)


def test_a_retried_order_shows_what_is_left_of_it_and_issues_nothing(shop: Shop) -> None:
    order = placed(shop, "K-1", "K-2")
    shop.delete(f"/licenses/{order['order_licenses'][0]['id']}/")

    again = placed(shop, "K-1", "K-2")

    assert again["license_keys"] == ["K-2"]
    assert shop.keys() == ["K-2"]


@pytest.mark.parametrize("times", [1, 2, 20])
def test_the_key_of_a_deleted_license_is_free_for_another_order(shop: Shop, times: int) -> None:
    used = set()
    for n in range(times):
        order = placed(shop, "K-1", id=f"o-{n}")
        used.add(id := order["order_licenses"][0]["id"])
        assert shop.delete(f"/licenses/{id}/").status == 204

    last = placed(shop, "K-1", id="o-last")

    assert last["order_licenses"][0]["id"] not in used
    assert len(used) == times, "an id is never used again"
    assert shop.keys("license_key=K-1") == ["K-1"]
    items = [{"product_code": "kp", "licenses": [{"key": "K-1"}]}]
    taken = shop.order(id="o-late", items=items).json()
    assert fault_codes(taken) == {"/items/0/licenses/0/key": "license_key_exists"}


def test_licenses_of_several_products_an_append_and_a_dated_order(shop: Shop) -> None:
    items = [
        {"product_code": "kp", "licenses": [{"key": "K-1"}, {"key": "K-2"}]},
        {"product_code": "cp", "licenses": [{"key": "C-1"}]},
    ]
    placed(shop, items=items, created="2020-01-31T12:00:00Z")
    placed(shop, "A-1", append=True)

    shop.delete_licenses("K-1", "A-1")

    left = ["C-1", "K-2"]
    assert shop.keys() == shop.keys("order_store_id=o-1") == left
    assert shop.keys("customer_email=ana@x.test") == left
    assert (shop.keys("product=kp"), shop.keys("product=cp")) == (["K-2"], ["C-1"])
    (order,) = shop.listed("/orders/")
    assert order["licenses_count"] == 2
    shop.delete_licenses("C-1", "K-2")
    assert everywhere(shop) == [[]] * 5
    (order,) = shop.listed("/orders/")
    assert (order["licenses_count"], order["order_items"]) == (0, [])


def test_a_license_of_an_order_too_large_for_one_transaction(shop: Shop) -> None:
    order = placed(shop, *(f"K-{n:03}" for n in range(150)))

    assert shop.delete(f"/licenses/{order['order_licenses'][7]['id']}/").status == 204

    assert shop.get("/licenses/", "limit=1").json()["count"] == 149
    assert shop.get(f"/orders/{order['id']}/").json()["licenses_count"] == 149
    assert placed(shop, "K-007", id="o-2")["license_keys"] == ["K-007"]


def test_deleting_a_license_unassigns_its_users_and_keeps_them(shop: Shop) -> None:
    lic = shop.order_one("up", {"users": [{"email": "user@x.test"}]}, id="o-1")

    assert shop.delete(f"/licenses/{lic['id']}/").status == 204

    assert shop.listed("/license-users/", f"license={lic['id']}") == []
    assert len(shop.listed("/license-users/", "email=user@x.test")) == 1
    assert shop.post(f"/licenses/{lic['id']}/assign_user/", {"email": "b@x.test"}).status == 404


def test_the_license_of_a_bundle_goes_after_those_of_its_members(shop: Shop) -> None:
    items = [{"product_code": "bnd", "key": "B-1", "licenses": MEMBERS}]
    order = placed(shop, items=items, is_bundle=True)
    bundle, *members = (each["id"] for each in order["order_licenses"])

    refused = shop.delete(f"/licenses/{bundle}/")

    assert (refused.status, refused.json()["code"]) == (409, "bundle_has_members")
    assert all(str(id) in refused.json()["message"] for id in members)
    for id in (*members, bundle):
        assert shop.delete(f"/licenses/{id}/").status == 204
    again = placed(shop, items=items, is_bundle=True, id="o-2")
    assert not {each["id"] for each in again["order_licenses"]} & {bundle, *members}
    assert len(shop.listed("/licenses/", "license_key=B-1")) == 3


def test_an_imported_license_leaves_its_pages_and_its_order(files: Files) -> None:
    shop = files.shop
    bring(
        files,
        *((f"K-{n}", "kp", "o-1", "ana@x.test") for n in range(4)),
        ("C-1", "cp", "o-1", "ana@x.test"),
        ("C-2", "cp", "o-1", "ben@x.test"),
    )

    shop.delete_licenses("K-1", "C-2")

    left = ["C-1", "K-0", "K-2", "K-3"]
    assert shop.keys() == shop.keys("order_store_id=o-1") == left
    assert (shop.keys("product=kp"), shop.keys("product=cp")) == (left[1:], left[:1])
    assert shop.keys("customer_email=ben@x.test") == []
    (order,) = shop.listed("/orders/")
    assert order["licenses_count"] == 4


def test_a_license_is_not_deleted_while_its_import_can_still_write_it(files: Files) -> None:
    job = bring(files, ("K-1", "kp", "o-1", "ana@x.test"))
    path = f"/licenses/{files.shop.ids_by_key()['K-1']}/"
    workers.register(job.company, job.number, "late", datetime.now(UTC))

    refused = files.shop.delete(path)

    assert (refused.status, refused.json()["code"]) == (409, "import_running")
    workers.release(job.company, job.number, "late")
    assert files.shop.delete(path).status == 204


def test_a_license_that_its_import_could_not_list_is_deleted_too(files: Files) -> None:
    """The file expired before the batch of a dead worker was completed."""
    bring(files, ("K-1", "kp", "o-1", "ana@x.test"), ("K-2", "kp", "o-1", "ana@x.test"))
    ids = files.shop.ids_by_key()
    for item in scan("ORDERS_TABLE"):
        key = {name: item[name] for name in ("pk", "sk")}
        dynamo.client().delete_item(TableName=dynamo.table("ORDERS_TABLE"), Key=key)

    assert files.shop.delete(f"/licenses/{ids['K-1']}/").status == 204
    assert files.shop.get(f"/licenses/{ids['K-1']}/").status == 404


def test_the_key_of_an_imported_license_is_free_for_files_and_orders(files: Files) -> None:
    shop = files.shop
    rows = [(f"K-{n}", "kp", "o-1", "ana@x.test") for n in range(3)]
    bring(files, *rows)
    shop.delete_licenses("K-0", "K-1")

    again = bring(files, *rows[:1], rows[2], name="b.csv")
    placed(shop, "K-1", id="o-2")

    assert (again.counts["created_licenses_count"], again.counts["existed_licenses_count"]) == (
        1,
        1,
    )
    assert shop.keys() == ["K-0", "K-1", "K-2"]
    assert shop.keys("order_store_id=o-1") == ["K-0", "K-2"]
    features = f"license_key,code\n{'K-0'},f1\n"
    assert files.imported(features, kind="license-features", name="f.csv").state == "succeeded"


def test_a_delete_whose_answer_was_lost_succeeds(shop: Shop) -> None:
    lic = placed(shop, "K-1", "K-2")["order_licenses"][0]["id"]
    with tapped("TransactWriteItems", answer_lost):
        reply = shop.delete(f"/licenses/{lic}/")

    assert reply.status == 204
    assert shop.keys() == ["K-2"]


def test_a_tombstone_has_neither_key_nor_customer_nor_user(shop: Shop) -> None:
    order = placed(shop, "K-1")
    shop.delete(f"/licenses/{order['order_licenses'][0]['id']}/")

    (item,) = scan("LICENSES_TABLE")

    assert item.keys() == {"pk", "deleted_at", "deleted_by", "changed_by_key"}


def scan(name: str) -> list[Any]:
    return list(dynamo.client().scan(TableName=dynamo.table(name))["Items"])


def delete_all(shop: Shop, query: str = "") -> None:
    for lic in shop.listed("/licenses/", query):
        assert shop.delete(f"/licenses/{lic['id']}/").status == 204


def test_an_order_is_deleted_only_without_licenses_and_its_id_is_free(shop: Shop) -> None:
    order = placed(shop, "K-1", "K-2")
    path = f"/orders/{order['id']}/safe_delete/"

    refused = shop.delete(path)

    assert (refused.status, refused.json()["code"]) == (409, "order_has_licenses")
    assert f"Order {order['id']} has 2 licenses" in refused.json()["message"]
    delete_all(shop)
    assert shop.delete(path).status == 204
    for reply in (shop.delete(path), shop.get(f"/orders/{order['id']}/")):
        assert (reply.status, reply.json()["code"]) == (404, "not_found")
    assert shop.listed("/orders/") == shop.listed("/orders/", "client_order_id=o-1") == []
    assert shop.get(f"/customers/{order['customer']['id']}/").json()["total_orders"] == 0
    again = placed(shop, "K-3")
    assert again["id"] != order["id"]
    assert again["customer"]["id"] == order["customer"]["id"]


@pytest.mark.parametrize("rows", [80, 1])
def test_an_order_with_appends_several_products_and_a_date_leaves_no_row(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(delete_orders, "_MOST_ROWS", rows)
    items: list[Any] = [{"product_code": code, "licenses": [{}]} for code in ("kp", "cp")]
    order = placed(shop, items=items, created="2020-01-31T12:00:00Z")
    placed(shop, "A-1", append=True)
    delete_all(shop)

    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    assert all("deleted_at" in row for row in scan("ORDERS_TABLE"))
    assert not any("listed" in row or "sold" in row for row in scan("ORDERS_TABLE"))


def test_an_order_is_not_deleted_while_a_large_addition_to_it_is_pending(shop: Shop) -> None:
    order = placed(shop, "K-1")
    delete_all(shop)
    with tapped("TransactWriteItems", killed_before, nth=2), pytest.raises(Killed):
        placed(shop, *(f"A-{n}" for n in range(150)), append=True)

    refused = shop.delete(f"/orders/{order['id']}/safe_delete/")

    assert (refused.status, refused.json()["code"]) == (409, "order_in_progress")


def test_users_of_a_large_order_stay_after_it_was_deleted(shop: Shop) -> None:
    users = [{"users": [{"email": f"u{n}@x.test"}]} for n in range(60)]
    items: list[Any] = [{"product_code": "up", "licenses": users}]
    order = placed(shop, items=items)
    for lic in shop.get("/licenses/", "limit=100").json()["results"]:
        shop.delete(f"/licenses/{lic['id']}/")

    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    assert len(shop.listed("/license-users/", "email=u7@x.test")) == 1
    assert placed(shop, items=items)["new_passwords"] == []


def test_an_imported_order_leaves_its_page_and_its_file_can_be_imported_again(
    files: Files,
) -> None:
    shop = files.shop
    rows = [("K-1", "kp", "o-1", "ana@x.test"), ("K-2", "kp", "o-2", "ana@x.test")]
    bring(files, *rows)
    (order,) = shop.listed("/orders/", "client_order_id=o-1")
    delete_all(shop, "order_store_id=o-1")

    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    assert [each["store_id"] for each in shop.listed("/orders/")] == ["o-2"]
    again = bring(files, *rows, name="b.csv")
    assert counts(again, "created_licenses", "created_orders") == [1, 1]
    assert sorted(each["store_id"] for each in shop.listed("/orders/")) == ["o-1", "o-2"]


def customer_of(shop: Shop, email: str = "ana@x.test") -> Any:
    (customer,) = shop.listed("/customers/", f"email={email}")
    return customer


def test_a_customer_is_deleted_only_without_orders_and_its_e_mail_is_free(shop: Shop) -> None:
    first = placed(shop, "K-1", customer={**ANA, "reference": "crm-1"})
    second = placed(shop, "K-2", id="o-2")
    path = f"/customers/{first['customer']['id']}/"
    delete_all(shop)
    for order in (first, second):
        refused = shop.delete(path)
        assert (refused.status, refused.json()["code"]) == (409, "customer_has_orders")
        assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    assert shop.delete(path).status == 204

    for reply in (shop.delete(path), shop.get(path), shop.patch(path, {"city": "Ulm"})):
        assert (reply.status, reply.json()["code"]) == (404, "not_found")
    assert shop.listed("/customers/") == shop.listed("/customers/", "reference=crm-1") == []
    assert shop.listed("/customers/", "email=ana@x.test") == []
    assert not [row for row in scan("CUSTOMERS_TABLE") if "#ref#" in row["pk"]["S"]]
    assert not any("email" in row for row in scan("CUSTOMERS_TABLE"))
    again = shop.make("/customers/", email="ana@x.test")
    assert again["id"] != first["customer"]["id"]
    assert placed(shop, "K-1")["customer"]["id"] == again["id"]


def test_an_order_can_not_reuse_a_customer_that_is_deleted_meanwhile(shop: Shop) -> None:
    customer = shop.make("/customers/", email="ana@x.test")
    with tapped(
        "TransactWriteItems", meanwhile(lambda: shop.delete(f"/customers/{customer['id']}/"))
    ):
        order = placed(shop, "K-1")

    assert order["customer"]["id"] != customer["id"]
    assert shop.listed("/orders/", f"customer_id={customer['id']}") == []
    assert shop.get(f"/customers/{order['customer']['id']}/").status == 200


def test_a_customer_can_not_be_deleted_under_an_order(shop: Shop) -> None:
    customer = shop.make("/customers/", email="ana@x.test")
    with tapped("TransactWriteItems", meanwhile(lambda: placed(shop, "K-1"))):
        reply = shop.delete(f"/customers/{customer['id']}/")

    assert (reply.status, reply.json()["code"]) == (409, "customer_has_orders")


def test_an_imported_customer_leaves_its_page(files: Files, clock: Any) -> None:
    shop = files.shop
    bring(files, *((f"K-{n}", "kp", f"o-{n}", f"c{n}@x.test") for n in range(3)))
    delete_all(shop)
    path = f"/customers/{customer_of(shop, 'c1@x.test')['id']}/"
    clock.shift(6)
    assert shop.delete(path).json()["code"] == "customer_has_orders"
    (order,) = shop.listed("/orders/", "client_order_id=o-1")
    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204

    assert shop.delete(path).status == 204

    left = sorted(each["email"] for each in shop.listed("/customers/"))
    assert left == ["c0@x.test", "c2@x.test"]


def test_nothing_is_deleted_that_a_running_import_may_need(files: Files, clock: Any) -> None:
    shop = files.shop
    customer = shop.make("/customers/", email="ben@x.test")
    order = placed(shop, "K-1")
    delete_all(shop)
    paths = (f"/orders/{order['id']}/safe_delete/", f"/customers/{customer['id']}/")
    job = object_claims.claim_object(
        *object_claims.Version("uploads", "acme/licenses/b.csv", "v1", 5), now=datetime.now(UTC)
    )
    assert job is not None

    refused = [shop.delete(path) for path in paths]

    assert [(each.status, each.json()["code"]) for each in refused] == [(409, "import_running")] * 2
    assert f"Import {job.number}" in refused[0].json()["message"]
    cancelled = transition(job, "cancelled", now=datetime.now(UTC))
    assert import_jobs.put_job(cancelled, job)
    clock.shift(6)
    assert [shop.delete(path).status for path in paths] == [204, 204]


def test_an_import_that_starts_meanwhile_is_waited_for(shop: Shop) -> None:
    customer = shop.make("/customers/", email="ben@x.test")

    def start() -> None:
        version = object_claims.Version("uploads", "acme/licenses/b.csv", "v1", 5)
        object_claims.claim_object(*version, now=datetime.now(UTC))

    with tapped("TransactWriteItems", meanwhile(start)):
        reply = shop.delete(f"/customers/{customer['id']}/")

    assert (reply.status, reply.json()["code"]) == (409, "import_running")


def test_a_customer_is_deleted_once_the_index_has_what_an_import_wrote(
    files: Files, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(imports_at_rest, "INDEXED_WITHIN", INDEXED_WITHIN)
    bring(files, ("K-1", "kp", "o-1", "ana@x.test"))
    clock.shift(2)
    monkeypatch.setattr("time.sleep", slept.append)

    reply = files.shop.delete(f"/customers/{customer_of(files.shop)['id']}/")

    assert reply.json()["code"] == "customer_has_orders"
    assert slept == [pytest.approx(3)]


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_a_delete_of_an_order_or_customer_whose_answer_was_lost_succeeds(
    shop: Shop, kind: str
) -> None:
    order = placed(shop, "K-1")
    delete_all(shop)
    path = f"/orders/{order['id']}/safe_delete/"
    if kind == "customer":
        shop.delete(path)
        path = f"/customers/{order['customer']['id']}/"
    with tapped("TransactWriteItems", answer_lost):
        assert shop.delete(path).status == 204


def named(order: Any, *emails: str, count: int = 1, **more: Any) -> dict[str, Any]:
    """The body of an order of licenses that each name these users."""
    lic = {"users": [{"email": email} for email in emails]}
    return {"id": order, "items": [{"product_code": "up", "licenses": [lic] * count}], **more}


def users_of(shop: Shop) -> list[list[str]]:
    """The e-mails of the users of each license."""
    return sorted(
        [user["email"] for user in lic["license_users"]]
        for lic in shop.get("/licenses/", "limit=1000").json()["results"]
    )


def user_id(shop: Shop, email: str = "u1@x.test") -> int:
    (user,) = shop.listed("/license-users/", f"email={email}")
    return int(user["id"])


@pytest.mark.parametrize("count", [1, 9, 98])
def test_a_deleted_user_is_on_no_license_and_the_e_mail_is_free(shop: Shop, count: int) -> None:
    shop.order(**named("o-1", "u1@x.test", "u2@x.test", count=count))
    shop.order(**named("o-2", "u1@x.test"))
    lic = shop.order_one("up", {"users": [{"email": "u3@x.test"}]})
    shop.post(f"/licenses/{lic['id']}/assign_user/", {"email": "u1@x.test"})
    id = user_id(shop)

    assert shop.delete(f"/license-users/{id}/").status == 204

    assert users_of(shop) == [[], *[["u2@x.test"]] * count, ["u3@x.test"]]
    assert shop.listed("/license-users/", "email=u1@x.test") == []
    for reply in (shop.delete(f"/license-users/{id}/"), shop.get(f"/license-users/{id}/")):
        assert (reply.status, reply.json()["code"]) == (404, "user_not_found")
    again = shop.order(**named("o-3", "u1@x.test"))
    assert [user["email"] for user in again.json()["new_passwords"]] == ["u1@x.test"]
    assert user_id(shop) != id
    assert "u1@x.test" not in str(
        [item for item in scan("CUSTOMERS_TABLE") if "deleted_at" in item]
    )


def test_a_user_is_deleted_although_a_license_of_it_was(shop: Shop) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    delete_all(shop)

    assert shop.delete(f"/license-users/{user_id(shop)}/").status == 204


@pytest.mark.parametrize("count", [1, 98])
def test_an_order_that_names_a_user_who_is_deleted_meanwhile_creates_another(
    shop: Shop, count: int
) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    id = user_id(shop)
    with tapped("TransactWriteItems", meanwhile(lambda: shop.delete(f"/license-users/{id}/"))):
        order = shop.order(**named("o-2", "u1@x.test", count=count)).json()

    assert [user["email"] for user in order["new_passwords"]] == ["u1@x.test"]
    assert users_of(shop) == [[], *[["u1@x.test"]] * count]
    assert user_id(shop) != id


def test_a_user_who_is_assigned_meanwhile_is_unassigned_by_the_delete(shop: Shop) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    lic = shop.order_one("up", {"users": [{"email": "u2@x.test"}]})
    path = f"/licenses/{lic['id']}/assign_user/"
    with tapped("TransactWriteItems", meanwhile(lambda: shop.post(path, {"email": "u1@x.test"}))):
        assert shop.delete(f"/license-users/{user_id(shop)}/").status == 204

    assert users_of(shop) == [[], ["u2@x.test"]]


def test_a_user_is_not_deleted_while_an_order_that_names_it_is_pending(shop: Shop) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    with tapped("TransactWriteItems", killed_before, nth=3), pytest.raises(Killed):
        shop.order(**named("o-2", "u1@x.test", count=98))

    refused = shop.delete(f"/license-users/{user_id(shop)}/")

    assert (refused.status, refused.json()["code"]) == (409, "order_in_progress")
    assert "Order o-2, which names u1@x.test" in refused.json()["message"]
    assert shop.order(**named("o-2", "u1@x.test", count=98)).status == 200
    assert shop.delete(f"/license-users/{user_id(shop)}/").status == 204
    assert users_of(shop) == [[]] * 99


def test_a_delete_of_a_user_whose_answer_was_lost_succeeds(shop: Shop) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    path = f"/license-users/{user_id(shop)}/"
    with tapped("TransactWriteItems", answer_lost):
        assert shop.delete(path).status == 204

    assert users_of(shop) == [[]]


def test_a_changed_user_keeps_its_licenses(shop: Shop) -> None:
    shop.order(**named("o-1", "u1@x.test"))
    id = user_id(shop)
    order = meanwhile(lambda: shop.order(**named("o-2", "u1@x.test")))
    with tapped("TransactWriteItems", order):
        assert shop.patch(f"/license-users/{id}/", {"first_name": "Ana"}).status == 200

    assert shop.delete(f"/license-users/{id}/").status == 204
    assert users_of(shop) == [[], []]


def test_a_user_has_no_more_licenses_than_its_record_holds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "MOST_LICENSES", 2)
    monkeypatch.setattr(assign_users, "MOST_LICENSES", 2)
    shop.order(**named("o-1", "u1@x.test"))

    assert fault_codes(shop.order(**named("o-2", "u1@x.test", count=2)).json()) == {
        "/items": "too_many"
    }
    assert shop.order(**named("o-2", "u1@x.test")).status == 200
    lic = shop.order_one("up", {"users": [{"email": "u2@x.test"}]})
    one = shop.post(f"/licenses/{lic['id']}/assign_user/", {"email": "u1@x.test"})
    several = shop.post(
        f"/licenses/{lic['id']}/assign_users/", {"emails": [{"email": "u1@x.test"}]}
    )
    assert fault_codes(one.json()) == {"/email": "too_many"}
    assert fault_codes(several.json()) == {"/emails/0/email": "too_many"}


def cancelled_at_its_end(files: Files, text: str, **how: Any) -> ImportJob:
    """An import that has written all of its rows, and was cancelled before its end."""
    event = files.drop(text, **how)
    files.run(event)
    (chunk,) = files.plan()
    files.chunk(chunk)
    job = files.last()
    assert import_jobs.put_job(transition(job, "cancelled", now=datetime.now(UTC)), job)
    files.run(event)
    assert files.last().counts
    return job


def test_an_import_that_runs_again_does_not_create_what_was_deleted(
    files: Files, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    shop = files.shop
    rows = "".join(f"K-{n},kp,o-{n % 2},c{n % 2}@x.test\n" for n in range(6))
    job = cancelled_at_its_end(files, HEAD + rows)
    delete_all(shop, "order_store_id=o-1")
    (order,) = shop.listed("/orders/", "client_order_id=o-1")
    clock.shift(6)
    assert shop.delete(f"/orders/{order['id']}/safe_delete/").status == 204
    assert shop.delete(f"/customers/{customer_of(shop, 'c1@x.test')['id']}/").status == 204

    retried = files.ask(job.number, "retry")
    files.by_machine(again=True)

    assert retried.status == 200, retried.text
    assert files.last().state == "succeeded"
    assert counts(files.last(), "created_licenses", "existed_licenses") == [6, 0]
    assert shop.keys() == shop.keys("product=kp") == ["K-0", "K-2", "K-4"]
    assert [each["store_id"] for each in shop.listed("/orders/")] == ["o-0"]
    assert [each["email"] for each in shop.listed("/customers/")] == ["c0@x.test"]


def test_a_customer_import_that_runs_again_does_not_create_a_deleted_customer(
    files: Files, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    shop = files.shop
    text = "email,first_name\n" + "".join(f"c{n}@x.test,Ana\n" for n in range(3))
    job = cancelled_at_its_end(files, text, kind="customers")
    clock.shift(6)
    assert shop.delete(f"/customers/{customer_of(shop, 'c1@x.test')['id']}/").status == 204

    files.ask(job.number, "retry")
    files.by_machine(again=True)

    assert counts(files.last(), "created_customers", "existed_customers") == [3, 0]
    left = sorted(each["email"] for each in shop.listed("/customers/"))
    assert left == ["c0@x.test", "c2@x.test"]
    again = files.imported(text, kind="customers", name="again.csv")
    assert again.number != job.number
