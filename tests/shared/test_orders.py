"""Orders: the users that a request names, and an order with what was appended."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.orders import FIRST_PART, Order, OrderItem, OrderRequest, whole

BODY: dict[str, Any] = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}]}]}
NOW = datetime(2026, 3, 12, tzinfo=UTC)


def test_the_fullest_naming_of_a_user_is_taken() -> None:
    licenses = [
        {"users": [{"email": "u@x.test"}]},
        {"users": [{"email": "U@x.test", "first_name": "Uma"}]},
    ]
    request = OrderRequest.model_validate({"items": [{"product_code": "up", "licenses": licenses}]})

    assert [user.first_name for user in request.users.values()] == ["Uma"]


def row(part: str, item: int, minute: int) -> Order:
    moment = NOW.replace(minute=minute)
    bought = OrderItem(id=item, product_id=1, product_code="kp", license_ids=(item,))
    return Order(
        id=1, part=part, store_id="o-1", items=(bought,), created_at=moment, updated_at=moment
    )


@given(st.permutations([row(FIRST_PART, 1, 0), row("append#b", 2, 1), row("append#a", 3, 2)]))
def test_an_order_is_what_was_placed_and_then_what_was_appended(rows: list[Order]) -> None:
    order = whole(rows)

    assert order.license_ids == (1, 2, 3)
    assert (order.created_at, order.updated_at) == (NOW, NOW.replace(minute=2))
