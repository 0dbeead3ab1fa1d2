"""Settings, Alert rules: empty, the form with its preview and its mistakes, the list, the page of one rule."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.shots.seeding import seed


def shoot_rules(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"rules@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"rules@{ZONE}", made["workspace"])
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/settings/rules/"
    page.goto(base)
    album.shoot_open("rules-first", page)
    page.get_by_role("link", name="New rule").click()
    album.shoot_open("rule-without-domains", page)
    seed(around, person.workspace_id, with_alerts=True)
    _write(album, page, base)
    page.goto(base)
    album.shoot_open("rules", page)
    page.get_by_role("button", name="Pause").first.click()
    album.shoot_open("rule-paused", page)
    page.context.close()


def _write(album: Album, page: Page, base: str) -> None:
    """The preview follows what is typed."""
    page.goto(f"{base}add/")
    page.get_by_label("Name", exact=True).fill("On call, before anybody notices")
    expect(page.locator("#sending")).to_contain_text("It speaks of")
    album.shoot_open("rule-preview", page)
    page.get_by_label("Recipients").fill("ann")
    expect(page.locator("#sending")).to_contain_text("no e-mail address")
    page.locator("#id_domain").fill("nobody.example.net")
    page.get_by_role("button", name="Save rule").click()
    album.shoot_open("rule-refused", page)
    page.get_by_label("Recipients").fill(f"ann@{ZONE}\nbob@{ZONE}")
    page.locator("#id_domain").fill("")
    page.get_by_role("button", name="Save rule").click()
    album.shoot_open("rule-saved", page)
