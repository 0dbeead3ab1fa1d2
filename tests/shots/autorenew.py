"""Modes; Auto-renew (SSH) with everything missing, ready, on, and refused by our own look."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.people import new_ssh_key
from tests.servers.places import ROOT
from tests.servers.ports import wait_until
from tests.shots.album import Album
from tests.shots.seeding import seed

# What a worker leaves behind whose own look found a redirect.
REFUSED = """
import sys, django
django.setup()
from datetime import timedelta
from certificates.models import Renewal
from config.lib import clock, jobs
from deploy.http01.snippets import lines_for
host = Renewal.unscoped.get(domain=sys.argv[1]).domain.host
url = f"http://{host}/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"
Renewal.unscoped.filter(domain=sys.argv[1]).update(
    failures=1, retry_at=clock.now() + timedelta(minutes=9), renew_at=clock.now(), error_code="http01_redirected",
    error_params={"url": url, "name": host, "underlying": f"HTTP 301 from {url} to https://{host}/",
        "then": f"It ends at https://{host}/ with HTTP 200, and not with the token.", "way": "",
        "lines": lines_for("nginx", name=host, webroot="/var/www/html")},
    run_after=clock.now() + timedelta(minutes=9))
"""
# What a rehearsal leaves behind: all well, or with the causes that are named.
REHEARSED = """
import sys, django
django.setup()
from datetime import timedelta
from certificates.renewal.checks import Check
from config.lib import clock
from config.lib.errors import NeedsUser, Transient
from deploy.http01.snippets import lines_for
from deploy.models import Readiness, Target
from deploy.readiness.judging import conclude
target = Target.unscoped.select_related("domain", "server").get(domain=sys.argv[1])
host, on, failing = target.domain.host, target.server.host, sys.argv[2:] == ["failing"]
url = f"http://{host}/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"
known = {"name": host, "url": url, "way": "", "lines": lines_for("nginx", name=host, webroot="/var/www/html")}
moved = NeedsUser("http01_redirected", underlying=f"HTTP 301 from {url} to https://{host}/",
    then=f"It ends at https://{host}/ with HTTP 200, and not with the token.", **known)
broken = NeedsUser("rehearsal_test_failed", host=on, command="sudo -n nginx -t",
    output="nginx: [emerg] unknown directive no_such_directive in /etc/nginx/nginx.conf:1")
silent = Transient("acme_unreachable", host="acme-v02.api.letsencrypt.org", detail="connect_timeout")
checks = [Check("proof", "over HTTP, on the first server"), Check("ownership", "the record is there"),
    Check("address", "198.51.100.7, 2001:db8::7"),
    Check("dnssec", "resolvers that check signatures believe the names' zones"),
    Check("ca", "Let's Encrypt answers", silent if failing else None), Check("caa", "letsencrypt.org may issue"),
    Check("budget", "there is room for it")]
there = [Check("login", "as mmc-deploy"),
    Check("token", f"a CA would accept it for {host}", moved if failing else None),
    Check("directory", "/etc/nginx/ssl/shop"), Check("sudo", "it allows every command that needs it"),
    Check("configuration", "“sudo -n nginx -t” succeeds", broken if failing else None),
    Check("disk", "18432 MiB are free")]
place = {"label": on, "run": "", "at": clock.now().isoformat(), "checks": conclude(there, [])}
Readiness.unscoped.update_or_create(domain=target.domain, workspace_id=target.workspace_id, defaults={
    "looked_at": clock.now(), "rehearsed_at": clock.now(), "run_after": clock.now() + timedelta(hours=23),
    "is_asked": False, "checks": conclude(checks, []), "places": {str(target.pk): place}})
"""
# A webroot that was taken away, and a name that was seen at another address.
LOST = """
import sys, django
django.setup()
from certificates.models import Renewal
from config.lib import clock
from deploy.models import Target
from domains.models import Domain, Visit
renewal = Renewal.unscoped.select_related("domain").get(domain=sys.argv[1])
other = Domain.unscoped.create(workspace_id=renewal.workspace_id, host=f"www.{renewal.domain.host}", state="ok",
    verified_at=clock.now())
for domain, address in ((renewal.domain, "198.51.100.7"), (other, "203.0.113.20")):
    Visit.unscoped.update_or_create(domain=domain, workspace_id=renewal.workspace_id,
        defaults={"address": address, "visited_at": clock.now()})
Renewal.unscoped.filter(pk=renewal.pk).update(names=[renewal.domain.host, other.host])
Target.unscoped.filter(domain=renewal.domain_id).update(webroot="")
"""
# A start that was refused for it, of a certificate that its CA wants replaced.
NOT_BEGUN = """
import sys, django
django.setup()
from datetime import timedelta
from certificates.models import Certificate, Renewal
from certificates.renewal.requirements import require_ready
from certificates.renewal.telling import tell_level, tell_refused
from config.lib import clock
from config.lib.errors import NeedsUser
rows = Renewal.unscoped.filter(domain=sys.argv[1])
certificate = Certificate.unscoped.filter(domain=sys.argv[1]).latest("created_at")
rows.update(certificate=certificate, why="ari_past", window_start=certificate.not_before,
    window_end=certificate.not_before + timedelta(days=1), explanation_url="https://ca.example/incident",
    issuance=None, asked_as=None)
renewal = rows.select_related("domain", "certificate", "issuance").get()
try:
    require_ready(renewal.domain)
except NeedsUser as error:
    tell_refused(renewal, error)
