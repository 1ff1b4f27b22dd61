"""The page of activity: what happened, to which record, by which key."""

import re
import time

import httpx
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, opened


def test_changes_appear_with_their_record_and_key(
    console: Console, http: httpx.Client, keys: Operate
) -> None:
    shop = opened(http, keys, "activity", stocked=True)
    page = console.visit("activity", shop)
    console.see("Nothing yet")
    assert not console.violations()
    license = shop.order_one(customer={"email": "ana@activity.test"})
    assert shop.post(f"/licenses/{license['id']}/disable/").status == 200
    assert shop.delete(f"/licenses/{license['id']}/").status == 204
    deadline = time.monotonic() + 60
    while shop.get("/events/").json()["count"] < 4:
        assert time.monotonic() < deadline, "the events are not in the log"
        time.sleep(0.5)

    page.reload()

    table = page.get_by_role("table", name="Events")
    expect(table.get_by_role("row")).to_have_count(5)
    placed = table.get_by_role("row").filter(has_text="Order placed")
    expect(placed).to_contain_text(shop.key.partition(".")[0])
    expect(placed).to_contain_text("1 license")
    deleted = table.get_by_role("row").filter(has_text="License deleted")
    expect(deleted).to_contain_text(f"License {license['id']}")
    expect(deleted.get_by_role("link")).to_have_count(0)
    assert not [*console.faults()]
    page.get_by_label("Type").select_option("Order placed")
    console.button("Filter activity").click()
    expect(table.get_by_role("row")).to_have_count(2)
    placed.get_by_role("link").click()
    expect(page).to_have_url(re.compile("#/orders/[0-9]+$"))
    expect(console.button("Delete order")).to_be_visible()
