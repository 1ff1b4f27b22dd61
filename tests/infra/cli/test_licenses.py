"""`keywright licenses`, as an operator runs it."""

from typing import Any

import httpx
import pytest

from tests.infra.served import Keywright, Served


def test_licenses_are_listed(keywright: Keywright, placed: Any) -> None:
    printed = keywright.run_json("licenses", "list")
    shown = keywright.run("licenses", "list", "--product", "up")

    assert [lic["license_key"] for lic in printed] == [None, "KEY-1"]
    assert [lic["id"] for lic in keywright.run_json("licenses", "list", "--order", "web-1")] == [
        printed[1]["id"]
    ]
    assert "u@acme.example" in shown
    assert "KEY-1" not in shown
    assert keywright.run("licenses", "list", "--product", "nope") == "No licenses.\n"


@pytest.mark.parametrize("by", ["license_key", "id"])
def test_a_license_is_shown_by_key_or_id(keywright: Keywright, placed: Any, by: str) -> None:
    lic = placed[0]["order_items"][0]["licenses"][0]

    assert keywright.run_json("licenses", "show", str(lic[by]))["id"] == lic["id"]
    assert "never expires" in keywright.run("licenses", "show", str(lic[by]))


def test_a_license_is_changed_by_fields_of_the_api(keywright: Keywright, placed: Any) -> None:
    change = ("validity_period=2030-12-31", "max_activations=7", "note=7", 'metadata={"a": 1}')
    printed = keywright.run_json("licenses", "change", "KEY-1", *change)
    cleared = keywright.run_json("licenses", "change", "KEY-1", "validity_period=null", "note=null")

    names = ("validity_period", "max_activations", "note", "metadata")
    assert [printed[name] for name in names] == ["2030-12-31", 7, "7", {"a": 1}]
    assert [cleared[name] for name in names] == [None, 7, None, {"a": 1}]
    assert "until 2031-01-01" in keywright.run(
        "licenses", "change", "KEY-1", "validity_period=2031-01-01"
    )


def test_a_license_is_disabled_and_enabled(keywright: Keywright, placed: Any) -> None:
    assert keywright.run_json("licenses", "disable", "KEY-1")["status"] == "Disabled"
    assert "Inactive" in keywright.run("licenses", "enable", "KEY-1")


def test_a_change_is_made_once_though_its_answer_is_lost(
    keywright: Keywright, served: Served, placed: Any
) -> None:
    lic = placed[0]["order_items"][0]["licenses"][0]
    served.later["PATCH", f"/api/v1/licenses/{lic['id']}/"] = [httpx.Response(500)]

    assert (
        keywright.run_json("licenses", "change", "KEY-1", "max_activations=7")["max_activations"]
        == 7
    )


def test_impossible_changes_are_refused_with_the_reason(keywright: Keywright, placed: Any) -> None:
    assert "There is no license KEY-9" in keywright.run("licenses", "show", "KEY-9", status=2)
    assert "There is no license 12" in keywright.run("licenses", "show", "12", status=2)
    assert "FIELD=VALUE" in keywright.run("licenses", "change", "KEY-1", "x", status=2)
    assert "max_activations" in keywright.run(
        "licenses", "change", "KEY-1", "max_activations=-1", status=2
    )


def test_the_key_of_a_bundle_names_several_licenses(keywright: Keywright) -> None:
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "key": "BUNDLE", "licenses": members}]
    keywright.order(is_bundle=True, items=items)

    assert "name a license by id" in keywright.run("licenses", "disable", "BUNDLE", status=2)


@pytest.mark.parametrize("command", [("licenses", "list"), ("orders", "show", "web-3")])
@pytest.mark.parametrize("length", [19, 90])
def test_a_license_key_is_in_one_piece_at_80_columns(
    keywright: Keywright,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    length: int,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    key = ("ABCD-EFGH-JKLM-NPQR-" * 5)[:length]
    customer = {"email": "a.customer.with.a.long.name@a-long-domain.example"}
    items = [{"product_code": "kp", "licenses": [{"key": key, "valid_duration": "18m"}]}]
    keywright.order(id="web-3", customer=customer, items=items)

    lines = keywright.run(*command).splitlines()

    assert any(key in line for line in lines)
    assert length > 80 or max(map(len, lines)) <= 80


def test_a_user_based_license_is_listed_by_its_first_user(keywright: Keywright) -> None:
    users = [{"email": f"u{n}@acme.example"} for n in range(3)]
    items = [{"product_code": "up", "licenses": [{"users": users, "max_license_users": 5}]}]
    keywright.order(id="web-3", items=items)

    (lic,) = keywright.run_json("licenses", "list")

    assert "u0@acme.example +2" in keywright.run("licenses", "list")
    assert "u0@acme.example, u1@acme.example" in keywright.run("licenses", "show", str(lic["id"]))
