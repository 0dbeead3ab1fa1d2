"""Pages of signed-in people: accessible in both themes, light, and walkable by keyboard alone."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.chromium import MAX_PAGE_BYTES, Witness
from tests.browser.conftest import Person, sign_in
from tests.demo.habitat import HOST, Habitat

PATHS = (
    "domains/",
    "domains/add/",
    "domains/add-many/",
    "audit-logs/",
    "audit-logs/?show=runs",
    "team/",
    "settings/",
    "settings/gateways/",
    "settings/gateways/add/?kind=webhook",
    "settings/templates/add/",
    "settings/rules/",
    "settings/rules/add/",
    "settings/tokens/",
    "settings/security/",
)
OWN_PATHS = ("/account/data/", "/workspaces/new/")


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_of_a_workspace_is_accessible_and_fits(page: Page, resident: Person, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, resident)
    faults: list[str] = []
    for path in (*(f"/w/{resident.workspace_id}/{path}" for path in PATHS), *OWN_PATHS):
        page.goto(path)
        faults += [f"{path}: {fault}" for fault in chromium.faults_in_both_themes(page)]
        faults += [f"{path} is wider than the screen"] * chromium.is_wider_than_screen(page)
    assert faults == []


def test_a_page_is_light(browser: Browser, around: Habitat, witness: Witness, resident: Person) -> None:
    """Everything that travels for somebody with an empty cache; full lists are weighed with the screenshots."""
    context = browser.new_context(base_url=around.portal.url)
    page = chromium.new_page(context, witness)
    page.goto("/account/login/")
    assert 0 < witness.weight() < MAX_PAGE_BYTES / 2
    sign_in(page, resident)
    witness.answers.clear()
    page.reload(wait_until="load")
    assert 0 < witness.weight() < MAX_PAGE_BYTES
    context.close()


def test_signing_in_and_adding_a_domain_need_no_mouse(page: Page, person: Person) -> None:
    page.goto("/account/login/")
    tab_to(page, "Email")
    page.keyboard.type(person.email)
    tab_to(page, "Password")
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()
    tab_to(page, "+ Add domain")
    page.keyboard.press("Enter")
    # Not only its heading: what is typed before the field is parsed and has the focus goes nowhere.
    expect(page.get_by_label("Hostname")).to_be_focused()
    page.keyboard.type(HOST)
    tab_to(page, "Inspect")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=HOST)).to_be_visible()


NAME_OF_FOCUS = """() => {
  const it = document.activeElement;
  const label = it.labels?.[0]?.textContent || it.getAttribute("aria-label") || it.textContent;
  return label.trim();
}"""
HAS_VISIBLE_FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what is called `name`; whatever is passed shows its focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(HAS_VISIBLE_FOCUS), f"no visible focus on {page.evaluate(NAME_OF_FOCUS)!r}"
        if page.evaluate(NAME_OF_FOCUS).startswith(name):
            return
    raise AssertionError(f"Tab never reached {name!r}")


def test_the_menu_closes_by_escape_and_gives_the_focus_back(signed_in: Page) -> None:
    menu = signed_in.get_by_text("Northwind", exact=True).first
    menu.click()
    expect(signed_in.get_by_role("button", name="Sign out")).to_be_visible()
    signed_in.keyboard.press("Escape")
    expect(signed_in.get_by_role("button", name="Sign out")).to_be_hidden()
    assert signed_in.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_value_is_copied_by_its_button(signed_in: Page) -> None:
    signed_in.get_by_role("link", name="+ Add domain").first.click()
    signed_in.get_by_label("Hostname").fill(HOST)
    signed_in.get_by_role("button", name="Inspect").click()
    signed_in.get_by_role("link", name="Confirm").click()
    signed_in.get_by_role("button", name="Copy the host name").first.click()
    expect(signed_in.get_by_role("button", name="Copy the host name").first).to_have_text("Copied")
    assert signed_in.evaluate("navigator.clipboard.readText()") == f"_managemycert-verify.{HOST}"
