"""Making a workspace and deleting it, downloading one's data and deleting the account, by visible labels."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.conftest import Person, confirm_password, sign_in


def open_menu(page: Page, name: str) -> None:
    page.get_by_role("banner").get_by_text(name, exact=True).first.click()


@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["scripts", "no-scripts"]
)
def test_a_workspace_is_made_and_deleted(signed_in: Page, person: Person) -> None:
    page = signed_in
    open_menu(page, "Northwind")
    page.get_by_role("link", name="New workspace").click()
    page.get_by_label("Name").fill("Küche & Bad")
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_text("Küche & Bad is ready.")).to_be_visible()
    open_menu(page, "Küche & Bad")
    expect(page.get_by_role("link", name="Northwind")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("You are its only admin")).to_be_visible()
    page.get_by_role("link", name="Delete this workspace").click()
    confirm_password(page, person)
    expect(page.get_by_text("the access of 1 person")).to_be_visible()
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    page.get_by_label("Type Küche & Bad to confirm").fill("Küche")
    page.get_by_role("button", name="Delete this workspace").click()
    expect(page.get_by_text("This is not Küche & Bad. Nothing was deleted.")).to_be_visible()
    page.get_by_label("Type Küche & Bad to confirm").fill("Küche & Bad")
    page.get_by_role("button", name="Delete this workspace").click()
    expect(page.get_by_text("Küche & Bad is gone, and everything in it is being destroyed.")).to_be_visible()
    open_menu(page, "Northwind")
    expect(page.get_by_role("link", name="Küche & Bad")).to_have_count(0)


def test_a_person_takes_their_data_along_and_deletes_the_account(page: Page, person: Person, tmp_path: Path) -> None:
    sign_in(page, person)
    open_menu(page, "Northwind")
    page.get_by_role("link", name="Your data").click()
    page.get_by_role("button", name="Download your data").click()
    confirm_password(page, person)
    with page.expect_download() as started:
        page.get_by_role("button", name="Download your data").click()
    copy = tmp_path / "copy.json"
    started.value.save_as(copy)
    told = json.loads(copy.read_text(encoding="utf-8"))
    assert told["profile"]["email"] == person.email
    assert [each["name"] for each in told["workspaces"]] == ["Northwind"]
    page.get_by_role("link", name="Delete your account").click()
    expect(page.get_by_text("Northwind: the access of 1 person")).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    page.get_by_label(f"Type {person.email} to confirm").fill(person.email)
    page.get_by_role("button", name="Delete your account").click()
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("are not correct")).to_be_visible()
