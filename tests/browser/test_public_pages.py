"""What a stranger sees: sign-in pages, documentation and error pages, in both themes."""

import pytest
from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness

PAGES = (
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
    "/docs/",
    "/docs/first-certificate/",
    "/docs/search/?q=sudo",
    "/docs/troubleshooting/",
    "/docs/pull/",
    "/docs/api/",
    "/docs/api/deployment/",
)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [1280, 360])
def test_a_public_page_is_accessible_and_fits(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    assert chromium.faults_in_both_themes(page) == []
    assert not chromium.is_wider_than_screen(page)


def test_a_page_about_nothing_says_what_to_do(page: Page, witness: Witness) -> None:
    witness.expected_statuses.add(404)
    page.goto("/w/nothing-here/")
    assert page.get_by_role("heading", name="There is nothing here").is_visible()
    assert chromium.accessibility_faults(page) == []


def test_a_mistake_is_told_beside_its_field(page: Page) -> None:
    page.goto("/account/signup/")
    page.get_by_label("Email").fill("dana@northwind.example")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password (again)").fill("short")
    page.get_by_role("button", name="Create account").click()
    field = page.get_by_label("Password", exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    error = page.locator(f"#{field.get_attribute('id')}_error")
    assert "at least" in error.inner_text()
    assert chromium.accessibility_faults(page) == []


def test_the_keyboard_reaches_the_content_past_the_header(page: Page) -> None:
    page.goto("/docs/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
