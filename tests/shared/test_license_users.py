"""License users: assignments, passwords and changes."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.customers import LicenseUser
from shared.errors import Refused
from shared.license_users import (
    ActivationsRequest,
    AssignRequest,
    AssignSeveral,
    UnassignRequest,
    UserPatch,
    assign_user,
    change_user,
    generated_password,
    has_password,
    new_user,
    set_activations,
    unassign_user,
    with_password,
)
from shared.licenses import License
from tests.shared.value_shop import NOW, ValueShop

LATER = NOW + timedelta(minutes=1)
SHOP = ValueShop()


def license_of(product: str) -> License:
    """A license without users; an order of a user-based product must name one."""
    license = {"users": [{"email": "first@x.test"}]} if product == "up" else {}
    (lic,) = SHOP.plan(items=[{"product_code": product, "licenses": [license]}]).licenses
    return lic.model_copy(update={"license_users": ()})


def user_with(chosen: str = "correct-1", **fields: str) -> LicenseUser:
    request = AssignRequest.model_validate({"email": "u@x.test", "password": chosen, **fields})
    return new_user(7, request, chosen, license_id=1, now=NOW)


def test_a_user_is_assigned_once() -> None:
    lic, product = license_of("up"), SHOP.products["up"]
    request = AssignRequest(email="U@x.test")

    assigned = assign_user(lic, request, 7, product, now=LATER)

    assert [(ref.user_id, ref.email) for ref in assigned.license_users] == [(7, "u@x.test")]
    assert assigned.updated_at == LATER
    assert assign_user(assigned, request, 7, product, now=LATER) is assigned


def test_a_second_assignment_changes_only_what_it_names() -> None:
    product = SHOP.products["up"]
    first = AssignRequest(email="u@x.test", is_manager=True, max_activations=2)
    assigned = assign_user(license_of("up"), first, 7, product, now=NOW)

    changed = assign_user(
        assigned, AssignRequest(email="u@x.test", max_activations=3), 7, product, now=NOW
    )

    (ref,) = changed.license_users
    assert (ref.is_manager, ref.max_activations) == (True, 3)
    assert changed.updated_at > assigned.updated_at


def test_a_license_of_a_key_based_product_has_no_users() -> None:
    with pytest.raises(Refused) as caught:
        assign_user(
            license_of("kp"), AssignRequest(email="u@x.test"), 7, SHOP.products["kp"], now=NOW
        )

    assert caught.value.code == "users_not_allowed"


def test_an_unassigned_user_leaves_the_others() -> None:
    lic, product = license_of("up"), SHOP.products["up"]
    for number in (7, 8):
        request = AssignRequest(email=f"u{number}@x.test")
        lic = assign_user(lic, request, number, product, now=NOW)

    left = unassign_user(lic, 7, now=LATER)

    assert [ref.user_id for ref in left.license_users] == [8]
    assert unassign_user(left, 7, now=LATER) is left


@pytest.mark.parametrize(
    "body", [{}, {"license_user_id": 1, "license_user_email": "u@x.test"}], ids=["none", "both"]
)
def test_a_user_is_unassigned_by_id_or_by_email(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="one of them"):
        UnassignRequest.model_validate(body)


def test_a_user_is_unassigned_by_what_is_sent() -> None:
    assert UnassignRequest(license_user_id=5).user == 5
    assert UnassignRequest(license_user_email="U@x.test").user == "u@x.test"


@pytest.mark.parametrize("generated", [True, False])
def test_a_password_is_verified_by_its_hash_alone(generated: bool) -> None:
    user = with_password(user_with(), "correct horse", generated=generated, now=LATER)

    assert has_password(user, "correct horse")
    assert not has_password(user, "correct horsf")
    assert not has_password(user_with("other-one"), "correct horse")
    assert "correct" not in user.model_dump_json()
    assert user.is_initial_password is generated


def test_a_chosen_password_is_hashed_slowly_and_a_generated_one_is_long() -> None:
    assert (user_with().hashed_by or "").startswith("scrypt ")
    assert with_password(user_with(), "x", generated=True, now=NOW).hashed_by is None
    assert len({generated_password() for _ in range(9)}) == 9


def test_equal_passwords_have_different_hashes() -> None:
    assert user_with().password_hash != user_with().password_hash


def test_a_change_names_the_fields_it_sets() -> None:
    user = user_with(first_name="Ana", last_name="Peña")

    changed = change_user(user, UserPatch(first_name=None, phone_number="1"), now=LATER)

    assert (changed.first_name, changed.last_name, changed.phone_number) == (None, "Peña", "1")
    assert changed.updated_at == LATER


def test_a_change_of_nothing_is_no_change() -> None:
    user = user_with(first_name="Ana")

    assert change_user(user, UserPatch(first_name="Ana", email="U@x.test"), now=LATER) is user
    assert change_user(user, UserPatch(is_active=None), now=LATER) is user


def test_every_change_is_later_than_the_last() -> None:
    user = user_with()

    assert change_user(user, UserPatch(first_name="A"), now=NOW).updated_at > user.updated_at


def test_the_email_of_a_user_can_not_be_changed() -> None:
    with pytest.raises(Refused) as caught:
        change_user(user_with(), UserPatch(email="other@x.test"), now=LATER)

    assert [fault.pointer for fault in caught.value.faults] == ["/email"]
    assert caught.value.code == "immutable"


def test_the_activations_of_assigned_users_are_set() -> None:
    lic = license_of("up")
    for id in (7, 8):
        request = AssignRequest(email=f"u{id}@x.test", max_activations=2)
        lic = assign_user(lic, request, id, SHOP.products["up"], now=NOW)
    limits = ActivationsRequest.model_validate(
        {"7": {"max_activations": 100, "reset_total_activations": True}, "8": {}}
    )

    after = set_activations(lic, limits.by_id, now=LATER)

    assert [ref.max_activations for ref in after.license_users] == [100, 2]
    assert set_activations(after, limits.by_id, now=LATER) is after


def test_null_removes_the_limit_of_a_user() -> None:
    request = AssignRequest(email="u@x.test", max_activations=2)
    lic = assign_user(license_of("up"), request, 7, SHOP.products["up"], now=NOW)
    none = ActivationsRequest.model_validate({"7": {"max_activations": None}})

    after = set_activations(lic, none.by_id, now=LATER)

    assert after.license_users[0].max_activations is None


def test_activations_of_users_who_are_not_assigned_are_refused_by_name() -> None:
    request = ActivationsRequest.model_validate({"7": {}, "8": {"max_activations": 1}})

    with pytest.raises(Refused) as refused:
        set_activations(license_of("up"), request.by_id, now=LATER)

    assert [fault.pointer for fault in refused.value.faults] == ["/7", "/8"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"0": {}},
        {"01": {}},
        {" 1": {}},
        {"u@x.test": {}},
        {"1" * 17: {}},
        {"1": 5},
        {"1": {"max_activations": -1}},
        {"1": {"total_activations": 0}},
    ],
)
def test_activations_that_are_none_are_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        ActivationsRequest.model_validate(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"emails": []},
        {"emails": ["u@x.test"]},
        {"emails": [{"is_manager": True}]},
        {"emails": [{"email": "u@x.test", "password": "correct horse"}]},
        {"emails": [{"email": f"u{n}@x.test"} for n in range(100)]},
        {"emails": [{"email": "u@x.test"}], "send_email": True},
    ],
)
def test_users_that_can_not_be_assigned_at_once_are_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        AssignSeveral.model_validate(body)


def test_no_email_is_asked_for_and_none_is_sent() -> None:
    body = {"emails": [{"email": "U@x.test", "is_manager": "true"}], "send_email": False}

    (request,) = AssignSeveral.model_validate(body).requests

    assert (request.email, request.is_manager, request.password) == ("u@x.test", True, None)
