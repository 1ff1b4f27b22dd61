"""Customers and license users, without a store."""

import hashlib
from datetime import UTC, datetime

import pytest

from shared.customers import (
    CustomerPatch,
    CustomerRequest,
    UserRequest,
    change_customer,
    new_customer,
    new_license_user,
)
from shared.errors import Refused

NOW = datetime(2026, 3, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 13, tzinfo=UTC)
SECRET = b"s" * 32


def test_only_a_salted_hash_of_a_password_is_kept() -> None:
    request = UserRequest(email="u@x.test")

    user, password = new_license_user(7, request, made_by="o", secret=SECRET, now=NOW)

    salted = hashlib.sha256(f"{user.salt}{password}".encode()).hexdigest()
    assert user.password_hash == salted
    assert password not in user.model_dump_json()
    assert len(password) == 14


def test_the_same_secret_draws_the_same_password_again() -> None:
    request = UserRequest(email="u@x.test")

    first, second = (
        new_license_user(7, request, made_by="o", secret=SECRET, now=NOW) for _ in range(2)
    )

    assert first == second


def test_two_users_of_one_order_have_nothing_in_common() -> None:
    (one, first), (other, second) = (
        new_license_user(7, UserRequest(email=email), made_by="o", secret=SECRET, now=NOW)
        for email in ("u1@x.test", "u2@x.test")
    )

    assert first != second
    assert one.salt != other.salt


def test_a_customer_has_what_is_not_blank() -> None:
    request = CustomerRequest(email=" ANA@x.test", first_name="", company="Acme", id=5)

    customer = new_customer(7, request, made_by="o", now=NOW)

    assert (customer.id, customer.email, customer.company_name) == (7, "ana@x.test", "Acme")
    assert customer.first_name is None


@pytest.mark.parametrize("request_", [CustomerRequest(), CustomerRequest(id=5)])
def test_a_customer_of_nothing_is_none(request_: CustomerRequest) -> None:
    assert request_.fields() == {}


def test_what_is_not_named_stays() -> None:
    customer = new_customer(
        7, CustomerRequest(email="ana@x.test", city="A", phone="1"), made_by="o", now=NOW
    )

    changed = change_customer(customer, CustomerPatch(city="B"), now=LATER)

    assert (changed.city, changed.phone, changed.email) == ("B", "1", "ana@x.test")
    assert (changed.created_at, changed.updated_at) == (NOW, LATER)


def test_another_email_is_another_customer() -> None:
    customer = new_customer(7, CustomerRequest(email="ana@x.test"), made_by="o", now=NOW)

    with pytest.raises(Refused) as refused:
        change_customer(customer, CustomerPatch(email="bob@x.test"), now=LATER)

    assert refused.value.code == "immutable"
