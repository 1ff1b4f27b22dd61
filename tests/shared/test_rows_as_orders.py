"""A valid row gives the license that the equal order gives, and an invalid one has its faults."""

import csv
import io
import json
import random
from typing import Any

from shared.errors import Refused
from shared.licenses import License, users_text
from shared.orders import OrderPlan
from shared.row_entries import Import, InvalidRecord, LicenseEntry
from shared.row_keys import with_copies
from shared.values import record_id
from tests.shared.value_import import NOW, read_rows
from tests.shared.value_shop import ValueShop

PAIRS = 2_000
FLAGS = (
    *("allow_unlimited_activations", "enable_maintenance_period", "allow_unlimited_consumptions"),
    *("allow_negative_consumptions", "prevent_vm", "is_floating", "is_floating_cloud"),
    *("can_borrow", "allow_grace_period", "is_air_gapped", "is_hardware_key_auth"),
    *("allow_overages", "reset_consumption", "is_trial", "enabled"),
)
COUNTS = (
    *("max_activations", "trial_days", "max_consumptions", "floating_timeout", "floating_users"),
    *("max_borrow_time", "grace_period", "max_license_users", "max_overages"),
)
LICENSE: dict[str, list[Any]] = {
    **{name: [True, False] for name in FLAGS},
    **{name: [0, 1, 7] for name in COUNTS},
    "license_type": ["perpetual", "time-limited", "subscription", "consumption"],
    "policy_code": ["default", "policy_A", "rich", "gone", "none"],
    "valid_duration": ["1y", "90min", None],
    "maintenance_duration": ["30d", None],
    "consumption_period": ["daily", "monthly", None],
    "max_transfers": [-1, 0, 3],
    "validity_period": ["2030-01-31"],
    "start_date": ["2026-02-03"],
    "maintenance_period": ["2031-12-31"],
    "note": ['moved; from the "old" shop', "two\nlines"],
    "subscription_id": ["sub-1"],
    "metadata": [{"po": "4711", "n": [1, 1.0, True, None]}, {"ü": {"a": '"'}}, {}],
    "product_features": [
        [],
        ["f1"],
        ["f2", "f1"],
        ["credits"],
        ["f1", {"code": "credits", "max_consumption": 7, "expiry_date": "2030-01-31"}],
        [{"code": "credits", "consumption_period": None, "metadata": {"a": 1}}],
        [{"code": "credits"}],
        ["f1", "f1"],
        ["off"],
        ["nothing"],
    ],
    "custom_fields": [
        [{"name": "seat", "value": "A7"}],
        [{"name": "seat", "value": each} for each in (1, 1.5, True, None, "")],
        [],
    ],
}
ORDER: dict[str, list[Any]] = {
    "metadata": [{"shop": "old"}, {}],
    "is_test": [True, False],
    "language": ["es"],
    "created_at": ["2024-03-12", "2019-12-31T23:30:00+01:00"],
}
CUSTOMER: dict[str, list[Any]] = {
    "email": ["ana@x.test"],
    "company_name": ["Acme"],
    "metadata": [{"since": 2019}, {}],
}
ELSEWHERE = {
    *("id", "order_id", "order_item_id", "order_store_id", "customer_id", "made_by"),
    *("created_at", "updated_at", "license_key", "note", "subscription_id"),
}
"""Fields of a license that a row's model does not have, or that may differ."""


def shop() -> ValueShop:
    """Products with policies that have terms and features of their own."""
    made = ValueShop()
    made.make_feature("kp", "off", active=False)
    made.make_policy(
        "kp",
        "rich",
        default_license_type="consumption",
        consumption_period="weekly",
        max_overages=3,
        license_product_feature_templates=[
            {"product_feature": "f1"},
            {"product_feature": "credits", "max_consumption": 55, "consumption_period": "weekly"},
        ],
    )
    made.make_policy("kp", "gone")
    made.change_policy("kp", "gone", is_archived=True)
    return made


def drawn(chance: random.Random, choices: dict[str, list[Any]], share: float) -> dict[str, Any]:
    return {name: chance.choice(of) for name, of in choices.items() if chance.random() < share}


