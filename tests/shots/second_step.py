"""Two-step sign-in as a person meets it: set up, asked for, required by a workspace, a browser elsewhere."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.browser.test_second_step import confirm_password, enter_password, plug_in_a_key, press
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.totp import code_of


def shoot_second_step(album: Album, around: Habitat, place: Path) -> None:
    email = f"careful@{ZONE}"
    person = Person(email, around.portal.bootstrap(email, "Careful & Co", "--password", PASSWORD)["workspace"])
    context = album.browser.new_context(base_url=album.base_url)
    page = chromium.new_page(context, Witness())
    plug_in_a_key(context, page)
    sign_in(page, person)
    add_an_app(album, page, person)
    add_a_passkey(album, page)
    other = album.browser.new_context(base_url=album.base_url)
    sign_in_half(album, other.new_page(), person)
    page.goto("/account/sessions/")
    album.shoot_open("second-sessions", page)
    require(album, page, person)
    context.close()
    other.close()


def add_an_app(album: Album, page: Page, person: Person) -> None:
    page.goto("/account/2fa/totp/activate/")
    album.shoot_open("second-confirm", page)
    confirm_password(page, person)
    album.shoot_open("second-app", page)
    secret = page.locator(".copy code").inner_text()
    page.get_by_label("Authenticator code").fill("000000")
    press(page, "Add the app")
    album.shoot_open("second-app-wrong", page)
    page.get_by_label("Authenticator code").fill(code_of(secret))
    press(page, "Add the app")
    album.shoot_open("second-codes", page)


def add_a_passkey(album: Album, page: Page) -> None:
    page.goto("/account/2fa/webauthn/add/")
    album.shoot_open("second-passkey-add", page)
    press(page, "Add the passkey")
    page.goto("/account/2fa/webauthn/")
    album.shoot_open("second-passkeys", page)
    page.get_by_role("link", name="Remove").click()
    album.shoot_open("second-passkey-remove", page)
    page.goto("/account/2fa/")
    album.shoot_open("second-on", page)


def sign_in_half(album: Album, page: Page, person: Person) -> None:
    """Stops before the second step, where a thief of the password stops."""
    enter_password(page, person)
    page.get_by_role("heading", name="Second step").wait_for()
    album.shoot_open("second-asked", page)


def require(album: Album, page: Page, person: Person) -> None:
    page.goto(f"/w/{person.workspace_id}/settings/security/")
    press(page, "Require two-step sign-in")
    album.shoot_open("second-required", page)
    page.goto("/account/2fa/totp/deactivate/")
    press(page, "Remove the app")
    page.goto("/account/2fa/webauthn/")
    page.get_by_role("link", name="Remove").click()
    press(page, "Remove the passkey")
    page.goto(f"/w/{person.workspace_id}/domains/")
    album.shoot_open("second-first", page)
