"""The walk of a customer without SSH: from DNS-01 to what the panel of the hosting serves."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.journey import LONG, Journey, new_email
from tests.demo.habitat import HOST, NAMES, ZONE, Habitat
from tests.servers.ca import TestCa
from tests.servers.nginx import served_fingerprint
from tests.servers.panels import cloudflare, cpanel, plesk
from tests.servers.panels.cloudflare import Cloudflare, Zone
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.plesk import Plesk
from tests.servers.panels.sites import serving
from tests.servers.panels.wire import panel_server

PANEL_HOST, CLOUDFLARE_HOST = f"panel.{ZONE}", "api.cloudflare.com"
LABELS = {"cpanel": "cPanel", "plesk": "Plesk", "cloudflare": "Cloudflare"}

type Panel = Cpanel | Plesk | Cloudflare


def new_panel(kind: str) -> Panel:
    """With the domain of the walk as its site."""
    if kind == "cpanel":
        return Cpanel(main=HOST, addons=[], subs=[])
    return Plesk(sites={HOST: HOST}) if kind == "plesk" else Cloudflare(zones={"a" * 32: Zone(ZONE)})


@contextmanager
def hosted(kind: str, around: Habitat) -> Iterator[tuple[Panel, Habitat]]:
    """The panel, and the world in which its machine is where the domain leads."""
    made = new_panel(kind)
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.9"
    around.dns.add_a(CLOUDFLARE_HOST, address)
    own, old = TestCa("Panel").issue([PANEL_HOST, CLOUDFLARE_HOST]), TestCa("Old").issue(NAMES)
    where = (address, 443) if kind == "cloudflare" else ("127.0.0.1", 0)
    with panel_server(made, own, *where), serving(made.pem_of, old) as web_port:
        web = SimpleNamespace(https_port=web_port, fingerprint=lambda host: served_fingerprint(web_port, host))
        yield made, replace(around, web=cast(Any, web))
    around.dns.clear_a(CLOUDFLARE_HOST)


def fill(page: Page, kind: str, panel: Panel) -> str:
    """What the form asks for; returns the secret."""
    if kind == "cloudflare":
        page.get_by_label("API token").fill(cloudflare.TOKEN)
        return cloudflare.TOKEN
    page.get_by_label("Server", exact=True).fill(PANEL_HOST)
    page.get_by_label("Port", exact=True).fill(str(panel.port))
    if kind == "cpanel":
        page.get_by_label("User name").fill(cpanel.USER)
        page.get_by_label("API token").fill(cpanel.TOKEN)
        return cpanel.TOKEN
    page.get_by_label("User name").fill(plesk.USER)
    page.get_by_label("Password or secret key").fill(plesk.PASSWORD)
    return plesk.PASSWORD


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "has_scripts"),
    [("cpanel", True), ("plesk", False), ("cloudflare", True)],
    ids=["cPanel", "Plesk without JavaScript", "Cloudflare"],
)
def test_a_customer_without_ssh_gets_a_certificate_served(
    page: Page, around: Habitat, kind: str, has_scripts: bool
) -> None:
    faults: list[str] = []
    with hosted(kind, around) as (panel, world):
        walk = Journey(page, world, new_email(f"{kind}-{secrets.token_hex(3)}"), workspace=f"Hosted {kind}")
        walk.sign_up()
        walk.confirm_address()
        walk.add_domain()
        walk.verify_too_early()
        walk.verify()
        walk.start_challenge()
        walk.publish_records()
        walk.issue()
        walk.open_deploy_tab()
        before = world.web.fingerprint(HOST)
        walk.follow(f"Connect {LABELS[kind]}")
        if has_scripts:
            faults += chromium.faults_in_both_themes(page)
        secret = fill(page, kind, panel)
        walk.press("Test")
        expect(page.get_by_text("cannot be verified").first).to_be_visible(timeout=LONG)
        assert panel.requests == [], "nothing was sent"
        page.reload()
        if has_scripts:
            faults += chromium.faults_in_both_themes(page)
        walk.press("Trust this certificate")
        page.get_by_role("button", name="Test", exact=False).first.click()
        expect(page.get_by_text("it would go to").first).to_be_visible(timeout=LONG)
        assert secret not in page.content()
        assert panel.sent("PRIVATE") == [], "a test changes nothing"
        page.get_by_role("button", name="Save panel").click()
        walk.press("Deploy now")
        expect(page.get_by_text("the new certificate was seen being served")).to_be_visible(timeout=LONG)
        expect(page.locator("main")).to_contain_text(re.compile(rf"Ask {LABELS[kind]}.* what is installed"))
        expect(page.locator("main")).to_contain_text(
            f"the new certificate, on {ZONE if kind == 'cloudflare' else HOST}"
        )
        if has_scripts:
            faults += chromium.faults_in_both_themes(page)
        assert world.web.fingerprint(HOST) != before
        walk.follow("Activity log")
        expect(page.locator("main")).to_contain_text("Serving")
        assert secret not in page.content()
    assert faults == []