def cell(name: str, value: Any) -> str:
    """How a file writes a value of a request."""
    if value is None or (name == "product_features" and not value):
        return "\\N"
    if name == "product_features" and all(isinstance(each, str) for each in value):
        return ";".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def cells_of(number: int, product: str, parts: dict[str, dict[str, Any]]) -> dict[str, str]:
    cells = {"license__license_key": f"K-{number}", "product__short_code": product}
    for part, given in parts.items():
        cells |= {f"{part}__{name}": cell(name, value) for name, value in given.items()}
    return cells


def file_of(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*dict.fromkeys(name for row in rows for name in row)])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def planned(of: ValueShop, **body: Any) -> OrderPlan | Refused:
    try:
        return of.plan(**body)
    except Refused as refused:
        return refused


def plain(lic: License) -> dict[str, Any]:
    return lic.model_dump(mode="json", exclude=ELSEWHERE)


def test_a_row_issues_the_license_of_the_equal_order() -> None:
    chance, of = random.Random(17), shop()  # not a secret, a replay
    asked = []
    for _ in range(PAIRS):
        share = chance.choice((0.05, 0.15, 0.4))
        product = chance.choice(("kp", "kp", "kp", "cp", "none"))
        choices = {"license": LICENSE, "order": ORDER, "customer": CUSTOMER}
        parts = {part: drawn(chance, of_part, share) for part, of_part in choices.items()}
        asked.append((product, parts))
    rows = [cells_of(number, *each) for number, each in enumerate(asked)]

    entries = read_rows(file_of(rows), products=of.products)

    valid = 0
    for number, ((product, parts), entry) in enumerate(zip(asked, entries, strict=True)):
        body = {"key": f"K-{number}", **parts["license"]}
        items = [{"product_code": product, "licenses": [body]}]
        order = dict(parts["order"])
        order |= {"created": order.pop("created_at")} if "created_at" in order else {}
        placed = planned(of, items=items, customer=parts["customer"], **order)
        if isinstance(placed, Refused):
            assert isinstance(entry, InvalidRecord), (body, placed.faults)
            codes = {fault["code"] for fault in entry.faults}
            assert codes == {fault.code for fault in placed.faults}, body
            continue
        valid += 1
        assert isinstance(entry, LicenseEntry), (body, entry)
        (theirs,) = placed.licenses
        assert plain(entry.model) == plain(theirs), body
        assert (entry.key, entry.note) == (theirs.license_key, theirs.note)
        assert entry.subscription_id == theirs.subscription_id
        assert entry.model.created_at == NOW == theirs.created_at
        assert (entry.order.metadata or {}) == placed.order.metadata
        assert (entry.order.created_at or NOW) == placed.order.created_at
        written = entry.customer.model_dump() if entry.customer else {}
        assert {name: value for name, value in written.items() if value is not None} == {
            name: value
            for name in CUSTOMER
            if (value := getattr(placed.customer, name, None)) is not None
        }
    assert PAIRS // 4 < valid < PAIRS


COPIED = 300
SEED = b"s" * 32
FIELDS = {"Seats": ["5", "true", "A 7"], "färbe": ["grün"]}


def test_a_row_with_a_quantity_and_custom_fields_issues_the_licenses_of_the_equal_order() -> None:
    chance, of = random.Random(23), shop()  # not a secret, a replay
    choices = {name: each for name, each in LICENSE.items() if name != "custom_fields"}
    asked, rows = [], []
    for _ in range(COPIED):
        body, fields = drawn(chance, choices, 0.1), drawn(chance, FIELDS, 0.5)
        quantity = chance.choice((1, 2, 7))
        cells = cells_of(0, "kp", {"license": body}) | {"license__license_key": ""}
        cells |= {f"license__custom__{name}": fields.get(name, "") for name in FIELDS}
        rows.append(cells | {"license__quantity": str(quantity)})
        named = [{"name": name, "value": value} for name, value in fields.items()]
        asked.append([{**body, "custom_fields": named}] * quantity)

    entries = read_rows(file_of(rows), products=of.products, key_seed=SEED)

    job = Import("acme", 7, "licenses", NOW, of.products, key_seed=SEED)
    keys: list[str] = []
    for licenses, entry in zip(asked, entries, strict=True):
        placed = planned(of, items=[{"product_code": "kp", "licenses": licenses}])
        if isinstance(placed, Refused):
            assert isinstance(entry, InvalidRecord)
            assert {each["code"] for each in entry.faults} == {each.code for each in placed.faults}
            continue
        assert isinstance(entry, LicenseEntry), entry
        copies = with_copies(job, [entry])
        assert [plain(each.model) for each in copies] == [plain(lic) for lic in placed.licenses]
        keys += [each.key for each in copies]
    assert len({*keys}) == len(keys) > COPIED


