"""Alert rules and templates with their previews, the Alerts tab of domains, and the boxes of the Renew & deploy tab."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.shots.seeding import seed

TABS = ("ok", "unverified", "long")
BODY = "{{host}} {{expiry}}.\n\nWhoever is on call renews it and writes so here: {{url}}"


def shoot_alerts(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"alerts@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"alerts@{ZONE}", made["workspace"])
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/"
    page.goto(f"{base}settings/templates/")
    album.shoot_open("templates-empty", page)
    page.get_by_role("link", name="New template").click()
    album.shoot_open("template-without-domains", page)
    domains = seed(around, person.workspace_id, with_alerts=True)["domains"]
    _write(album, page, f"{base}settings/templates/")
    _rule(album, page, f"{base}settings/rules/")
    for name in TABS:
        page.goto(f"{base}domains/{domains[name]}/alerts/")
        album.shoot_open(f"alerts-{name}", page)
    _acknowledge(album, page, f"{base}domains/{domains['expiring']}/alerts/")
    page.goto(f"{base}domains/{domains['expiring']}/renew-deploy/")
    album.shoot_open("notify-boxes", page)
    page.context.close()


def _write(album: Album, page: Page, templates: str) -> None:
    """The preview follows what is typed."""
    page.goto(f"{templates}add/")
    page.get_by_label("Name", exact=True).fill("On call, with whom to ask")
    page.get_by_label("Message", exact=True).fill(BODY)
    expect(page.locator("#preview")).to_contain_text("Whoever is on call")
    album.shoot_open("template-preview", page)
    page.get_by_label("Message", exact=True).fill("{{host}} expires in {{days}} days")
    expect(page.locator("#preview")).to_contain_text("is no variable")
    album.shoot_open("template-preview-refused", page)
    page.get_by_role("button", name="Save template").click()
    album.shoot_open("template-refused", page)
    page.get_by_label("Message", exact=True).fill(BODY)
    page.get_by_role("button", name="Save template").click()
    album.shoot_open("templates", page)


def _rule(album: Album, page: Page, rules: str) -> None:
    """The list, the form whose preview follows what is typed, and the page of a rule."""
    page.goto(rules)
    album.shoot_open("rules", page)
    page.get_by_role("link", name="New rule").click()
    album.shoot_open("rule-empty", page)
    page.get_by_label("Name", exact=True).fill("On call, two weeks before")
    page.locator("#id_recipients").fill("on-call@example.net")
    expect(page.locator("#sending")).to_contain_text("on-call@example.net")
    album.shoot_open("rule-preview", page)
    page.locator("#id_recipients").fill("on call")
    expect(page.locator("#sending")).to_contain_text("on call is no e-mail address")
    page.get_by_role("button", name="Save rule").click()
    album.shoot_open("rule-refused", page)
    page.locator("#id_recipients").fill("on-call@example.net")
    page.get_by_role("button", name="Save rule").click()
    album.shoot_open("rule", page)


def _acknowledge(album: Album, page: Page, tab: str) -> None:
    page.goto(tab)
    album.shoot_open("alerts-open", page)
    page.locator("summary", has_text="Acknowledge").first.click()
    page.get_by_label("Note").first.fill("Ann moves the VPN to the new machine on Friday; until then it stays.")
    album.shoot_open("alerts-note", page)
    page.get_by_role("button", name="Acknowledge").first.click()
    album.shoot_open("alerts-acknowledged", page)
