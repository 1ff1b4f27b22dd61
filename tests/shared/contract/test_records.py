"""Views of records: effective terms, links and published names."""

from dataclasses import replace
from typing import Any

from shared.contract.records import (
    LicenseView,
    Related,
    company_id,
    customer_view,
    feature_view,
    license_bodies,
    license_view,
    order_view,
    policy_view,
    product_view,
    user_view,
)
from shared.customers import CustomerRequest, UserRequest, new_customer, new_license_user
from shared.orders import OrderPlan
from shared.terms import SYSTEM
from tests.shared.value_shop import COMPANY, NOW, ValueShop

SHOP = ValueShop()
RELATED = Related(
    company=COMPANY,
    base_url="https://api.test",
    today=NOW.date(),
    products={product.id: product for product in SHOP.products.values()},
    customers={},
    passwords={},
)


def planned(product: str = "kp", *licenses: Any) -> OrderPlan:
    return SHOP.plan(items=[{"product_code": product, "licenses": licenses or [{}]}])


def test_terms_that_are_not_stored_are_shown_with_the_system_default() -> None:
    (lic,) = planned("kp", {"max_transfers": 2}).licenses

    view = license_view(lic, RELATED)

    assert lic.max_activations is None
    assert (view.max_activations, view.max_transfers) == (SYSTEM["max_activations"], 2)


def test_a_license_shows_its_product_and_its_first_user() -> None:
    users = [{"email": "a@x.test"}, {"email": "b@x.test"}]
    (lic,) = planned("up", {"users": users}).licenses

    view = license_view(lic, replace(RELATED, passwords={"a@x.test": "initial"}))

    assert (view.product.short_code, view.license_template) == ("up", lic.policy_id)
    assert [user.email for user in view.license_users] == ["a@x.test", "b@x.test"]
    assert view.license_user == view.license_users[0]
    assert [user.initial_password for user in view.license_users] == ["initial", None]


def test_a_feature_shows_its_effective_terms_and_its_product_s_feature() -> None:
    (lic,) = planned("kp", {"product_features": ["credits"]}).licenses

    (grant,) = license_view(lic, RELATED).product_features

    assert (grant.max_consumption, grant.total_consumptions) == (10, 0)
    assert grant.product_feature.code == "credits"


def test_bodies_of_alike_licenses_are_those_of_their_views() -> None:
    licenses = planned("kp", {}, {"note": "n"}, {"max_activations": 9}, {}).licenses

    bodies = [*license_bodies(licenses, RELATED)]

    assert bodies == [license_view(lic, RELATED).model_dump(mode="json") for lic in licenses]


def test_the_order_of_fields_is_that_of_the_model() -> None:
    (body,) = license_bodies(planned().licenses, RELATED)

    assert body.keys() == LicenseView.model_fields.keys()


def test_an_order_shows_its_licenses_in_brief_and_links_to_them() -> None:
    plan = planned("kp", {}, {})

    view = order_view(plan.order, RELATED, plan.licenses, count=2)

    (item,) = view.order_items
    keys = [lic.license_key for lic in plan.licenses]
    assert [lic.license_key for lic in item.licenses] == keys
    assert view.licenses_url == f"https://api.test/api/v1/licenses/?order={plan.order.id}"
    assert view.client_order_id == "o-1"


def test_an_order_without_its_licenses_shows_their_ids() -> None:
    plan = planned("kp", {}, {})

    view = order_view(plan.order, RELATED, None, count=2)

    shown = [(lic.id, lic.license_key) for item in view.order_items for lic in item.licenses]
    assert shown == [(lic.id, None) for lic in plan.licenses]


def test_catalog_views_refer_to_their_product() -> None:
    product = SHOP.products["kp"]
    policy, feature = product.policy("policy_A"), product.feature("f1")
    assert policy is not None
    assert feature is not None

    view = product_view(COMPANY, product)

    assert (view.id, view.company) == (product.id, company_id(COMPANY))
    assert [each.code for each in view.product_features] == ["f1", "f2", "credits"]
    assert policy_view(product, policy).product == product.id
    assert feature_view(product, feature).product == product.id


def test_a_customer_without_metadata_has_an_empty_object() -> None:
    customer = new_customer(7, CustomerRequest(email="a@x.test"), made_by="o", now=NOW)

    view = customer_view(COMPANY, customer)

    assert (view.id, view.email, view.metadata, view.total_orders) == (7, "a@x.test", {}, None)


def test_a_user_s_view_has_no_secret() -> None:
    user, password = new_license_user(
        7, UserRequest(email="u@x.test"), made_by="o", secret=b"s" * 32, now=NOW
    )

    text = user_view(user).model_dump_json()

    assert '"true_email":"u@x.test"' in text
    assert not [secret for secret in (password, user.salt, user.password_hash) if secret in text]
