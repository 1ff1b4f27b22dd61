"""An imported export creates licenses with equal terms."""

import csv
import io
import random
from collections.abc import Iterator
from typing import Any

import pytest

from shared.columns import LICENSE_COLUMNS, PUBLISHED_COLUMNS
from shared.terms import NULLABLE, TERMS
from tests.engine import Engine
from tests.functions.import_files import Files, counts, open_files
from tests.functions.shop import Shop, stocked_shop

FLAGS = (
    *("allow_unlimited_activations", "enable_maintenance_period", "allow_unlimited_consumptions"),
    *("allow_negative_consumptions", "prevent_vm", "is_floating", "is_floating_cloud"),
    *("can_borrow", "allow_grace_period", "is_air_gapped", "is_hardware_key_auth"),
)
COUNTS = (
    *("max_activations", "trial_days", "max_consumptions", "floating_timeout"),
    *("max_borrow_time", "grace_period", "max_license_users"),
)
CONSUMPTION: dict[str, list[Any]] = {
    "allow_overages": [True, False],
    "max_overages": [0, 7],
    "reset_consumption": [True, False],
    "consumption_period": ["daily", "monthly", None],
}
OTHERS: dict[str, list[Any]] = {
    "valid_duration": ["1y", "3m", "90min", None],
    "maintenance_duration": ["1y", "30d", None],
    "max_transfers": [-1, 0, 3],
    "floating_users": [0, 1],
    "validity_period": ["2030-01-31"],
    "start_date": ["2026-02-03"],
    "maintenance_period": ["2031-12-31"],
    "is_trial": [True, False],
    "enabled": [True, False],
    "note": ['moved; from the "old" shop', "=1+1", "two\nlines"],
    "subscription_id": ["sub-1"],
    "metadata": [{"po": "4711", "n": [1, 1.5, None]}, {"ü\u2028": {"a": '"'}}, {"=": "\n"}],
}
POLICIES = ("default", "policy_A", "rich")
FEATURES: list[list[Any]] = [
    *([], ["f1"], ["f2", "f1"], ["credits"]),
    ["f1", {"code": "credits", "max_consumption": 7, "expiry_date": "2030-01-31"}],
    [{"code": "credits", "consumption_period": None, "metadata": {"a": 1}}],
]
FIELDS = [[{"name": "seat", "value": each} for each in (1, 1.5, True, None, "A7")]]
SHOWN = (
    *TERMS,
    *("policy_code", "product_features", "custom_fields"),
    *("license_key", "license_type", "validity_period", "start_date", "maintenance_period"),
    *("is_trial", "enabled", "note", "subscription_id", "metadata"),
)


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "1000000")
    with open_files(stocked_shop("other")) as files:
        yield files


