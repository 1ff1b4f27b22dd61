"""Orders of bundles are read alike in both of the forms that are accepted."""

from typing import Any

from shared.bundle_requests import bundle_requests, misplaced_fields
from shared.orders import OrderItemRequest
from tests.shared.value_shop import read

PATH = ("items", 0)


def item(*licenses: dict[str, Any], **fields: Any) -> OrderItemRequest:
    body = {"product_code": "bnd", "licenses": [*licenses], **fields}
    return read(OrderItemRequest, body)


def faults(request: OrderItemRequest) -> dict[str | None, str]:
    return {fault.pointer: fault.code for fault in misplaced_fields(request, PATH)}


def test_licenses_of_an_item_are_the_members_of_one_bundle() -> None:
    request = item({"product_code": "p1"}, {"product_code": "p2"}, key="K-1")

    (bundle,) = bundle_requests(request, PATH)

    assert (bundle.path, bundle.key, bundle.key_path) == (PATH, "K-1", (*PATH, "key"))
    assert [(path, member.product_code) for path, member in bundle.members] == [
        ((*PATH, "licenses", 0), "p1"),
        ((*PATH, "licenses", 1), "p2"),
    ]


def test_a_license_with_products_is_a_bundle_itself() -> None:
    members = [{"product_code": "p1"}, {"product_code": "p2"}]
    request = item({"key": "K-1", "products": members}, {"bundle_products": members}, key="K-2")

    first, second = bundle_requests(request, PATH)

    assert (first.key, first.key_path) == ("K-1", (*PATH, "licenses", 0, "key"))
    assert (second.key, second.key_path) == ("K-2", (*PATH, "key"))
    assert [path for path, _ in second.members] == [
        (*PATH, "licenses", 1, "bundle_products", index) for index in (0, 1)
    ]


def test_users_of_the_item_are_those_of_a_bundle_without_its_own() -> None:
    members = [{"product_code": "p1"}]
    request = item(
        {"products": members, "users": [{"email": "own@x.test"}]},
        {"products": members},
        users=[{"email": "item@x.test"}],
    )

    emails = [[user.email for user in each.users] for each in bundle_requests(request, PATH)]

    assert emails == [["own@x.test"], ["item@x.test"]]


def test_a_key_of_a_member_is_misplaced() -> None:
    assert faults(item({"product_code": "p1", "key": "K"})) == {
        "/items/0/licenses/0/key": "bundle_only"
    }


def test_terms_next_to_members_are_misplaced() -> None:
    request = item({"products": [{"product_code": "p1"}], "max_activations": 3})

    assert faults(request) == {"/items/0/licenses/0/max_activations": "bundle_members_only"}


def test_members_in_both_fields_are_a_conflict() -> None:
    members = [{"product_code": "p1"}]

    assert faults(item({"products": members, "bundle_products": members})) == {
        "/items/0/licenses/0/bundle_products": "alias_conflict"
    }


def test_a_request_without_faults_has_none() -> None:
    assert faults(item({"product_code": "p1"}, key="K")) == {}
