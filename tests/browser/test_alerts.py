"""Alert rules and templates: what they would send is shown while somebody types, and by a button without scripts."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.conftest import Person

BOTH_WAYS = pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
PATHS = ("gateways/", "gateways/add/?kind=sms_rest", "templates/", "templates/add/", "rules/", "rules/add/")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def settings(page: Page, person: Person, rest: str) -> None:
    page.goto(f"/w/{person.workspace_id}/settings/{rest}")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_are_accessible_and_fit(signed_in: Page, person: Person, width: int) -> None:
    signed_in.set_viewport_size({"width": width, "height": 800})
    faults: list[str] = []
    for path in PATHS:
        settings(signed_in, person, path)
        faults += [f"{path}: {fault}" for fault in chromium.faults_in_both_themes(signed_in)]
        faults += [f"{path} is wider than the screen"] * chromium.is_wider_than_screen(signed_in)
    assert faults == []


@BOTH_WAYS
def test_a_rule_is_written_with_its_preview(signed_in: Page, person: Person, has_scripts: bool) -> None:
    page = signed_in
    settings(page, person, "rules/add/")
    shown = page.locator("#sending")
    expect(shown).to_contain_text("Fill in the form")
    page.get_by_label("Name", exact=True).fill("On call")
    page.get_by_label("Recipients").fill("ann")
    if not has_scripts:
        press(page, "Show preview")
    expect(shown).to_contain_text("ann is no e-mail address")
    page.get_by_label("Recipients").fill("ann@example.net")
    if not has_scripts:
        press(page, "Show preview")
    expect(shown).to_contain_text("Goes out as platform mail to ann@example.net")
    press(page, "Save rule")
    expect(page.get_by_text("On call is saved.")).to_be_visible()
    press(page, "Pause")
    expect(page.get_by_text("On call is paused")).to_be_visible()


@BOTH_WAYS
def test_a_template_is_written_with_its_preview(signed_in: Page, person: Person, has_scripts: bool) -> None:
    page = signed_in
    settings(page, person, "templates/add/")
    shown = page.locator("#preview")
    page.get_by_label("Name", exact=True).fill("On call")
    page.get_by_label("Message", exact=True).fill("Look at {{domain}}, {{nobody}}")
    if not has_scripts:
        press(page, "Show preview")
    expect(shown).to_contain_text("is no variable")
    page.get_by_label("Message", exact=True).fill("Look at {{domain}}")
    if not has_scripts:
        press(page, "Show preview")
    expect(shown.locator(".message-shown__body")).to_have_text("Look at shop.example.com:8443")
    press(page, "Save template")
    expect(page.get_by_text("On call is saved.")).to_be_visible()


def test_days_are_asked_for_only_where_they_mean_something(signed_in: Page, person: Person) -> None:
    page = signed_in
    settings(page, person, "rules/add/")
    days = page.get_by_label("Days before expiry", exact=False).and_(page.locator("input"))
    expect(days).to_be_visible()
    page.get_by_label("When", exact=True).select_option("problem")
    expect(days).to_be_hidden()
