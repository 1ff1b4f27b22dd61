"""License users: assigned, shown, changed, and their passwords. Published: license users."""

from typing import Any

import pytest

from shared.customers import LicenseUser
from shared.license_users import has_password
from shared.store import dynamo
from shared.store.customers import users_by_id
from tests.functions.log_lines import Out
from tests.functions.shop import Shop, fault_codes
from tests.wiretap import answer_lost, meanwhile, tapped


@pytest.fixture
def lic(shop: Shop) -> Any:
    """A license with one user."""
    return shop.order_one("up", {"users": [{"email": "u1@x.test"}]})


def assigned(shop: Shop, lic: Any, **body: Any) -> Any:
    return shop.post(f"/licenses/{lic['id']}/assign_user/", body).ok()


def users_of(shop: Shop, lic: Any) -> dict[str, Any]:
    shown = shop.get(f"/licenses/{lic['id']}/").json()
    return {user["email"]: user for user in shown["license_users"]}


def user(shop: Shop, email: str) -> Any:
    (found,) = shop.get("/license-users/", f"email={email}").json()["results"]
    return found


def stored(shop: Shop, email: str) -> LicenseUser:
    id = user(shop, email)["id"]
    return users_by_id(shop.company, [id])[id]


def test_a_new_user_is_assigned_with_a_generated_password(shop: Shop, lic: Any) -> None:
    answer = assigned(shop, lic, email="U2@x.test", first_name="Ana", is_manager=True)

    assert answer["message"] == "License assigned."
    assert len(answer["new_password"]) == 14
    assert users_of(shop, lic)["u2@x.test"]["is_manager"] is True
    assert (user(shop, "u2@x.test")["first_name"], user(shop, "u2@x.test")["is_active"]) == (
        "Ana",
        True,
    )
    assert has_password(stored(shop, "u2@x.test"), answer["new_password"])


def test_a_chosen_password_is_hashed_slowly_and_never_shown(shop: Shop, lic: Any, out: Out) -> None:
    answer = assigned(shop, lic, email="u2@x.test", password="correct horse")

    found = stored(shop, "u2@x.test")
    assert answer["new_password"] is None
    assert found.hashed_by == "scrypt 32768 8 3"
    assert has_password(found, "correct horse")
    assert not has_password(found, "correct house")
    assert user(shop, "u2@x.test")["is_initial_password"] is False
    assert "correct horse" not in str(out())
    scanned = dynamo.client().scan(TableName=dynamo.table("CUSTOMERS_TABLE"))
    assert "correct horse" not in str(scanned)


def test_an_existing_user_is_assigned_without_a_password(shop: Shop, lic: Any) -> None:
    other = shop.order_one("up", {"users": [{"email": "u2@x.test"}]})

    first = assigned(shop, lic, email="u2@x.test", max_activations=3)
    again = assigned(shop, lic, email="u2@x.test")

    assert first["new_password"] is again["new_password"] is None
    assert users_of(shop, lic)["u2@x.test"]["max_activations"] == 3
    assert users_of(shop, other).keys() == {"u2@x.test"}


def test_a_repeated_assignment_with_the_same_password_is_the_same(shop: Shop, lic: Any) -> None:
    first, second = (
        assigned(shop, lic, email="u2@x.test", password="correct horse") for _ in range(2)
    )
    other = shop.post(
        f"/licenses/{lic['id']}/assign_user/", {"email": "u2@x.test", "password": "another one"}
    )

    assert second == first
    assert (other.status, fault_codes(other.json())) == (409, {"/password": "user_exists"})
    assert "another one" not in other.text


def test_an_assignment_whose_answer_is_lost_shows_its_password(shop: Shop, lic: Any) -> None:
    with tapped("TransactWriteItems", answer_lost):
        answer = assigned(shop, lic, email="u2@x.test")

    assert has_password(stored(shop, "u2@x.test"), answer["new_password"])


def test_two_assignments_at_once_are_both_kept(shop: Shop, lic: Any) -> None:
    with tapped("TransactWriteItems", meanwhile(lambda: assigned(shop, lic, email="u3@x.test"))):
        assigned(shop, lic, email="u2@x.test")

    assert users_of(shop, lic).keys() == {"u1@x.test", "u2@x.test", "u3@x.test"}


def test_a_user_that_appears_meanwhile_keeps_its_password(shop: Shop, lic: Any) -> None:
    other = shop.order_one("up", {"users": [{"email": "u9@x.test"}]})
    shown: list[Any] = []

    with tapped(
        "TransactWriteItems",
        meanwhile(lambda: shown.append(assigned(shop, other, email="u2@x.test"))),
    ):
        answer = assigned(shop, lic, email="u2@x.test")

    assert answer["new_password"] is None
    assert has_password(stored(shop, "u2@x.test"), shown[0]["new_password"])


