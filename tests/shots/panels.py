"""`Install certificate`: offered, detected, managed by a vendor or by hand, and panels in every state."""

import json
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.shots.album import Album
from tests.shots.seeding import seed

DETECTED = {
    "ok": (["cloudflare", "plesk", "nginx"], "panel", ""),
    "expiring": (["wordpress", "apache"], "zip", ""),
    "unreachable": (["shopify"], "monitor", "shopify"),
}
DETECT = """
import json, sys, django
django.setup()
from config.lib import clock
from domains.models import Domain, Hosting
domain = Domain.unscoped.get(pk=sys.argv[1])
badges = [{"platform": one, "confidence": 90, "because": ["a header"]} for one in json.loads(sys.argv[2])]
results = {"badges": badges, "path": sys.argv[3], "vendor": sys.argv[4]}
Hosting.unscoped.update_or_create(domain=domain, workspace=domain.workspace,
    defaults={"results": results, "detected_at": clock.now(), "run_after": None})
"""
# Panels as runs leave them: in use with one site refused, with a foreign certificate, with another certificate shown;
# the account of the first one is that of another domain too.
LEFT = """
import sys, django
django.setup()
from auditlog.events import SYSTEM
from deploy.models import PanelAccount, PanelTarget
from deploy.panels.accounts import read_given, save_panel
from domains.models import Domain
domain = Domain.unscoped.get(pk=sys.argv[1])
told = {"panel": "Plesk", "host": "server12.hoster.example", "port": 8443, "answer": "1019 The key does not match."}
fine = {"site": domain.host, "state": "installed", "detail": "installed", "code": "", "params": {}}
wrong = {**fine, "site": f"blog.{domain.host}", "state": "failed", "detail": "not done"}
wrong |= {"code": "panel_value_refused", "params": told}
given = read_given("plesk", {"host": "server12.hoster.example", "username": "acme", "password": "x"}, pinned="ab" * 32)
plesk = save_panel(domain=domain, chosen=given, actor=SYSTEM)
save_panel(domain=Domain.unscoped.get(pk=sys.argv[2]), chosen=plesk.account, actor=SYSTEM)
PanelTarget.unscoped.filter(pk=plesk.pk).update(sites=[fine, wrong], last_status="partial")
PanelAccount.unscoped.filter(pk=plesk.account_id).update(seen_fingerprint="cd" * 32)
given = read_given("cloudflare", {"api_token": "x"})
edge = save_panel(domain=domain, chosen=given, actor=SYSTEM)
params = {"zone": domain.host, "certificate": "f00", "names": domain.host}
foreign = {"site": domain.host, "state": "failed", "detail": "not done", "code": "cloudflare_foreign", "params": params}
PanelTarget.unscoped.filter(pk=edge.pk).update(sites=[foreign], last_status="failed")
"""


def shoot_panels(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"panels@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"panels@{ZONE}", made["workspace"])
    domains = seed(around, person.workspace_id)["domains"]
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/domains/"
    for name, (found, path, vendor) in DETECTED.items():
        around.portal.run_python(DETECT, domains[name], json.dumps(found), path, vendor)
        page.goto(f"{base}{domains[name]}/renew-deploy/")
        album.shoot_open(f"panels-{path}", page)
    tab = f"{base}{domains['ok']}/renew-deploy/"
    for kind in ("cpanel", "plesk", "cloudflare"):
        page.goto(f"{tab}panels/add/?kind={kind}")
        album.shoot_open(f"panels-add-{kind}", page)
    page.get_by_role("button", name="Save panel").click()
    album.shoot_open("panels-add-refused", page)
    around.portal.run_python(LEFT, domains["ok"], domains["unreachable"])
    page.goto(f"{base}{domains['unreachable']}/renew-deploy/")
    album.shoot_open("panels-monitor-in-use", page)
    page.goto(f"{base}{domains['expiring']}/renew-deploy/panels/add/?kind=plesk")
    page.get_by_label("Server (optional)").fill("server12.hoster.example")
    page.get_by_label("User name").fill("acme")
    page.get_by_label("Password or secret key").fill("another")
    page.get_by_role("button", name="Save panel").click()
    album.shoot_open("panels-add-shared", page)
    page.goto(tab)
    album.shoot_open("panels-left", page)
    page.get_by_role("link", name="Change Plesk").click()
    album.shoot_open("panels-change", page)
    page.goto(tab)
    page.get_by_role("link", name="Remove Plesk").click()
    album.shoot_open("panels-remove", page)
    page.context.close()
