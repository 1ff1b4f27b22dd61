"""The form of a new order."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop

KEY = re.compile(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){3}")


def product(page: Page, number: int = 1) -> Locator:
    """The section of the form for a product of the order."""
    return page.get_by_role("region", name=f"Product {number}")


def choose(page: Page, code: str, number: int = 1) -> Locator:
    part = product(page, number)
    part.get_by_label("Product (required)").select_option(code)
    return part


def place(page: Page) -> None:
    page.get_by_role("button", name="Place order").click()


def test_an_order_of_several_products_overrides_policy_terms(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    keyed = choose(page, "kp")
    keyed.get_by_label("Use my own keys").check()
    keyed.get_by_label("License keys").fill("OLD-KEY-1\n\n  OLD-KEY-2")
    keyed.get_by_text("Override policy terms").click()
    keyed.get_by_label("Activations", exact=True).fill("7")
    keyed.get_by_label("Credits").check()
    keyed.get_by_label("Uses").fill("33")
    page.get_by_role("button", name="Add another product").click()
    used = choose(page, "up", 2)
    used.get_by_label("Email of user 1").fill("ben@brush.example")
    used.get_by_role("button", name="Add user").click()
    used.get_by_label("Email of user 2").fill("boss@brush.example")
    used.get_by_label("Manager").last.check()
    page.get_by_label("Order ID").fill("console-2")

    place(page)

    main = page.locator("main")
    expect(main).to_contain_text("4 licenses issued")
    expect(
        page.get_by_role("button", name="Copy the password of ben@brush.example")
    ).to_be_visible()
    licenses = seller.get("/licenses/", "order_store_id=console-2").json()["results"]
    keys = {lic["license_key"]: lic for lic in licenses if lic["license_key"]}
    assert keys.keys() == {"OLD-KEY-1", "OLD-KEY-2"}
    for license in keys.values():
        assert license["max_activations"] == 7
        [grant] = license["product_features"]
        assert (grant["product_feature"]["code"], grant["max_consumption"]) == ("credits", 33)
    users = [user for lic in licenses for user in lic["license_users"]]
    assert {(s["email"], s["is_manager"]) for s in users} == {
        ("ben@brush.example", False),
        ("boss@brush.example", True),
    }


def test_a_bundle_is_ordered_with_a_policy_for_each_of_its_products(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    bundle = choose(page, "bnd")
    bundle.get_by_label("Policy of p2").select_option("pro")
    bundle.get_by_label("Licenses", exact=True).fill("2")
    page.get_by_label("Order ID").fill("console-3")

    place(page)

    expect(page.locator("main")).to_contain_text("6 licenses issued")
    licenses = seller.get("/licenses/", "order_store_id=console-3").json()["results"]
    policies = [(lic["product"]["short_code"], lic["policy_code"]) for lic in licenses]
    assert sorted(policies) == sorted(2 * [("bnd", "default"), ("p1", "default"), ("p2", "pro")])


def test_product_codes_may_have_any_characters(console: Console, seller: RemoteShop) -> None:
    seller.make("/products/", product_name="Kit", short_code="kit 1.0/%")
    bundle = {"is_bundle": True, "bundle_products": ["kit 1.0/%", "kp"]}
    seller.make("/products/", product_name="Box", short_code="box 1.0", **bundle)
    policy = {"product": "kit 1.0/%", "code": "pro", "name": "Pro"}
    seller.make("/license-templates/", default_license_type="perpetual", **policy)
    page = console.visit("orders/new", seller)
    choose(page, "box 1.0").get_by_label("Policy of kit 1.0/%").select_option("pro")

    place(page)

    console.see("3 licenses issued")
    orders = seller.get("/orders/", "limit=1").json()["results"]
    licenses = seller.get("/licenses/", f"order={orders[0]['id']}").json()["results"]
    assert "pro" in {lic["policy_code"] for lic in licenses}


def test_errors_are_shown_at_their_fields_before_and_after_the_request(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    choose(page, "kp").get_by_text("Override policy terms").click()
    page.get_by_label("Type").select_option("time-limited")
    duration, user = (
        page.get_by_label("Valid for", exact=True),
        page.get_by_label("Email of user 1"),
    )
    activations = page.get_by_label("Activations", exact=True).first
    duration.fill("one year")
    activations.fill("many")
    page.get_by_role("button", name="Add another product").click()
    choose(page, "up", 2).get_by_label("Email of user 1").fill("ben")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))

    place(page)

    expect(duration).to_be_focused()
    expect(duration).to_have_accessible_description(re.compile("Enter a number from 1"))
    expect(user).to_have_accessible_description(re.compile("Enter an email address"))
    expect(activations).to_have_accessible_description(re.compile("Enter a whole number"))
    expect(page.get_by_role("alert")).to_contain_text("Fix 3 fields")
    expect(page.get_by_role("alert").get_by_role("link")).to_have_text(
        ["Valid for", "Activations", "Email of user 1"]
    )
    assert "POST" not in sent
    assert not console.violations()

    duration.fill("2")
    page.get_by_label("Valid for: Unit").select_option(label="months")
    activations.fill("9999999999")
    user.fill("ben@brush..example")
    place(page)
    expect(activations).to_be_focused()
    expect(activations).to_have_accessible_description(re.compile("2147483647"))
    expect(user).to_have_accessible_description(re.compile("Must be an e-mail address"))

    duration.fill("2m")
    activations.fill("3")
    user.fill("ben@brush.example")
    place(page)
    expect(page.locator("main")).to_contain_text("2 licenses issued")
    expect(page.locator("main")).to_contain_text("2 months")

    page.get_by_role("button", name="Order again").click()
    again = page.get_by_role("region", name="Product 1")
    expect(again.get_by_label("Product (required)")).to_have_value("kp")
    expect(page.get_by_label("Email of user 1")).to_have_value("ben@brush.example")
    place(page)
    expect(page.locator("main")).to_contain_text("2 licenses issued")


def test_a_duplicate_order_id_is_an_error_of_the_id_field(
    console: Console, seller: RemoteShop
) -> None:
    customer = {"email": "first@acme.example", "company_name": "First"}
    seller.order(id="taken", customer=customer, items=[{"product_code": "kp", "licenses": [{}]}])
    page = console.visit("orders/new", seller)
    choose(page, "kp")
    page.get_by_label("Email").fill("second@acme.example")
    page.get_by_label("Order ID").fill("taken")

    place(page)

    order_id, alert = page.get_by_label("Order ID"), page.get_by_role("alert")
    expect(order_id).to_be_focused()
    expect(order_id).to_have_accessible_description(re.compile("Another order has this ID"))
    expect(alert).to_contain_text("The two orders differ in: Company, Email.")
    expect(page.get_by_label("Email")).not_to_have_attribute("aria-invalid", "true")
    alert.get_by_role("link", name="Show order taken").click()
    expect(page.get_by_role("table", name="Orders")).to_contain_text("first@acme.example")


def test_an_order_is_placed_once_if_its_response_is_lost(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    choose(page, "kp")
    page.get_by_label("Email").fill("lost@acme.example")

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/create_order/", lost, times=1)

    place(page)

    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(page.get_by_label("Email")).to_have_value("lost@acme.example")
    place(page)
    expect(page.get_by_role("heading", level=1, name=re.compile("order-"))).to_be_visible()
    orders = seller.get("/orders/", "customer_email=lost@acme.example").json()
    assert orders["count"] == 1


def test_an_order_without_the_scope_is_rejected_and_its_draft_is_kept(
    console: Console, seller: RemoteShop, keys: Operate
) -> None:
    made = keys("create", "--company", seller.company, "--scopes", "records:read")
    reader = RemoteShop(seller.company, made["api_key"], seller.http)
    page = console.visit("orders/new", reader)
    choose(page, "kp")
    page.get_by_label("Email").fill("ana@acme.example")

    place(page)

    expect(page.get_by_role("alert")).to_contain_text("orders:write")
    page.get_by_role("link", name="Licenses", exact=True).click()
    page.get_by_role("link", name="Orders", exact=True).click()
    page.get_by_role("button", name="New order").click()
    expect(page.get_by_label("Email")).to_have_value("ana@acme.example")
    expect(product(page).get_by_label("Product (required)")).to_have_value("kp")
