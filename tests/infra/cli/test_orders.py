"""`keywright orders`, as an operator runs it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from functions import order_answers
from tests.infra.served import Keywright

ORDER = {
    "id": "web-1",
    "customer": {"email": "ana@acme.example"},
    "items": [
        {"product_code": "kp", "licenses": [{"policy_code": "policy_A"}]},
        {"product_code": "up", "licenses": [{"users": [{"email": "ben@acme.example"}]}]},
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(ORDER))
    return path


def test_an_order_from_a_file_is_placed_once(keywright: Keywright, file: Path) -> None:
    first = keywright.run_json("orders", "create", file)
    again = keywright.run_json("orders", "create", file)

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["license_keys"] == again["license_keys"]


def test_a_person_sees_licenses_and_first_passwords(keywright: Keywright, file: Path) -> None:
    shown = keywright.run("orders", "create", file)
    again = keywright.run("orders", "create", file)

    assert "1y from activation" in shown
    assert "initial password for ben@acme.example" in shown
    assert "(already placed)" in again
    assert "initial password" not in again


@pytest.mark.parametrize("name", ["store_id", "id"])
def test_an_order_is_shown_by_our_id_or_the_shops(keywright: Keywright, name: str) -> None:
    placed = keywright.order(**ORDER)

    printed = keywright.run_json("orders", "show", str(placed[name]))
    shown = keywright.run("orders", "show", str(placed[name]))

    assert printed["id"] == placed["id"]
    assert placed["license_keys"][0] in shown


def test_a_shop_may_call_its_orders_by_numbers(keywright: Keywright) -> None:
    keywright.order(**{**ORDER, "id": "4711"})

    assert keywright.run_json("orders", "show", "4711")["store_id"] == "4711"


def test_a_large_order_says_how_many_licenses_are_not_shown(
    keywright: Keywright, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywright.order(**ORDER)
    monkeypatch.setattr(order_answers, "MOST_SHOWN", 1)

    assert "Showing 1 of 2 licenses" in keywright.run("orders", "show", "web-1")


def test_an_unknown_order_is_reported(keywright: Keywright) -> None:
    assert keywright.run("orders", "show", "web-2", status=2) == (
        "keywright: There is no order web-2.\n"
    )


def test_licenses_are_exported_of_one_order_or_of_days(
    keywright: Keywright, tmp_path: Path
) -> None:
    placed = keywright.order(**ORDER)
    out = tmp_path / "licenses.csv"

    printed = keywright.run("orders", "export", "web-1")
    keywright.run("orders", "export", "--from", placed["created_at"][:10], "--out", out)

    (key,) = placed["license_keys"]
    assert printed.startswith("license__license_key,")
    assert key in printed
    assert key in out.read_text("utf-8-sig")


@pytest.mark.parametrize("words", [[], ["web-1", "--from", "2026-01-31"]])
def test_an_export_is_of_an_order_or_of_days(keywright: Keywright, words: list[str]) -> None:
    assert "give an order, or --from" in keywright.run("orders", "export", *words, status=2)


def test_what_is_no_json_is_refused_before_it_is_sent(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text("{")

    assert "is not valid JSON" in keywright.run("orders", "create", file, status=2)


def test_faults_of_an_order_are_shown_with_their_pointers(
    keywright: Keywright, tmp_path: Path
) -> None:
    file = tmp_path / "order.json"
    file.write_text(json.dumps({"items": [{"product_code": "none", "licenses": [{}]}]}))

    printed = keywright.run("orders", "create", file, status=2)

    assert "(unknown_product)\n  items.0.product_code\n" in printed


def test_an_order_may_come_from_another_program(
    keywright: Keywright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ORDER)))

    assert keywright.run_json("orders", "create", "-")["store_id"] == "web-1"


@pytest.mark.parametrize("words", [("orders", "create"), ("catalog", "diff")])
def test_a_missing_file_is_reported(keywright: Keywright, words: tuple[str, str]) -> None:
    assert "No such file" in keywright.run(*words, "none", status=2)


def test_orders_are_listed(keywright: Keywright, placed: Any) -> None:
    printed = keywright.run_json("orders", "list")
    oldest = keywright.run_json("orders", "list", "--oldest-first", "--limit", "1")
    shown = keywright.run("orders", "list", "--customer", "ana@acme.example")

    assert [order["store_id"] for order in printed] == ["web-2", "web-1"]
    assert [order["store_id"] for order in oldest] == ["web-1"]
    assert "web-1" in shown
    assert "web-2" not in shown
    assert keywright.run("orders", "list", "--customer", "x@acme.example") == "No orders.\n"


def test_orders_are_listed_by_days(keywright: Keywright, placed: Any) -> None:
    today = placed[0]["created_at"][:10]

    assert len(keywright.run_json("orders", "list", "--from", today, "--to", today)) == 2
    assert keywright.run_json("orders", "list", "--to", "2020-01-01") == []
