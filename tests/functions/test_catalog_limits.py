"""A product with its policies and features is one record of at most 390 KB."""

from tests.functions.shop import Shop


def test_a_product_that_would_outgrow_its_record_is_refused(shop: Shop) -> None:
    heavy = {"note": "x" * 16_000}
    for n in range(30):
        reply = shop.post(
            "/product-features/",
            {"product": "kp", "code": f"h{n}", "name": "Heavy", "metadata": heavy},
        )
        if reply.status != 201:
            break

    assert (reply.status, reply.json()["code"]) == (400, "product_too_large")
    assert n > 20
    assert shop.order_one()["license_key"]
