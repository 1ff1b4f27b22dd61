"""`make demo` starts a stack with sample data and prints its addresses."""

import re
import secrets

import pytest

from infra.local.demo import ORDERS, show_demo
from infra.local.stack import LocalStack
from tests.e2e.remote import Operate


def test_the_demo_issues_licenses_and_shows_the_same_ones_again(
    stack: LocalStack, keys: Operate, capsys: pytest.CaptureFixture[str]
) -> None:
    company = f"demo-{secrets.token_hex(4)}"
    stack = {
        **stack,
        "company": company,
        "api_key": keys("create", "--company", company)["api_key"],
    }
    show_demo(stack)
    first = capsys.readouterr().out
    show_demo(stack)
    again = capsys.readouterr().out

    for title, order_id, _ in ORDERS:
        assert f"{title}\nOrder {order_id}, id " in first
        assert f"{title}\nOrder {order_id} (already placed), id " in again
    assert "initial password for ben@acme.example" in first
    assert "initial password for" not in again
    issued = [word for word in first.split() if word.count("-") == 3 and word.isupper()]
    assert len(issued) == 7
    assert all(key in again for key in issued)
    assert len(re.findall(r"DEMO-IMPO|time-limitd", first)) == 1
    assert "Import" in first
    for name, value in (
        ("Console", stack["console_url"]),
        ("API docs", f"{stack['api_url']}/docs"),
        ("API key", stack["api_key"]),
    ):
        assert re.search(rf"^{name}: +{re.escape(value)}$", first, re.MULTILINE)
    for name, made, there in (("licenses", 2, 2), ("customers", 2, 2)):
        assert re.search(rf"{name.capitalize()} created *│ *{made} ", first)
        assert re.search(rf"{name.capitalize()} created *│ *0 ", again)
        assert re.search(rf"{name.capitalize()} already existing *│ *{there} ", again)