tell_level(renewal, 0)
"""
# What a renewal to its end leaves behind.
RENEWED = """
import sys, django
django.setup()
from datetime import timedelta
from auditlog.events import record
from certificates.models import Certificate, Issuance
from config.lib import clock
from deploy.models import Deployment, RunStep, Target, TargetRun
from deploy.settling import outcome_data
target = Target.unscoped.select_related("domain", "server").get(domain=sys.argv[1])
owner = {"workspace_id": target.workspace_id, "domain": target.domain}
certificate = Certificate.unscoped.filter(domain=target.domain).latest("created_at")
began = clock.now() - timedelta(seconds=41)
issuance = Issuance.unscoped.create(names=certificate.names, names_key=certificate.names_key, is_renewal=True,
    directory_url=certificate.directory_url, state="issued", step="done", certificate=certificate, created_at=began,
    ended_at=began + timedelta(seconds=12), solver="http01", challenge="http-01", **owner)
told = {"workspace_id": target.workspace_id, "domain_id": target.domain_id, "domain_label": target.domain.label}
facts = {"issuance": str(issuance.pk), "names": ", ".join(certificate.names), "issuer": certificate.issuer,
    "until": f"{certificate.not_after:%Y-%m-%d}"}
with clock.frozen(began):
    record("issuance.started", run_id=issuance.pk, data=facts, **told)
with clock.frozen(began + timedelta(seconds=12)):
    record("certificate.issued", run_id=issuance.pk, data=facts, **told)
deployment = Deployment.unscoped.create(certificate=certificate, fingerprint_sha256=certificate.fingerprint_sha256,
    state="deployed", created_at=began + timedelta(seconds=13), ended_at=clock.now(), **owner)
commands = ["sudo -n nginx -t", "sudo -n systemctl reload nginx"]
run = TargetRun.unscoped.create(kind="deploy", state="succeeded", outcome="serving", target=target,
    server=target.server, label=target.server.label, deployment=deployment, certificate=certificate,
    started_at=deployment.created_at, ended_at=clock.now(), created_at=deployment.created_at, **owner,
    files=[f"/etc/nginx/ssl/shop/{name}.pem" for name in ("cert", "key", "chain", "fullchain")],
    commands=[{"command": one, "exit_code": 0} for one in commands])
steps = ["Connect to web-01.example.net", "Put the new files in place", *commands, "See it being served"]
for position, name in enumerate(steps):
    RunStep.unscoped.create(workspace_id=target.workspace_id, run=run, position=position, name=name,
        state="succeeded", ended_at=clock.now(), data={"exit_code": 0} if name in commands else {})
record("deployment.succeeded", run_id=deployment.pk, data=outcome_data(deployment, [run]), **told)
"""
TRUSTED = """
import sys, django
django.setup()
from deploy.models import Server
from domains.models import Domain, Ownership
from config.lib import clock
domain = Domain.unscoped.get(pk=sys.argv[1])
Server.unscoped.filter(targets__domain=domain).update(host_key_fingerprint="SHA256:" + "a" * 43)
owned = {"workspace_id": domain.workspace_id, "host": domain.host}
Ownership.unscoped.get_or_create(**owned, defaults={"proven_at": clock.now()})
Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
"""


def shoot_autorenew(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"autorenew@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"autorenew@{ZONE}", made["workspace"])
    domain = seed(around, person.workspace_id)["domains"]["ok"]
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    tab = f"/w/{person.workspace_id}/domains/{domain}/renew-deploy/"
    page.goto(tab)
    album.shoot_open("autorenew-monitor", page)
    page.get_by_role("radio", name="Auto-renew (SSH)").check()
    page.get_by_role("button", name="Use this mode").click()
    page.get_by_role("button", name="Enable auto-renew").click()
    album.shoot_open("autorenew-missing", page)
    _fill_in(page)
    run(around, TRUSTED, domain)
    page.goto(tab)
    album.shoot_open("autorenew-ready", page)
    page.get_by_role("button", name="Enable auto-renew").click()
    album.shoot_open("autorenew-on", page)
    for name, argument in (("readiness-ready", "well"), ("readiness-failing", "failing")):
        run(around, REHEARSED, domain, argument)
        page.goto(tab)
        album.shoot_open(name, page)
    run(around, RENEWED, domain)
    page.goto(f"/w/{person.workspace_id}/domains/{domain}/activity/")
    album.shoot_open("autorenew-run", page)
    run(around, REFUSED, domain)
    page.goto(tab)
    album.shoot_open("autorenew-refused", page)
    run(around, LOST, domain)
    page.goto(tab)
    album.shoot_open("autorenew-incomplete", page)
    run(around, NOT_BEGUN, domain)
    told = "could not be begun"
    wait_until(lambda: any(told in mail.subject for mail in around.mail.mails), seconds=60, what="the mail")
    for name, path in (("autorenew-not-begun", "activity/?show=renewals"), ("autorenew-wanted", "")):
        page.goto(f"/w/{person.workspace_id}/domains/{domain}/{path}")
        album.shoot_open(name, page)
    page.context.close()


def _fill_in(page: Page) -> None:
    page.get_by_label("SSH host").first.fill("web-01.example.net")
    page.get_by_label("SSH username").first.fill("mmc-deploy")
    page.get_by_label("SSH private key").first.fill(new_ssh_key()[0])
    page.get_by_label("Certificate directories on server").first.fill("/etc/nginx/ssl/shop")
    page.get_by_label("HTTP-01 webroot path").first.fill("/var/www/html")
    page.get_by_role("button", name="Save deployment settings").click()


def run(around: Habitat, script: str, *arguments: str) -> None:
    command = [sys.executable, "-c", script, *arguments]
    environment = {**around.portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
