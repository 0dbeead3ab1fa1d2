"""The pages of Continue with Google, met on the way of a newcomer and of somebody with a password."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.browser.google import Google
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album


def shoot_google(google: Google, album: Album, around: Habitat, place: Path) -> None:
    google.email = f"googler@{ZONE}"
    shoot_newcomer(google, album)
    google.email, google.sub = f"owner-of-both@{ZONE}", "both"
    around.portal.bootstrap(google.email, "Both Ltd", "--password", PASSWORD)
    shoot_password_owner(google, album)


def shoot_newcomer(google: Google, album: Album) -> None:
    page = open_button(google, album, "/account/google/")
    album.shoot_open("google-button", page)
    google.claims = {"email_verified": False}
    go_through(google, page)
    album.shoot_open("google-trouble", page)
    google.claims = {}
    page.get_by_role("link", name="Try again").click()
    go_through(google, page)
    page.goto("/account/google/account/")
    album.shoot_open("google-only-way-in", page)
    page.goto("/account/google/confirm/")
    album.shoot_open("google-confirm", page)
    page.context.close()


def shoot_password_owner(google: Google, album: Album) -> None:
    page = open_button(google, album, "/account/google/")
    go_through(google, page)
    album.shoot_open("google-password", page)
    sign_in(page, Person(google.email, "", PASSWORD))
    page.goto("/account/google/connect/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    album.shoot_open("google-connect", page)
    go_through(google, page)
    page.get_by_text("Disconnect Google…").click()
    album.shoot_open("google-connected", page)
    page.context.close()


def open_button(google: Google, album: Album, path: str) -> Page:
    context = album.browser.new_context(base_url=album.base_url)
    google.stand_in(context)
    page = chromium.new_page(context, Witness())
    page.goto(path)
    return page


def go_through(google: Google, page: Page) -> None:
    page.get_by_role("button", name="Continue with Google").click()
    page.get_by_role("button", name=google.email).click()
    page.wait_for_url(lambda url: "accounts.google.com" not in url)