def random_license(chance: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    """A product and the terms of a license of it; some contradict each other."""
    product = chance.choice(["kp", "kp", "cp", "full"])
    kind = chance.choice(["perpetual", "time-limited", "subscription", "consumption"])
    choices: dict[str, list[Any]] = {name: [True, False] for name in FLAGS}
    choices |= {name: [0, 2, 7] for name in COUNTS} | OTHERS
    if kind == "consumption":
        choices |= CONSUMPTION
    given = {name: chance.choice(some) for name, some in choices.items() if chance.random() < 0.4}
    if product == "kp":
        more = {"policy_code": POLICIES, "product_features": FEATURES, "custom_fields": FIELDS}
        given |= {name: chance.choice(some) for name, some in more.items() if chance.random() < 0.6}
    return product, {"key": f"K-{number:03}", "license_type": kind, **given}


def stock(shop: Shop) -> None:
    """A product whose default policy and own terms leave no term open."""
    terms = {"valid_duration": "2y", "maintenance_duration": "6m", "trial_days": 9}
    more = {"consumption_period": "weekly", "can_borrow": True, "max_transfers": 4}
    shop.make("/products/", product_name="F", short_code="full", **terms, **more)
    features = [
        {"product_feature": "f1"},
        {"product_feature": "credits", "max_consumption": 55, "consumption_period": "weekly"},
    ]
    shop.make(
        "/license-templates/",
        product="kp",
        name="Rich",
        code="rich",
        default_license_type="perpetual",
        license_product_feature_templates=features,
        **terms,
    )


def shown(shop: Shop) -> dict[str, dict[str, Any]]:
    found = shop.get("/licenses/", "limit=100").json()["results"]
    for feature in (each for lic in found for each in lic["product_features"]):
        # Companies have other ids.
        feature |= {"id": None, "product_feature": feature["product_feature"]["code"]}
    return {lic["license_key"]: {name: lic[name] for name in SHOWN} for lic in found}


def test_every_term_that_an_order_has_is_exported_and_imported_again(
    shop: Shop, files: Files
) -> None:
    chance = random.Random(14)  # not a secret, a replay
    stock(shop)
    stock(files.shop)
    placed = 0
    for number in range(160):
        product, license = random_license(chance, number)
        reply = shop.order(items=[{"product_code": product, "licenses": [license]}])
        assert reply.status in (200, 400), reply.text
        placed += reply.status == 200
        if placed == 100:
            break

    exported = shop.get("/orders/export/", "range=last30")
    job = files.imported(exported.text.encode())

    assert (job.state, counts(job, "created_licenses")) == ("succeeded", [placed]), files.errors(
        job
    )
    assert placed == 100
    assert (job.detected or {})["unknown_columns"] == []
    before, after = shown(shop), shown(files.shop)
    assert after == before
    for name in NULLABLE:
        assert {lic[name] is None for lic in before.values()} == {True, False}, name
    again = files.shop.get("/orders/export/", "range=last30")
    assert sorted(rows(again.text.encode())) == sorted(rows(exported.text.encode()))


def test_an_export_changes_nothing_where_it_comes_from(
    shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "1000000")
    chance = random.Random(15)  # not a secret, a replay
    stock(shop)
    placed = 0
    for number in range(60):
        product, license = random_license(chance, number)
        items = [{"product_code": product, "licenses": [license]}]
        placed += shop.order(items=items, customer={"email": "ana@x.test"}).status == 200
    exported = shop.get("/orders/export/", "range=last30").text

    with open_files(shop) as files:
        job = files.imported(exported)

    assert (job.state, counts(job, "existed_licenses")) == ("succeeded", [placed])
    assert (placed > 30, job.counts["warnings"]) == (True, 0)


def rows(body: bytes) -> list[list[str]]:
    """The rows of a file without its orders, which have other numbers."""
    found = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert found
    for row in found:
        assert list(row) == list(LICENSE_COLUMNS)
        del row["order__store_id"]
    return [[*row.values()] for row in found]


def test_an_export_is_unicode_for_a_spreadsheet(shop: Shop) -> None:
    order = shop.order_one(customer={"first_name": "Jürgen"})["order"]

    for path in (f"/orders/{order}/export/", "/orders/export/"):
        reply = shop.get(path, "" if str(order) in path else "range=last30")
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert reply.text.startswith("\ufefflicense__license_key,")
        assert "Jürgen" in reply.text


def test_a_blank_cell_takes_a_term_from_the_policy_and_a_cell_of_no_value_takes_none(
    files: Files,
) -> None:
    stock(files.shop)
    header = "license__license_key,product__short_code,license__license_type"
    text = f"{header},license__maintenance_duration\nA,full,perpetual,\nB,full,perpetual,\\N\n"

    files.imported(text)

    terms = {key: lic["maintenance_duration"] for key, lic in shown(files.shop).items()}
    assert terms == {"A": "6m", "B": None}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("license__max_transfers", "-2"),
        ("license__max_activations", "\\N"),
        ("license__metadata", "[1]"),
        ("license__metadata", "{"),
        ("license__metadata", '{""a"": 1, ""a"": 2}'),
        ("license__metadata", '{"""": 1}'),
        ("license__start_date", "2026-02-30"),
        ("license__is_air_gapped", "perhaps"),
    ],
)
def test_a_cell_of_our_own_columns_is_checked(files: Files, column: str, cell: str) -> None:
    head = "license__license_key,product__short_code"

    job = files.imported(f'{head},{column}\nA,kp,"{cell}"\n')

    ((row),) = files.errors(job)
    assert [fault["column"] for fault in row["errors"]] == [column]


def test_our_own_columns_stand_behind_the_published_ones() -> None:
    assert LICENSE_COLUMNS[: len(PUBLISHED_COLUMNS)] == PUBLISHED_COLUMNS
    assert len(PUBLISHED_COLUMNS) == 44
    own = {name.removeprefix("license__") for name in LICENSE_COLUMNS[len(PUBLISHED_COLUMNS) :]}
    shared = {name.removeprefix("license__") for name in PUBLISHED_COLUMNS}
    assert own | shared >= {*TERMS, "start_date", "metadata"}