SEATS = 300
EMAILS = ("ana@x.test", "Ben@x.test", "carl@x.test", "ANA@x.test")


def test_a_row_with_users_issues_the_license_of_the_equal_order() -> None:
    chance, of = random.Random(29), shop()  # not a secret, a replay
    asked, rows = [], []
    for number in range(SEATS):
        body, product = drawn(chance, LICENSE, 0.05), chance.choice(("up", "up", "up", "kp"))
        users = [
            {"email": chance.choice(EMAILS), "is_manager": chance.random() < 0.3}
            for _ in range(chance.choice((0, 1, 1, 2, 3)))
        ]
        key = chance.choice(("", "", "", f"K-{number}"))
        cells = cells_of(number, product, {"license": body}) | {"license__license_key": key}
        named = [f"{user['email']}{'*' if user['is_manager'] else ''}" for user in users]
        rows.append(cells | {"license__users": "; ".join(named), "order__store_id": f"o-{number}"})
        license = {**body, "users": users} | ({"key": key} if key else {})
        asked.append((product, license))

    entries = read_rows(file_of(rows), products=of.products)

    valid = 0
    for number, ((product, license), entry) in enumerate(zip(asked, entries, strict=True)):
        lines = [{"product_code": product, "licenses": [license]}]
        placed = planned(of, items=lines, id=f"o-{number}")
        if isinstance(placed, Refused):
            assert isinstance(entry, InvalidRecord), (lines, placed.faults)
            continue
        if product == "kp" and "key" not in license:
            continue  # an order generates a key
        assert isinstance(entry, LicenseEntry), (lines, entry)
        (theirs,) = placed.licenses
        valid += bool(entry.users)
        assert plain(entry.model) | {"license_users": []} == plain(theirs) | {"license_users": []}
        assert users_text(entry.users) == users_text(theirs.license_users)
    assert SEATS // 5 < valid < SEATS


BUNDLES = 200


def test_the_rows_of_a_bundle_issue_the_licenses_of_the_equal_order() -> None:
    chance, of = random.Random(31), shop()  # not a secret, a replay
    own = {"product_features", "policy_code", "custom_fields"}
    choices = {name: each for name, each in LICENSE.items() if name not in own}
    asked, rows = [], []
    for number in range(BUNDLES):
        members = []
        rows.append(cells_of(number, "bnd", {}))
        for code in ("p1", "p2"):
            body = drawn(chance, choices, 0.05) | {"policy_code": "std"}
            members.append({"product_code": code, **body})
            rows.append(cells_of(number, code, {"license": body}))
        asked.append(members)
    rows = [row | {"license__bundle_key": row["license__license_key"]} for row in rows]

    entries = read_rows(file_of(rows), products=of.products)

    valid = 0
    for number, members in enumerate(asked):
        of_bundle = entries[3 * number : 3 * number + 3]
        items = [{"product_code": "bnd", "key": f"K-{number}", "licenses": members}]
        placed = planned(of, items=items, is_bundle=True)
        if isinstance(placed, Refused):
            assert any(isinstance(entry, InvalidRecord) for entry in of_bundle)
            continue
        valid += 1
        unlinked = {"bundle_license_id": None}
        for entry, theirs in zip(of_bundle, placed.licenses, strict=True):
            assert isinstance(entry, LicenseEntry), entry
            assert plain(entry.model) | unlinked == plain(theirs) | unlinked
            assert entry.license_key == theirs.license_key
            place = entry.key.split("\x1f")
            assert record_id("acme", "license", *place) == theirs.id
    assert BUNDLES // 5 < valid < BUNDLES
