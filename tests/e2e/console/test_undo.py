"""An import is undone from its page, after the counts of a dry run."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.console.test_imports import number_of
from tests.e2e.importing import ended, imported, licenses, post
from tests.e2e.remote import Operate, RemoteShop, opened


@pytest.fixture(scope="module")
def undoer(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company of its own: an undo waits for stopped imports of other tests."""
    return opened(http, keys, "undoer", stocked=True)


@pytest.mark.parametrize("rows", [3, 120])
def test_an_import_is_undone_and_what_was_changed_since_is_kept(
    console: Console, undoer: RemoteShop, rows: int
) -> None:
    keys = [f"undo-{rows}-{n}" for n in range(rows)]
    number = post(undoer, "licenses", licenses((key, "kp", f"undo-{rows}", "") for key in keys))
    assert ended(undoer, number)["state"] == "succeeded"
    (changed,) = undoer.get("/licenses/", f"license_key={keys[1]}").json()["results"]
    undoer.http.patch(
        f"/api/v1/licenses/{changed['id']}/",
        json={"note": "sold"},
        headers={"Authorization": f"Api-Key {undoer.key}"},
    )
    page = console.visit(f"imports/licenses/{number}", undoer)

    console.button("Undo…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{rows - 1} licenses will be removed or set back")
    expect(dialog).to_contain_text("1 changed since")
    if rows > 100:
        expect(dialog.get_by_role("button", name="Undo import")).to_be_disabled()
        dialog.get_by_label("to confirm").fill(str(number))
    dialog.get_by_role("button", name="Undo import").click()

    console.see(f"Undo of {number}")
    console.see(f"{rows - 1} licenses removed or set back")
    undo = number_of(console)
    assert imported(undoer, *keys[:3]) == {keys[1]}
    console.open(f"imports/licenses/{number}")
    console.see(f"Undone by import {undo}")
    expect(page.get_by_role("button", name="Undo…")).to_have_count(0)
    console.open("imports/licenses")
    console.see("Undone")
