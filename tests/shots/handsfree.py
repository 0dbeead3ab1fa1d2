"""Hands-free DNS: a CNAME offered, awaited, seen; records with an alias and with mistakes; DNS providers."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.places import ROOT
from tests.shots.album import Album
from tests.shots.seeding import seed

SETTINGS = {"ACME_DNS_ZONE": "acme.portal-of-yours.net", "ACME_DNS_NS": "ns1.portal-of-yours.net"}
FORMS = ("cloudflare", "ovh", "powerdns", "rfc2136")
# An issuance that waits for a person, as the worker leaves it.
WAITING = """
import sys, django
django.setup()
from certificates.models import Issuance
from config.lib import clock
from domains.models import Domain
domain = Domain.unscoped.get(pk=sys.argv[1])
names = [domain.host, f"*.{domain.host}", f"www.{domain.host}"]
row = Issuance.objects.create(workspace_id=domain.workspace_id, domain=domain, names=names, names_key="x",
    directory_url="https://ca.test/dir", state="pending_challenge", step="wait_for_records",
    run_after=clock.now().replace(year=2030), step_at=clock.now())
for number, name in enumerate(names):
    base = name.removeprefix("*.")
    row.authorizations.create(workspace_id=domain.workspace_id, position=number, identifier=base,
        is_wildcard=name != base, url=f"https://ca.test/{number}", challenge_url="https://ca.test/c", token="t" * 43,
        txt_name=f"_acme-challenge.{base}", txt_value=f"{number}" * 43)
print(domain.host)
"""


def shoot_handsfree(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"handsfree@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"handsfree@{ZONE}", made["workspace"])
    domains = seed(around, person.workspace_id)["domains"]
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    tab = f"/w/{person.workspace_id}/domains/{domains['ok']}/lets-encrypt/"
    _hand_over(album, around, page, tab)
    _shoot_mistakes(album, around, page, domains["expiring"], f"/w/{person.workspace_id}/domains/")
    _shoot_providers(album, page, f"/w/{person.workspace_id}/settings/dns-providers/")
    page.context.close()


def _hand_over(album: Album, around: Habitat, page: Page, tab: str) -> None:
    page.goto(tab)
    album.shoot_open("handsfree-offered", page)
    page.get_by_role("button", name="Show the CNAME record").click()
    page.get_by_text("a record usually shows").first.wait_for()
    album.shoot_open("handsfree-waiting", page)
    target = page.locator("[data-copy$='.net']").first.get_attribute("data-copy") or ""
    name = page.locator("[data-copy^='_acme-challenge']").nth(1).get_attribute("data-copy") or ""
    around.dns.set_cname(name, target)
    page.get_by_text("Seen on").first.wait_for(timeout=30_000)
    page.locator(".handover summary").click()
    album.shoot_open("handsfree-seen", page)
    page.get_by_role("link", name="Stop using it").click()
    album.shoot_open("handsfree-stop", page)


def _shoot_mistakes(album: Album, around: Habitat, page: Page, domain_id: str, base: str) -> None:
    environment = {**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", WAITING, domain_id]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    host = told.stdout.split()[-1]
    around.dns.set_txt(f"_acme-challenge.{host}", "0" * 43)
    around.dns.set_cname(f"_acme-challenge.www.{host}", f"proofs.{host}")
    around.dns.set_txt(f"proofs.{host}", f'"{"2" * 43}"')
    page.goto(f"{base}{domain_id}/lets-encrypt/")
    page.get_by_text("quotes around it").wait_for(timeout=30_000)
    album.shoot_open("handsfree-mistakes", page)


def _shoot_providers(album: Album, page: Page, base: str) -> None:
    page.goto(base)
    album.shoot_open("dns-providers-empty", page)
    for kind in FORMS:
        page.goto(f"{base}add/?kind={kind}")
        album.shoot_open(f"dns-providers-add-{kind}", page)
    page.get_by_label("Zone", exact=True).fill("acme-tools.net")
    page.get_by_label("Name server").fill("127.0.0.1:9")
    page.get_by_label("TSIG key name").fill("portal")
    page.get_by_label("TSIG secret").fill("c2VjcmV0")
    page.get_by_role("button", name="Save and test").click()
    page.get_by_text("Does not work").wait_for(timeout=30_000)
    album.shoot_open("dns-providers-saved", page)
