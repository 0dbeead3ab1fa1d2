"""Adding domains, one and many: each step and each state of an import, a bulk action, and a name in another script."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.browser.journey import LONG
from tests.demo.habitat import HOST, ZONE, Habitat
from tests.shots.album import Album

LINES = f"""hostname;port;protocol;tags;notes
{HOST};;;shop, prod;Ann looks after it
bücher.{ZONE};;;shop;
\u0430pple.{ZONE};;;;looks like another one
mail.{ZONE};465;tls;mail;
mail.{ZONE};465;;;
10.0.0.1;;;;
vpn.{ZONE};22;;;
a-very-long-label-that-somebody-really-uses.in-a-deep.subdomain.{ZONE};;;kubernetes, europe-west-4;
"""


def shoot_adding(album: Album, around: Habitat, place: Path) -> None:
    person = Person(
        f"adder@{ZONE}", around.portal.bootstrap(f"adder@{ZONE}", "Northwind", "--password", PASSWORD)["workspace"]
    )
    context = album.browser.new_context(base_url=album.base_url, viewport={"width": 1280, "height": 800})
    page = chromium.new_page(context, Witness())
    sign_in(page, person)
    shoot_one(album, page, person, around)
    shoot_many(album, page, person)
    shoot_bulk(album, page, person)
    context.close()


def shoot_one(album: Album, page: Page, person: Person, around: Habitat) -> None:
    page.goto(f"/w/{person.workspace_id}/domains/add/")
    page.get_by_label("Hostname").fill(f"bücher.{ZONE}")
    page.get_by_role("button", name="Inspect").click()
    album.shoot_open("adding-review-unreachable", page)
    page.goto(f"/w/{person.workspace_id}/domains/add/")
    page.get_by_label("Hostname").fill(f"{HOST}:{around.web.https_port}")
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("region", name="Served certificate")).to_contain_text("TLS 1.", timeout=LONG)
    expect(page.get_by_role("region", name="Hosting")).to_contain_text("detected", timeout=LONG)
    page.get_by_text("Discard…").click()
    album.shoot_open("adding-review", page)
    page.get_by_role("link", name="Confirm").click()
    expect(page.get_by_role("heading", name="Ownership")).to_be_visible()
    album.shoot_open("adding-prove", page)


def shoot_many(album: Album, page: Page, person: Person) -> None:
    page.goto(f"/w/{person.workspace_id}/domains/add-many/")
    page.get_by_label("Hostnames").fill("")
    page.get_by_role("button", name="Preview").click()
    album.shoot_open("adding-many-refused", page)
    page.get_by_label("Hostnames").fill(LINES)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name=re.compile("^Add "))).to_be_visible()
    album.shoot_open("adding-many-preview", page)
    page.get_by_role("button", name=re.compile("^Add ")).click()
    expect(page.get_by_role("heading", name=re.compile("added$"))).to_be_visible(timeout=LONG)
    album.shoot_open("adding-many-done", page)


def shoot_bulk(album: Album, page: Page, person: Person) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"/w/{person.workspace_id}/domains/")
    page.get_by_role("checkbox", name="Choose all on this page").check()
    album.shoot_open("adding-bulk", page)
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name=re.compile("^Delete "))).to_be_visible()
    album.shoot_open("adding-bulk-delete", page)
    page.goto(f"/w/{person.workspace_id}/domains/")
    album.shoot_open("adding-list-waiting", page)
