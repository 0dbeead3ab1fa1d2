"""Settings, Feeds: without and with links, a new one of each kind, and badges as another site shows them."""

import re
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.client import Client
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.shots.seeding import seed

# Tags of the sample domains, whose badges differ; a tag that nobody has says 'none yet'.
TAGS = ("prod", "mail", "customers", "staging", "nobody")
README = """<!doctype html><html lang="en"><meta charset="utf-8"><title>README</title>
<style>:root {{ color-scheme: light dark; }} body {{ font: 16px system-ui; margin: 2rem; }}</style>
<h1>README</h1>{badges}</html>"""


def shoot_feeds(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"feeds@{ZONE}", "Acme Inc", "--password", PASSWORD, "--api-token")
    person = Person(f"feeds@{ZONE}", made["workspace"])
    seed(around, person.workspace_id)
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    page.goto(f"/w/{person.workspace_id}/settings/feeds/")
    album.shoot_open("feeds-empty", page)
    _make(album, page, "Badge", "README of the shop", "feeds-made-badge")
    _make(album, page, "Calendar", "On-call calendar of the platform team", "feeds-made-calendar")
    links = _badges(Client(around.portal.url, made["api_token"]))
    _shoot_list(album, page)
    page.context.close()
    badges = "".join(f'<p><img src="{link}" alt="Certificates" height="20"></p>' for link in links)
    album.shoot_html("feeds-badges-in-a-readme", README.format(badges=badges))


def _make(album: Album, page: Page, kind: str, name: str, shot: str) -> None:
    page.get_by_role("link", name="Make a link").click()
    page.get_by_role("radio", name=re.compile(f"^{kind}:")).check()
    page.get_by_label("Name", exact=True).fill(name)
    album.shoot_open(f"{shot}-form", page)
    page.get_by_role("button", name="Make link").click()
    album.shoot_open(shot, page)
    page.get_by_role("link", name="I have copied it").click()


def _badges(client: Client) -> list[str]:
    """Addresses of a badge of everything and one per tag."""
    made = [client.post("/feeds", {"kind": "badge", "name": f"Tag {tag}", "tag": tag}) for tag in ("", *TAGS)]
    client.close()
    return [str(one["url"]) for one in made]


def _shoot_list(album: Album, page: Page) -> None:
    page.reload()
    album.shoot_open("feeds", page)
    page.get_by_text(re.compile("^Make a new link… ")).first.click()
    album.shoot_open("feeds-asks-new-link", page)
