"""Licenses and customers are changed in their pages: terms, features, users, conflicts."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop


def timed(shop: RemoteShop, **terms: Any) -> Any:
    """A license of the product kp, which has two features."""
    return shop.order_one("kp", {"policy_code": "policy_A", **terms})


def stored(shop: RemoteShop, license: Any) -> Any:
    return shop.get(f"/licenses/{license['id']}/").json()


def changed(shop: RemoteShop, license: Any, **patch: Any) -> Any:
    return shop.patch(f"/licenses/{license['id']}/", patch).ok()


def card(page: Page, title: str) -> Locator:
    return page.locator("section.card").filter(
        has=page.get_by_role("heading", name=title, exact=True)
    )


def edit(console: Console, shop: RemoteShop, license: Any, part: str) -> Locator:
    page = console.visit(f"licenses/{license['id']}", shop)
    console.button(f"Edit {part.lower()}").click()
    return card(page, part)


def test_a_license_is_extended_by_a_year_with_two_clicks(
    console: Console, seller: RemoteShop
) -> None:
    license = timed(seller, validity_period="2032-02-29")
    page = console.visit(f"licenses/{license['id']}", seller)

    console.button("Extend").click()
    expect(page.get_by_role("dialog")).to_contain_text("Now: until 29 Feb 2032")
    assert not [*console.faults()]
    page.get_by_role("button", name="1 year 28 Feb 2033").click()

    console.see("29 Feb 2032 → 28 Feb 2033")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stored(seller, license)["validity_period"] == "2033-02-28"
    assert not console.violations()


def test_a_license_is_extended_by_keyboard(console: Console, seller: RemoteShop) -> None:
    license = timed(seller)
    page = console.visit(f"licenses/{license['id']}", seller)

    console.tab_to(console.button("Extend"))
    page.keyboard.press("Enter")
    console.tab_to(page.get_by_role("button", name="1 year 2 years from activation"))
    page.keyboard.press("Enter")

    console.see("1 year from activation → 2 years from activation")
    expect(console.button("Extend")).to_be_focused()
    assert stored(seller, license)["valid_duration"] == "2y"


def test_an_extension_is_not_added_to_that_of_another_user(
    console: Console, seller: RemoteShop
) -> None:
    license = timed(seller, validity_period="2032-01-01")
    page = console.visit(f"licenses/{license['id']}", seller)
    console.button("Extend").click()
    changed(seller, license, validity_period="2033-06-01")

    page.get_by_role("button", name="1 year 1 Jan 2033").click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Not extended: the license was changed meanwhile")
    expect(dialog).to_contain_text("Now: until 1 Jun 2033")
    assert not console.violations()
    assert stored(seller, license)["validity_period"] == "2033-06-01"
    page.get_by_role("button", name="1 year 1 Jun 2034").click()
    console.see("1 Jun 2033 → 1 Jun 2034")


def test_terms_are_changed_in_place(console: Console, seller: RemoteShop) -> None:
    license = timed(seller)
    form = edit(console, seller, license, "Terms")
    expect(form.get_by_label("Ends on")).to_be_focused()

    form.get_by_label("Activations", exact=True).fill("9")
    form.get_by_label("Ends on").fill("2032-01-31")
    form.get_by_label("Valid for", exact=True).fill("1y")
    assert not [*console.faults()]
    console.button("Save changes").click()

    expect(form).to_contain_text("31 Jan 2032")
    expect(form.get_by_role("button", name="Edit terms")).to_be_focused()
    after = stored(seller, license)
    assert (after["max_activations"], after["validity_period"]) == (9, "2032-01-31")


def test_a_fault_is_shown_at_its_field(console: Console, seller: RemoteShop) -> None:
    license = timed(seller)
    form = edit(console, seller, license, "Terms")

    form.get_by_label("Activations", exact=True).fill("")
    console.button("Save changes").click()
    expect(form.get_by_label("Activations", exact=True)).to_be_focused()
    expect(form).to_contain_text("Enter a value")
    form.get_by_label("Activations", exact=True).fill("-3")
    console.button("Save changes").click()

    expect(form.get_by_label("Activations", exact=True)).to_have_attribute("aria-invalid", "true")
    assert stored(seller, license) == license
    console.button("Cancel").click()
    expect(form).to_contain_text("5")


def test_a_conflict_shows_what_changed_and_keeps_what_was_typed(
    console: Console, seller: RemoteShop
) -> None:
    license = timed(seller)
    form = edit(console, seller, license, "Terms")
    form.get_by_label("Activations", exact=True).fill("9")
    changed(seller, license, max_activations=7, max_transfers=2)

    console.button("Save changes").click()

    notice = form.locator(".notice").filter(has_text="Activations")
    expect(notice).to_contain_text("Activations: 5 → 7; you entered 9")
    expect(notice).to_contain_text("Device transfers: 0 → 2")
    expect(form.get_by_label("Activations", exact=True)).to_have_value("9")
    expect(form.get_by_label("Device transfers")).to_have_value("2")
    assert stored(seller, license)["max_activations"] == 7
    assert not [*console.faults()]
    console.button("Save changes").click()
    expect(form.get_by_role("button", name="Edit terms")).to_be_visible()
    after = stored(seller, license)
    assert (after["max_activations"], after["max_transfers"]) == (9, 2)


def test_changes_of_other_fields_do_not_conflict(console: Console, seller: RemoteShop) -> None:
    license = timed(seller)
    form = edit(console, seller, license, "Note and metadata")
    form.get_by_label("Note").fill("called on Monday")
    form.get_by_label("Metadata").fill('{"seats": 7}')
    changed(seller, license, max_activations=7)

    console.button("Save changes").click()

    expect(form).to_contain_text("called on Monday")
    after = stored(seller, license)
    assert (after["note"], after["metadata"], after["max_activations"]) == (
        "called on Monday",
        {"seats": 7},
        7,
    )


def test_metadata_that_is_no_object_is_marked(console: Console, seller: RemoteShop) -> None:
    form = edit(console, seller, timed(seller), "Note and metadata")

    form.get_by_label("Metadata").fill("[1]")
    console.button("Save changes").click()

    expect(form.get_by_label("Metadata")).to_be_focused()
    expect(form).to_contain_text("Enter a JSON object")


def test_a_draft_survives_a_reload_and_meets_the_current_license(
    console: Console, seller: RemoteShop
) -> None:
    license = timed(seller)
    form = edit(console, seller, license, "Terms")
    form.get_by_label("Activations", exact=True).fill("9")
    changed(seller, license, max_activations=7)

    console.page.reload()

    expect(form.get_by_label("Activations", exact=True)).to_have_value("9")
    expect(form).to_contain_text("Activations: 5 → 7; you entered 9")
    console.button("Cancel").click()
    expect(form.get_by_role("button", name="Edit terms")).to_be_visible()


def test_features_are_changed_in_place(console: Console, seller: RemoteShop) -> None:
    license = timed(seller, product_features=["f1"])
    form = edit(console, seller, license, "Features")

    form.get_by_role("checkbox", name="(f1)").uncheck()
    form.get_by_role("checkbox", name="(f2)").check()
    form.get_by_label("expires on").fill("2032-01-31")
    assert not [*console.faults()]
    console.button("Save changes").click()

    expect(form.get_by_role("button", name="Edit features")).to_be_visible()
    (grant,) = stored(seller, license)["product_features"]
    assert (grant["product_feature"]["code"], grant["expiry_date"]) == ("f2", "2032-01-31")


def test_a_policy_is_applied_and_its_differences_are_shown(
    console: Console, seller: RemoteShop
) -> None:
    license = timed(seller, max_activations=9)
    page = console.visit(f"licenses/{license['id']}", seller)

    console.button("Apply policy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Policy").select_option("policy_A")
    assert not console.violations()
    dialog.get_by_role("button", name="Apply policy").click()

    console.see("Policy policy_A applied")
    console.see("Activations: 9 → 5")
    assert stored(seller, license)["max_activations"] == 5


def test_a_user_is_assigned_and_the_password_is_shown_once(
    console: Console, seller: RemoteShop
) -> None:
    license = seller.order_one(
        "up", {"users": [{"email": "first@acme.example"}], "max_license_users": 5}
    )
    page = console.visit(f"licenses/{license['id']}", seller)

    console.button("Assign user").click()
    dialog = page.get_by_role("dialog", name="Assign a user")
    dialog.get_by_label("Email").fill("second@acme.example")
    dialog.get_by_label("First name").fill("Bo")
    assert not [*console.faults()]
    dialog.get_by_role("button", name="Assign user").click()

    secret = page.get_by_role("dialog", name="User assigned")
    expect(secret.locator("code")).to_have_text(re.compile(r"\w{14}"))
    assert not console.violations()
    password = secret.locator("code").inner_text()
    secret.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    users = card(page, "Users 2 of 5")
    expect(users).to_contain_text("second@acme.example")
    expect(users).to_contain_text("Bo")
    assert password not in page.content()
    assert not [*console.faults()]


def test_a_user_is_renamed_given_a_password_and_unassigned(
    console: Console, seller: RemoteShop
) -> None:
    email = "renamed@acme.example"
    license = seller.order_one("up", {"users": [{"email": email}]})
    page = console.visit(f"licenses/{license['id']}", seller)

    console.button(f"Edit {email}").click()
    dialog = page.get_by_role("dialog", name=f"Edit {email}")
    dialog.get_by_label("Last name").fill("Peña")
    assert not console.violations()
    dialog.get_by_role("button", name="Save changes").click()
    console.see("Peña")
    console.button(f"Set password of {email}").click()
    dialog = page.get_by_role("dialog", name="Set password")
    dialog.get_by_label("New password").fill("short")
    dialog.get_by_role("button", name="Set password").click()
    expect(dialog.get_by_role("alert")).to_contain_text("8 to 128")
    dialog.get_by_label("New password").fill("a long enough password")
    dialog.get_by_role("button", name="Set password").click()
    console.see("chosen password")
    console.button(f"Unassign {email}").click()
    page.get_by_role("dialog").get_by_role("button", name="Unassign user").click()

    expect(card(page, "Users 0 of 1")).to_contain_text("None")
    assert stored(seller, license)["license_users"] == []


def test_a_password_is_not_shown_to_the_next_user(
    console: Console, seller: RemoteShop, other_shop: RemoteShop
) -> None:
    license = seller.order_one("up", {"users": [{"email": "secret@acme.example"}]})
    page = console.visit(f"licenses/{license['id']}", seller)
    console.button("Set password of secret@acme.example").click()
    page.get_by_role("button", name="Generate password").click()
    code = page.get_by_role("dialog", name="Password set").locator("code")
    password = code.inner_text()

    page.evaluate("sessionStorage.clear()")
    page.get_by_role("button", name="Sign out").dispatch_event("click")
    console.sign_in(other_shop.key)

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert password not in page.content()


def test_a_license_cannot_be_changed_without_the_scope(
    console: Console, seller: RemoteShop, keys: Operate
) -> None:
    license = timed(seller)
    key = keys("create", "--company", seller.company, "--scopes", "records:read")["api_key"]
    console.open("nowhere")
    console.sign_in(str(key))

    console.open(f"licenses/{license['id']}")

    console.see("Your key lacks orders:write")
    for name in ("Extend", "Apply policy", "Edit terms", "Edit features", "Assign user"):
        expect(console.button(name)).to_have_count(0)
    # A list of one license, which the bar at the bottom of the window does not cover.
    console.open(f"licenses?license_key={license['license_key']}")
    console.page.get_by_role("checkbox", name="Select license").first.check()
    bar = console.page.get_by_role("region", name="Selected licenses")
    expect(bar).to_contain_text("Your key lacks orders:write")
    expect(bar.get_by_role("button", name="Export CSV")).to_be_visible()
    expect(bar.get_by_role("button", name="Disable")).to_have_count(0)
    assert not console.violations()


def some(shop: RemoteShop, name: str, *licenses: dict[str, Any]) -> list[Any]:
    """The licenses of an order, in its order."""
    items = [
        {
            "product_code": "kp",
            "licenses": [{"policy_code": "policy_A", **each} for each in licenses],
        }
    ]
    order = shop.order(id=name, items=items).json()
    return list(order["order_items"][0]["licenses"])


def select_all(console: Console, shop: RemoteShop, name: str) -> Locator:
    page = console.visit(f"licenses?order_store_id={name}", shop)
    page.get_by_role("checkbox", name="Select all licenses on this page").check()
    return page.get_by_role("region", name="Selected licenses")


def test_selected_licenses_are_disabled_and_enabled(console: Console, seller: RemoteShop) -> None:
    licenses = some(seller, "bulk-switch", {}, {}, {})
    bar = select_all(console, seller, "bulk-switch")
    expect(bar).to_contain_text("3 selected")
    assert not [*console.faults()]

    bar.get_by_role("button", name="Disable").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Disable 3 licenses").click()
    console.see("3 licenses disabled")
    assert [stored(seller, each)["enabled"] for each in licenses] == [False] * 3
    bar.get_by_role("button", name="Enable").click()
    console.see("3 licenses enabled")

    assert [stored(seller, each)["enabled"] for each in licenses] == [True] * 3


def test_selected_licenses_are_extended_as_shown_all_or_none(
    console: Console, seller: RemoteShop
) -> None:
    one, two = some(
        seller, "bulk-extend", {"validity_period": "2032-01-01"}, {"valid_duration": "6m"}
    )
    bar = select_all(console, seller, "bulk-extend")
    bar.get_by_role("button", name="Extend").click()
    dialog = console.page.get_by_role("dialog", name="Extend 2 licenses")
    expect(dialog).to_contain_text("1 Jan 2032 → 1 Jan 2033")
    expect(dialog).to_contain_text("6 months from activation → 18 months from activation")
    assert not [*console.faults()]
    changed(seller, two, valid_duration="1y")

    dialog.get_by_role("button", name="Extend 2 licenses").click()

    console.see("No license was changed")
    failure = console.page.get_by_role("alert")
    expect(failure.get_by_role("link")).to_have_attribute("href", f"#/licenses/{two['id']}")
    assert stored(seller, one)["validity_period"] == "2032-01-01"
    assert not console.violations()
    bar.get_by_role("button", name="Extend").click()
    dialog.get_by_role("button", name="Extend 2 licenses").click()
    console.see("2 licenses extended by 1 year")
    assert stored(seller, one)["validity_period"] == "2033-01-01"
    assert stored(seller, two)["valid_duration"] == "2y"


def test_a_selection_is_kept_on_other_pages_until_it_is_cleared(
    console: Console, seller: RemoteShop
) -> None:
    licenses = some(seller, "bulk-pages", *[{"valid_duration": "1y"}] * 26)
    bar = select_all(console, seller, "bulk-pages")
    console.page.get_by_role("button", name="Next").click()
    remaining = console.page.get_by_role("checkbox", name="Select license")
    expect(remaining).to_have_count(1)
    remaining.check()
    expect(bar).to_contain_text("26 selected")
    expect(bar).to_contain_text("25 on other pages")
    assert not [*console.faults()]

    for _ in range(2):  # the second time, all of them are newer than when they were selected
        bar.get_by_role("button", name="Extend").click()
        dialog = console.page.get_by_role("dialog", name="Extend 26 licenses")
        dialog.get_by_role("button", name="Extend 26 licenses").click()
        console.see("26 licenses extended by 1 year")
        console.page.get_by_role("button", name="Dismiss").click()
    assert {stored(seller, licenses[at])["valid_duration"] for at in (0, 25)} == {"3y"}

    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    console.page.route("**/licenses/?id__in=*", hold)
    with console.page.expect_request("**/licenses/?id__in=*"):
        bar.get_by_role("button", name="Disable").click()
        console.page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    bar.get_by_role("button", name="Clear selection").click()
    expect(bar).to_have_count(0)
    with console.page.expect_response("**/licenses/?id__in=*"):  # of those on the other page
        held[0].continue_()
    expect(bar).to_have_count(0)
    console.page.get_by_role("button", name="Previous").click()
    expect(console.page.get_by_role("checkbox", checked=True)).to_have_count(0)


def test_the_licenses_of_an_order_are_changed_on_its_page(
    console: Console, seller: RemoteShop
) -> None:
    of_key = [{"policy_code": "policy_A"}] * 2
    items = [
        {"product_code": "kp", "licenses": of_key},
        {"product_code": "up", "licenses": [{"users": [{"email": "bulk-order@acme.example"}]}]},
    ]
    order = seller.order(items=items).json()
    page = console.visit(f"orders/{order['id']}", seller)

    page.get_by_role("checkbox", name="Select all licenses of kp").check()
    page.get_by_role("checkbox", name="Select license of bulk-order@acme.example").check()
    bar = page.get_by_role("region", name="Selected licenses")
    expect(bar).to_contain_text("3 selected")
    assert not [*console.faults()]
    bar.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable 3 licenses").click()

    console.see("3 licenses disabled")
    expect(page.get_by_text("Disabled", exact=True)).to_have_count(3)


def test_licenses_are_selected_by_keyboard_and_exported(
    console: Console, seller: RemoteShop
) -> None:
    one, two = some(seller, "bulk-export", {}, {})
    page = console.visit("licenses?order_store_id=bulk-export", seller)
    console.tab_to(page.get_by_role("checkbox", name="Select license").first)
    page.keyboard.press("Space")
    bar = page.get_by_role("region", name="Selected licenses")
    expect(bar).to_contain_text("1 selected")

    console.tab_to(bar.get_by_role("button", name="Export CSV"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert download.value.suggested_filename == "licenses.csv"
    assert (one["license_key"] in text) != (two["license_key"] in text)


def test_the_licenses_of_a_customer_are_changed_on_its_page(
    console: Console, seller: RemoteShop
) -> None:
    customer = {"email": "two-licenses@acme.example"}
    license = timed(seller, validity_period="2032-01-01")
    items = [{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}] * 2}]
    order = seller.order(customer=customer, items=items).json()
    page = console.visit(f"customers/{order['customer']['id']}", seller)

    page.get_by_role("checkbox", name="Select all licenses on this page").check()
    bar = page.get_by_role("region", name="Selected licenses")
    expect(bar).to_contain_text("2 selected")
    assert not [*console.faults()]
    bar.get_by_role("button", name="Extend").click()
    page.get_by_role("dialog").get_by_role("button", name="Extend 2 licenses").click()

    console.see("2 licenses extended by 1 year")
    found = seller.get("/licenses/", f"customer={order['customer']['id']}").json()["results"]
    assert [each["valid_duration"] for each in found] == ["2y", "2y"]
    assert stored(seller, license) == license


def test_a_customer_is_changed_and_a_conflict_keeps_what_was_typed(
    console: Console, seller: RemoteShop
) -> None:
    fields = {"email": "conflict@acme.example", "city": "Bonn", "phone": "1"}
    customer = seller.make("/customers/", **fields)
    path = f"/customers/{customer['id']}/"
    page = console.visit(f"customers/{customer['id']}/edit", seller)
    page.get_by_label("City").fill("Rome")
    page.get_by_label("Metadata").fill('{"tier": "gold"}')
    seller.patch(path, {"city": "Oslo", "phone": "2"})

    console.button("Save changes").click()

    console.see("City: Bonn → Oslo; you entered Rome")
    console.see("Phone: 1 → 2")
    expect(page.get_by_label("City")).to_have_value("Rome")
    assert not [*console.faults()]
    console.button("Save changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("conflict@acme.example")
    after = seller.get(path).json()
    assert [after[name] for name in ("city", "phone", "metadata")] == [
        "Rome",
        "2",
        {"tier": "gold"},
    ]
