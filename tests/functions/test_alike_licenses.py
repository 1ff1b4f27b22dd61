"""Licenses of equal terms in one order are issued, stored and shown once, and copied.

The order must be what it is when each license is ordered by itself: JSON tells values apart that
Python takes for equal.
"""

from typing import Any

import pytest

from shared import issuing, orders
from shared.contract import records
from tests.functions.shop import Shop

VARIANTS: list[dict[str, Any]] = [
    {},
    {},
    {"metadata": {"a": 1}},
    {"metadata": {"a": True}},
    {"metadata": {"a": 1.5}},
    {"custom_fields": [{"name": "n", "value": 1}]},
    {"custom_fields": [{"name": "n", "value": True}]},
    {"product_features": [{"code": "f1", "metadata": {"a": 1}}]},
    {"product_features": [{"code": "f1", "metadata": {"a": True}}]},
    {"product_features": ["f1"]},
    {"product_features": ["f1"]},
    {"product_features": ["f2"]},
    {"product_features": []},
    {"note": "one", "subscription_id": "s-1"},
    {"note": "two"},
    {"max_activations": 7},
    {"max_activations": 7, "note": "three"},
    {"max_activations": 8},
    {"valid_duration": None},
    {"policy_code": "policy_A"},
    {"policy_code": "policy_A", "key": "OWN-KEY"},
    {"license_template_code": "policy_A"},
    {"is_trial": True, "trial_days": 9},
    {"is_trial": False},
    {"validity_period": "2031-01-02"},
    {"active": True},
    {"enabled": False},
]
_OWN = {"id", "license_key", "order", "order_item", "order_store_id", "created_at", "updated_at"}


def terms(lic: dict[str, Any]) -> str:
    """The view of a license without its own fields; text, so that 1 is not true."""
    return str({name: value for name, value in lic.items() if name not in _OWN})


@pytest.mark.parametrize("prefix", [0, 1])
def test_an_order_of_many_licenses_has_each_as_ordered_by_itself(shop: Shop, prefix: int) -> None:
    """Between two equal licenses, and right after one another."""
    together: list[dict[str, Any]] = []
    for variant in VARIANTS:
        together += [{}] * prefix + [variant]
    alone = [
        terms(shop.order_one(license={k: v for k, v in variant.items() if k != "key"}))
        for variant in together
    ]

    body = shop.order(items=[{"product_code": "kp", "licenses": together}]).ok()

    assert [terms(lic) for lic in body["order_items"][0]["licenses"]] == alone
    read = [
        shop.get(f"/licenses/{lic['id']}/").json() for lic in body["order_items"][0]["licenses"]
    ]
    assert [terms(lic) for lic in read] == alone
    assert len({lic["license_key"] for lic in read}) == len(together)


def test_users_and_notes_are_each_licenses_own(shop: Shop) -> None:
    licenses = [
        {"note": f"note {n}", "users": [{"email": f"u{n}@x.test"}], "metadata": {"n": n}}
        for n in range(4)
    ]

    placed = shop.order(items=[{"product_code": "up", "licenses": licenses}]).json()

    shown = placed["order_items"][0]["licenses"]
    assert [lic["license_user"]["email"] for lic in shown] == [f"u{n}@x.test" for n in range(4)]
    assert [(lic["note"], lic["metadata"]) for lic in shown] == [
        (f"note {n}", {"n": n}) for n in range(4)
    ]


def test_an_order_of_ninety_does_its_work_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    done: dict[str, int] = {}

    def counted(owner: Any, name: str) -> None:
        act = getattr(owner, name)

        def counting(*args: Any, **named: Any) -> Any:
            done[name] = done.get(name, 0) + 1
            return act(*args, **named)

        monkeypatch.setattr(owner, name, counting)

    counted(orders.OrderRequest, "canonical")
    counted(issuing, "issue")
    counted(records, "license_view")

    order = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}] * 90}]}
    assert shop.order(**order).status == 200

    assert done == {"canonical": 1, "issue": 1, "license_view": 1}
    assert shop.order(**order).headers["idempotent-replayed"] == "true"
    assert done["canonical"] == 2
