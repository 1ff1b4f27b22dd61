"""`keywright licenses|orders|customers delete`, as an operator runs them."""

import io
from typing import Any

import pytest

from tests.infra.served import Keywright, Served


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Type an answer on a terminal."""
    terminal = io.StringIO(f"{text}\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)


def test_an_order_is_cleaned_up_license_by_license(keywright: Keywright, placed: Any) -> None:
    refused = keywright.run("orders", "delete", "web-1", "--yes", status=2)

    licenses = keywright.run_json("licenses", "list")
    printed = [
        keywright.run_json("licenses", "delete", str(lic["id"]), "--yes") for lic in licenses
    ]

    assert "delete its licenses first" in refused
    assert printed == [{"id": lic["id"], "deleted": True} for lic in licenses]
    for order in {lic["order_store_id"] for lic in licenses}:
        assert keywright.run("orders", "delete", order, "--yes") == f"Deleted order {order}.\n"
    deleted = keywright.run("customers", "delete", "ana@acme.example", "--yes")
    assert deleted == "Deleted customer ana@acme.example.\n"
    for what in ("licenses", "orders", "customers"):
        assert keywright.run(what, "list") == f"No {what}.\n"


def test_a_delete_is_confirmed_by_typing_what_is_deleted(
    keywright: Keywright, placed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "yes")
    wrong = keywright.run("licenses", "delete", "KEY-1", status=2)
    answer(monkeypatch, "KEY-1")
    right = keywright.run("licenses", "delete", "KEY-1")

    assert "Type KEY-1 to delete" in wrong
    assert "nothing was deleted" in wrong
    assert "Deleted license KEY-1." in right
    assert "There is no license KEY-1" in keywright.run("licenses", "show", "KEY-1", status=2)


@pytest.mark.parametrize(
    "words", [("licenses", "KEY-1"), ("orders", "web-1"), ("customers", "ana@acme.example")]
)
def test_nothing_is_deleted_without_a_terminal_or_yes(
    keywright: Keywright, served: Served, placed: Any, words: tuple[str, str]
) -> None:
    what, name = words

    assert "add --yes" in keywright.run(what, "delete", name, status=2)
    assert not any(path.startswith("DELETE") for path in served.paths())


def test_a_delete_whose_answer_is_lost_succeeds(
    keywright: Keywright, served: Served, placed: Any
) -> None:
    (lic,) = (each for each in keywright.run_json("licenses", "list") if each["license_key"])
    path = ("DELETE", f"/api/v1/licenses/{lic['id']}/")
    send = served.handle_request

    def lose_delete(request: Any) -> Any:
        served.lose_answer = request.method == path[0] and path not in seen
        seen.add((request.method, request.url.path))
        return send(request)

    seen: set[tuple[str, str]] = set()
    served.handle_request = lose_delete  # type: ignore[method-assign]

    assert keywright.run("licenses", "delete", "KEY-1", "--yes") == "Deleted license KEY-1.\n"
    assert "There is no license" in keywright.run("licenses", "delete", "KEY-1", "--yes", status=2)
