"""Certificates on file: the list, a page, giving out, revoking, the forecast; and uploads, wrong and right."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, confirm_password, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.ca import TestCa
from tests.shots.album import Album
from tests.shots.seeding import seed

HOST = "legacy.acme.example"


def shoot_shelf(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"shelf@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"shelf@{ZONE}", made["workspace"])
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/certificates/"
    for name, path in (("certificates-empty", base), ("forecast-empty", f"{base}forecast/")):
        page.goto(path)
        album.shoot_open(name, page)
    domains = seed(around, person.workspace_id)["domains"]
    for name, path in (
        ("certificates", base),
        ("certificates-nothing", f"{base}?q=nowhere"),
        ("forecast", f"{base}forecast/"),
        ("forecast-le45", f"{base}forecast/?at=le45"),
        ("forecast-ca47", f"{base}forecast/?at=ca47"),
    ):
        page.goto(path)
        album.shoot_open(name, page)
    _look_at_one(album, page, base, person)
    _upload(album, page, f"/w/{person.workspace_id}/domains/{domains['ok_upload']}/renew-deploy/")
    page.context.close()


def _look_at_one(album: Album, page: Page, base: str, person: Person) -> None:
    page.goto(base)
    page.get_by_role("link", name="api.acme.example").first.click()
    album.shoot_open("certificate", page)
    page.get_by_role("link", name="PFX or HAProxy PEM").click()
    confirm_password(page, person)
    album.shoot_open("certificate-export", page)
    page.get_by_label("Password of the PFX").fill("short")
    page.get_by_role("button", name="Download").click()
    album.shoot_open("certificate-export-refused", page)
    page.get_by_role("link", name="Back").click()
    _let_a_server_pull(album, page)
    page.get_by_role("link", name="Revoke").click()
    album.shoot_open("certificate-revoke", page)
    page.get_by_role("button", name="Revoke certificate").click()
    page.wait_for_timeout(3000)
    page.reload()
    album.shoot_open("certificate-revocation-failed", page)
    page.goto(f"{base}?show=uploaded")
    page.get_by_role("link", name=HOST).first.click()
    album.shoot_open("certificate-uploaded", page)


def _let_a_server_pull(album: Album, page: Page) -> None:
    page.get_by_role("link", name="New pull token").click()
    album.shoot_open("certificate-pull-new", page)
    page.get_by_label("Name").fill("mail-02")
    page.get_by_role("button", name="Make token").click()
    album.shoot_open("certificate-pull-made", page)
    page.get_by_role("link", name="I have copied it").click()
    album.shoot_open("certificate-pull", page)


def _upload(album: Album, page: Page, tab: str) -> None:
    authority = TestCa()
    wrong, right = authority.issue(["other.example.net"]), authority.issue([HOST])
    page.goto(tab)
    album.shoot_open("upload", page)
    text = page.get_by_label("Certificate, private key and chain (PEM)")
    text.fill((wrong.fullchain_pem + wrong.key_pem).decode())
    page.get_by_role("button", name="Upload certificate").click()
    album.shoot_open("upload-refused", page)
    text.fill((right.key_pem + right.fullchain_pem).decode())
    page.get_by_role("button", name="Upload certificate").click()
    album.shoot_open("upload-stored", page)
