"""Replacing everything that an incident touched: nothing yet, what is affected, the plan, and how far it is."""

from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, confirm_password, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.shots.seeding import seed


def shoot_replacing(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"replacing@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"replacing@{ZONE}", made["workspace"])
    seed(around, person.workspace_id)
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    page.goto(f"/w/{person.workspace_id}/replacements/")
    album.shoot_open("replacing-empty", page)
    page.get_by_role("link", name="Replace everything that…").click()
    confirm_password(page, person)
    album.shoot_open("replacing-choose", page)
    page.get_by_role("button", name="Show the plan").click()
    album.shoot_open("replacing-choose-refused", page)
    page.get_by_role("radio", name="Issued within these days").check()
    page.get_by_label("Why").select_option(label="The private key may be known to others")
    page.get_by_label("Revoke each old one").check()
    page.get_by_role("button", name="Show the plan").click()
    album.shoot_open("replacing-plan", page)
    page.get_by_role("button", name="now").click()
    page.wait_for_timeout(4000)
    page.reload()
    album.shoot_open("replacing-progress", page)
    page.goto(f"/w/{person.workspace_id}/replacements/")
    album.shoot_open("replacing-list", page)
    page.context.close()
