"""The page of API keys: create, replace and revoke, with the key that the user signed in with."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop, opened

ADMIN = "keys:admin,records:read,orders:write"


@pytest.fixture
def company(http: httpx.Client, keys: Operate) -> RemoteShop:
    return opened(http, keys, "keys")


@pytest.fixture
def admin(company: RemoteShop, keys: Operate) -> str:
    arguments = ("--company", company.company, "--name", "office", "--scopes", ADMIN)
    return str(keys("create", *arguments)["api_key"])


def test_a_key_is_created_replaced_and_revoked(
    console: Console, company: RemoteShop, admin: str
) -> None:
    page = console.page
    console.open("nowhere")
    console.sign_in(admin)
    console.open("api-keys")
    expect(page.locator(".foot")).to_contain_text("office")
    console.button("New API key").click()
    dialog = page.get_by_role("dialog", name="New API key")
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog).to_contain_text("Fix 2 fields")
    dialog.get_by_label("Name").fill("webshop")
    dialog.get_by_label("Orders").check()
    expect(dialog.get_by_label("Catalog")).to_have_count(0)
    dialog.get_by_label("Expires").select_option("In 90 days")
    assert not console.violations()
    dialog.get_by_role("button", name="Create key").click()
    secret = dialog.locator("code").inner_text()
    dialog.get_by_role("button", name="Done").click()

    shop = RemoteShop(company.company, secret, company.http)
    assert shop.get("/api-key/").json()["scopes"] == ["orders:write"]
    row = page.get_by_role("row").filter(has_text="webshop")
    expect(row).to_contain_text("Orders")
    assert secret not in page.content()
    assert not [*console.faults()]

    console.button("Replace webshop").click()
    page.get_by_role("dialog").get_by_role("button", name="Create new key").click()
    dialog = page.get_by_role("dialog", name="New API key")
    new = dialog.locator("code").inner_text()
    dialog.get_by_role("button", name="Done").click()
    expect(row).to_have_count(2)
    assert RemoteShop(company.company, new, company.http).get("/api-key/").status == 200

    row.filter(has_text=new.partition(".")[0]).get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(row).to_have_count(1)
    page.get_by_role("link", name="Revoked", exact=True).click()
    expect(row).to_contain_text(new.partition(".")[0])


def test_a_key_without_the_scope_is_told_how_to_get_one(
    console: Console, company: RemoteShop
) -> None:
    console.open("nowhere")
    console.sign_in(company.key)

    console.open("api-keys")

    console.see("Your key can’t manage API keys")
    console.see("keywright keys create --scopes keys:admin")
    assert not console.violations()
