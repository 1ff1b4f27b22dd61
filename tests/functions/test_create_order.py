"""Acceptance cases of create order, in process."""

import re

from tests.functions.shop import Shop

KEY = re.compile(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}")


def test_a_license_without_a_key_gets_a_generated_one(shop: Shop) -> None:
    license = shop.order_one()

    assert KEY.fullmatch(license["license_key"])
