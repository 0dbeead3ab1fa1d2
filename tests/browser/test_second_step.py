"""Two-step sign-in by what is written on the pages: an authenticator app, recovery codes, a passkey."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import chromium
from tests.browser.conftest import Person, sign_in
from tests.totp import code_of


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def open_two_step(page: Page) -> None:
    page.get_by_text("Northwind", exact=True).first.click()
    page.get_by_role("link", name="Two-step sign-in").click()
    expect(page.get_by_role("heading", name="Two-step sign-in")).to_be_visible()


def confirm_password(page: Page, person: Person) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill(person.password)
    press(page, "Confirm")


def sign_out(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Northwind", exact=True).first.click()
    press(page, "Sign out")


def enter_password(page: Page, person: Person) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_app_is_added_and_asked_for_and_a_recovery_code_stands_in(
    page: Page, person: Person, has_scripts: bool
) -> None:
    sign_in(page, person)
    page.goto("/account/2fa/")
    page.get_by_role("link", name="Add an authenticator app").click()
    confirm_password(page, person)
    secret = page.locator(".copy code").inner_text()
    page.get_by_label("Authenticator code").fill("000000")
    press(page, "Add the app")
    expect(page.get_by_text("This code is not right")).to_be_visible()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    press(page, "Add the app")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert not has_scripts or chromium.accessibility_faults(page) == []
    codes = page.locator(".copy--block pre").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 of 10 are left")).to_be_visible()

    page.context.clear_cookies()
    enter_password(page, person)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert not has_scripts or chromium.accessibility_faults(page) == []
    page.get_by_label("Code").fill(codes[0])
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()
    page.goto("/account/2fa/")
    expect(page.get_by_text("9 of 10 are left")).to_be_visible()


def test_a_passkey_is_added_signs_in_alone_and_confirms(context: BrowserContext, page: Page, person: Person) -> None:
    plug_in_a_key(context, page)
    sign_in(page, person)
    open_two_step(page)
    page.get_by_role("link", name="Add a passkey").click()
    confirm_password(page, person)
    page.get_by_label("Name").fill("Laptop")
    assert chromium.accessibility_faults(page) == []
    press(page, "Add the passkey")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    sign_out(page)
    page.goto("/account/login/")
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()

    page.goto(f"/w/{person.workspace_id}/settings/tokens/create/")
    page.get_by_role("link", name="Use a passkey").click()
    press(page, "Use a passkey")
    expect(page.get_by_role("heading", name="Create an API token")).to_be_visible()

    sign_out(page)
    enter_password(page, person)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    press(page, "Use a passkey")
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()


def test_without_a_key_the_page_says_so(page: Page, person: Person) -> None:
    sign_in(page, person)
    page.goto("/account/2fa/webauthn/add/")
    confirm_password(page, person)
    # Nothing is plugged in, so the browser is made to refuse as it does when a person cancels.
    refusal = "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.credentials.create = {refusal}; }}")
    press(page, "Add the passkey")
    expect(page.get_by_text("The browser gave no passkey")).to_be_visible()


def test_a_browser_elsewhere_is_signed_out(context: BrowserContext, page: Page, person: Person) -> None:
    sign_in(page, person)
    elsewhere = page.context.browser.new_context(base_url=page.url.partition("/w/")[0])  # type: ignore[union-attr]
    other = elsewhere.new_page()
    sign_in(other, person)
    page.goto("/account/sessions/")
    assert chromium.accessibility_faults(page) == []
    page.get_by_role("button", name=re.compile("^Sign out Chrome")).click()
    expect(page.get_by_text("1 session is signed out.")).to_be_visible()
    other.goto("/")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    elsewhere.close()


def plug_in_a_key(context: BrowserContext, page: Page) -> None:
    """Chromium's virtual authenticator: a platform key that is always touched and knows its person."""
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