def test_users_are_assigned_to_licenses_of_user_based_products_only(shop: Shop) -> None:
    id = shop.order_one("kp")["id"]

    reply = shop.post(f"/licenses/{id}/assign_user/", {"email": "u@x.test"})

    assert fault_codes(reply.json()) == {"/email": "users_not_allowed"}
    assert shop.get("/license-users/", "email=u@x.test").json()["count"] == 0


@pytest.mark.parametrize("by", ["license_user_id", "license_user_email"])
def test_a_user_is_unassigned_and_kept(shop: Shop, lic: Any, by: str) -> None:
    id = user(shop, "u1@x.test")["id"]
    body = {by: id if by == "license_user_id" else "u1@x.test"}

    first, second = (shop.post(f"/licenses/{lic['id']}/unassign_user/", body) for _ in range(2))

    assert first.json() == second.json() == {"message": "License unassigned.", "new_password": None}
    assert users_of(shop, lic) == {}
    assert user(shop, "u1@x.test")["id"] == id


@pytest.mark.parametrize(
    "body", [{}, {"license_user_id": 1, "license_user_email": "u1@x.test"}, {"email": "u1@x.test"}]
)
def test_the_user_to_unassign_is_named_once(shop: Shop, lic: Any, body: Any) -> None:
    assert shop.post(f"/licenses/{lic['id']}/unassign_user/", body).status == 400


def test_what_is_not_there_is_named(shop: Shop, lic: Any) -> None:
    none = 1000000000000001
    replies = {
        "license_not_found": [
            shop.post(f"/licenses/{none}/assign_user/", {"email": "u1@x.test"}),
            shop.post(f"/licenses/{none}/unassign_user/", {"license_user_email": "u1@x.test"}),
        ],
        "user_not_found": [
            shop.post(f"/licenses/{lic['id']}/unassign_user/", {"license_user_email": "x@x.test"}),
            shop.get(f"/license-users/{none}/"),
            shop.patch(f"/license-users/{none}/", {"first_name": "A"}),
            shop.post(f"/license-users/{none}/set_password/", {}),
            shop.post("/license-users/set_password/", {}, query="email=x@x.test"),
        ],
    }

    for code, answers in replies.items():
        assert {(each.status, each.json()["code"]) for each in answers} == {(404, code)}


def test_users_are_listed_by_email_and_by_license(shop: Shop, lic: Any) -> None:
    assigned(shop, lic, email="u2@x.test")
    shop.order_one("up", {"users": [{"email": "u3@x.test"}]})

    def emails(query: str) -> list[str]:
        return [each["email"] for each in shop.get("/license-users/", query).json()["results"]]

    assert emails(f"license={lic['id']}") == ["u2@x.test", "u1@x.test"]
    assert emails(f"license={lic['id']}&order_by=created_at") == ["u1@x.test", "u2@x.test"]
    assert emails(f"license={lic['id']}&email=U1@x.test") == ["u1@x.test"]
    assert emails(f"license={lic['id']}&email=u3@x.test") == []
    assert emails("license=1") == emails("email=x@x.test") == []


def test_a_list_of_users_needs_a_filter(shop: Shop) -> None:
    reply = shop.get("/license-users/")

    assert (reply.status, reply.json()["code"]) == (400, "filter_required")


def test_a_user_is_changed_in_what_is_named(shop: Shop, lic: Any) -> None:
    before = user(shop, "u1@x.test")

    body = {"first_name": "Ana", "phone_number": "+1", "is_active": "false", "email": "U1@x.test"}
    after = shop.patch(f"/license-users/{before['id']}/", body).json()
    again = shop.patch(f"/license-users/{before['id']}/", {"first_name": "Ana"}).json()
    blank = shop.patch(f"/license-users/{before['id']}/", {"first_name": None, "is_active": None})

    assert [after[name] for name in ("first_name", "phone_number", "is_active")] == [
        "Ana",
        "+1",
        False,
    ]
    assert again == after == {**after, "id": before["id"], "email": "u1@x.test"}
    assert (blank.json()["first_name"], blank.json()["is_active"]) == (None, False)
    assert shop.get(f"/license-users/{before['id']}/").json() == blank.json()


