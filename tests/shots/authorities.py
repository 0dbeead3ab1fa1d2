"""Certificate authorities: the list with accounts, the forms, a choice of CA, what limits leave."""

import subprocess
import sys

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.places import ROOT
from tests.shots.album import Album
from tests.shots.seeding import seed

# Accounts as the worker leaves them.
ACCOUNTS = """
import sys, django
django.setup()
from datetime import timedelta
from certificates.cas.known import KNOWN
from certificates.keys import new_key
from certificates.models import AcmeAccount, CaEntry
from config.lib import clock
workspace, host = sys.argv[1:]
now = clock.now()
facts = {"profiles": {"classic": "", "tlsserver": "", "shortlived": ""}, "caa_identities": ["letsencrypt.org"],
    "terms_url": "https://letsencrypt.org/documents/LE-SA-v1.6-August-18-2025.pdf", "suggests_renewals": True}
AcmeAccount.objects.create(workspace_id=workspace, directory_url=KNOWN[1].directory_url, sealed_key=new_key(),
    is_added=True, uri="https://acme-staging-v02.api.letsencrypt.org/acme/acct/212345678", facts=facts,
    opened_at=now - timedelta(days=90), looked_at=now - timedelta(days=2), rolled_at=now - timedelta(days=3))
AcmeAccount.objects.create(workspace_id=workspace, directory_url=KNOWN[2].directory_url, sealed_key=new_key(),
    is_added=True, external_key_id="kid-9f3a77", looked_at=now, error_code="acme_unreachable",
    error_params={"host": "acme.zerossl.com", "detail": "timed_out"})
"""


def shoot_authorities(album: Album, around: Habitat, _place: object = None) -> None:
    made = around.portal.bootstrap(f"authorities@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"authorities@{ZONE}", made["workspace"])
    domains = seed(around, person.workspace_id)["domains"]
    environment = {**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", ACCOUNTS, person.workspace_id, "example.net"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    _shoot(album, page, person.workspace_id, domains["ok"])
    page.context.close()


def _shoot(album: Album, page: Page, workspace_id: str, domain_id: str) -> None:
    base = f"/w/{workspace_id}/settings/certificate-authorities/"
    page.goto(base)
    page.locator("#cas details summary").first.click()
    album.shoot_open("cas-list", page)
    for ca in ("zerossl", "other"):
        page.goto(f"{base}add/?ca={ca}")
        album.shoot_open(f"cas-add-{ca}", page)
    page.get_by_label("Directory").fill("http://ca.example.net/dir")
    page.get_by_role("button", name="Add").click()
    album.shoot_open("cas-add-refused", page)
    page.goto(f"/w/{workspace_id}/domains/{domain_id}/lets-encrypt/")
    page.locator("#more-names summary").click()
    album.shoot_open("cas-choice", page)