def test_the_email_of_a_user_can_not_be_changed(shop: Shop, lic: Any) -> None:
    id = user(shop, "u1@x.test")["id"]

    reply = shop.patch(f"/license-users/{id}/", {"email": "new@x.test"})

    assert fault_codes(reply.json()) == {"/email": "immutable"}


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_password_is_generated_and_shown_once(shop: Shop, lic: Any, by: str) -> None:
    id = user(shop, "u1@x.test")["id"]
    path = f"/license-users/{id}/set_password/" if by == "id" else "/license-users/set_password/"
    query = "" if by == "id" else "email=u1@x.test"

    answer = shop.post(path, {}, query=query).json()

    assert (answer["message"], len(answer["new_password"])) == ("Password set.", 14)
    assert has_password(stored(shop, "u1@x.test"), answer["new_password"])


def test_a_chosen_password_replaces_the_generated_one(shop: Shop, lic: Any) -> None:
    id = user(shop, "u1@x.test")["id"]

    with tapped("TransactWriteItems", answer_lost):
        answer = shop.post(f"/license-users/{id}/set_password/", {"password": "correct horse"})

    assert answer.json()["new_password"] is None
    assert has_password(stored(shop, "u1@x.test"), "correct horse")


@pytest.mark.parametrize("password", ["Tr0ub4d", "x" * 129, 12345678, ["correct horse"], ""])
def test_a_password_that_is_none_is_refused_without_being_repeated(
    shop: Shop, lic: Any, password: Any
) -> None:
    id = user(shop, "u1@x.test")["id"]

    reply = shop.post(f"/license-users/{id}/set_password/", {"password": password})

    assert reply.status == 400
    assert reply.json()["errors"][0]["value"] is None
    assert not password or str(password) not in reply.text


def test_a_user_of_another_company_is_not_found(shop: Shop, other_shop: Shop, lic: Any) -> None:
    id = user(shop, "u1@x.test")["id"]

    assert other_shop.get(f"/license-users/{id}/").status == 404
    assert other_shop.get("/license-users/", "email=u1@x.test").json()["count"] == 0
    assert other_shop.post(f"/license-users/{id}/set_password/", {}).status == 404


def test_a_user_that_was_changed_meanwhile_is_not_overwritten(shop: Shop, lic: Any) -> None:
    before = user(shop, "u1@x.test")
    path = f"/license-users/{before['id']}/"
    other = shop.patch(path, {"first_name": "Ana"}).json()

    late = shop.patch(path, {"first_name": "Bo", "updated_at": before["updated_at"]})

    assert (late.status, late.json()["code"]) == (409, "changed_meanwhile")
    assert set(fault_codes(late.json())) == {"/updated_at", "/first_name"}
    assert user(shop, "u1@x.test") == other


def assigned_several(shop: Shop, lic: Any, *emails: str, **more: Any) -> Any:
    entries = [{"email": email, **more} for email in emails]
    return shop.post(f"/licenses/{lic['id']}/assign_users/", {"emails": entries}).ok()


def test_several_users_are_assigned_and_passwords_of_new_ones_are_shown(
    shop: Shop, lic: Any
) -> None:
    answer = assigned_several(shop, lic, "u1@x.test", "U2@x.test", "u3@x.test", is_manager=True)
    again = assigned_several(shop, lic, "u1@x.test", "u2@x.test", "u3@x.test")

    assert [(each["email"], each["new_user"]) for each in answer] == [
        ("u1@x.test", False),
        ("u2@x.test", True),
        ("u3@x.test", True),
    ]
    assert answer[0]["password"] is None
    for each in answer[1:]:
        assert has_password(stored(shop, each["email"]), each["password"])
    assert [(each["new_user"], each["password"]) for each in again] == [(False, None)] * 3
    seats = users_of(shop, lic)
    assert [*seats] == ["u1@x.test", "u2@x.test", "u3@x.test"]
    assert all(seat["is_manager"] for seat in seats.values())


def test_as_many_users_are_assigned_as_a_transaction_takes(shop: Shop, lic: Any) -> None:
    emails = [f"n{n}@x.test" for n in range(99)]

    answer = assigned_several(shop, lic, *emails)

    assert [each["email"] for each in answer] == emails
    assert len(users_of(shop, lic)) == 100


def test_several_users_whose_answer_is_lost_show_their_passwords(shop: Shop, lic: Any) -> None:
    with tapped("TransactWriteItems", answer_lost):
        answer = assigned_several(shop, lic, "u2@x.test", "u3@x.test")

    for each in answer:
        assert each["new_user"]
        assert has_password(stored(shop, each["email"]), each["password"])


def test_a_user_who_appears_while_several_are_assigned_keeps_its_password(
    shop: Shop, lic: Any
) -> None:
    other = shop.order_one("up", {"users": [{"email": "u9@x.test"}]})
    shown: list[Any] = []

    with tapped(
        "TransactWriteItems",
        meanwhile(lambda: shown.append(assigned(shop, other, email="u3@x.test"))),
    ):
        two, three = assigned_several(shop, lic, "u2@x.test", "u3@x.test")

    assert (two["new_user"], three["new_user"], three["password"]) == (True, False, None)
    assert has_password(stored(shop, "u2@x.test"), two["password"])
    assert has_password(stored(shop, "u3@x.test"), shown[0]["new_password"])
    assert users_of(shop, lic).keys() == {"u1@x.test", "u2@x.test", "u3@x.test"}


def test_several_users_are_assigned_all_or_none(shop: Shop, lic: Any) -> None:
    def refused(lic: Any, *emails: str) -> Any:
        entries = [{"email": email} for email in emails]
        return shop.post(f"/licenses/{lic['id']}/assign_users/", {"emails": entries})

    twice = refused(lic, "u2@x.test", "u3@x.test", "U2@x.test")
    by_key = refused(shop.order_one("kp"), "u2@x.test")
    missing = refused({"id": 1000000000000001}, "u2@x.test")

    assert fault_codes(twice.json()) == {"/emails/2/email": "user_repeated"}
    assert fault_codes(by_key.json()) == {"/emails/0/email": "users_not_allowed"}
    assert (missing.status, missing.json()["code"]) == (404, "license_not_found")
    assert users_of(shop, lic).keys() == {"u1@x.test"}
    assert shop.get("/license-users/", "email=u2@x.test").json()["count"] == 0


def test_the_activations_of_several_users_are_set(shop: Shop, lic: Any) -> None:
    assigned(shop, lic, email="u2@x.test", max_activations=3)
    one, two = (str(user(shop, f"u{n}@x.test")["id"]) for n in (1, 2))
    path = f"/licenses/{lic['id']}/set_users_activations/"
    body = {one: {"max_activations": 100}, two: {"reset_total_activations": True}}

    with tapped("TransactWriteItems", answer_lost):
        replies = [shop.post(path, body) for _ in range(2)]

    assert [reply.json() for reply in replies] == [{"message": "Activations set."}] * 2
    seats = users_of(shop, lic)
    assert [seat["max_activations"] for seat in seats.values()] == [100, 3]


def test_activations_are_of_users_of_the_license(shop: Shop, lic: Any) -> None:
    shop.order_one("up", {"users": [{"email": "u9@x.test"}]})
    own, other = (str(user(shop, f"u{n}@x.test")["id"]) for n in (1, 9))
    body = {own: {"max_activations": 5}, other: {"max_activations": 5}}

    reply = shop.post(f"/licenses/{lic['id']}/set_users_activations/", body)
    missing = shop.post("/licenses/1000000000000001/set_users_activations/", body)
    unnamed = shop.post(f"/licenses/{lic['id']}/set_users_activations/", {"u1@x.test": {}})

    assert (reply.status, fault_codes(reply.json())) == (400, {f"/{other}": "user_not_assigned"})
    assert (missing.status, missing.json()["code"]) == (404, "license_not_found")
    assert (unnamed.status, "u1@x.test" in unnamed.json()["message"]) == (400, True)
    assert users_of(shop, lic)["u1@x.test"]["max_activations"] is None


def test_users_for_whom_a_license_is_too_large_are_refused(shop: Shop) -> None:
    codes = [f"h{n}" for n in range(25)]
    for code in codes:
        shop.make("/product-features/", product="up", code=code, name=code)
    features = [{"code": code, "metadata": {"text": "x" * 15_000}} for code in codes]
    users = [{"email": f"u{n}@x.test"} for n in range(20)]
    lic = shop.order_one("up", {"users": users, "product_features": features})
    key = dynamo.key_of((dynamo.partition(shop.company, lic["id"]),))
    item = dynamo.client().get_item(TableName=dynamo.table("LICENSES_TABLE"), Key=key)["Item"]
    free = dynamo.ITEM_BYTES - dynamo.size_of(dynamo.put("LICENSES_TABLE", item))
    shop.patch(f"/licenses/{lic['id']}/", {"metadata": {"text": "x" * (free - 200)}})
    path = f"/licenses/{lic['id']}"
    limits = {str(seat["id"]): {"max_activations": 2**31 - 1} for seat in lic["license_users"]}

    replies = [
        shop.post(f"{path}/assign_user/", {"email": f"{'u' * 60}@x.test"}),
        shop.post(f"{path}/assign_users/", {"emails": [{"email": f"{'u' * 60}@x.test"}]}),
        shop.post(f"{path}/set_users_activations/", limits),
    ]

    assert [reply.json().get("code") for reply in replies] == ["record_too_large"] * 3
    assert users_of(shop, lic).keys() == {each["email"] for each in users}
