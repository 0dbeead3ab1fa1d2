"""A domain that renews over HTTP-01, its certificate on file, and the button `Rehearse now`."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.keys import new_key
from certificates.models import AcmeAccount, Renewal, names_key
from config.lib import clock, jobs
from deploy.http01.answering import Http01
from deploy.models import Readiness, Target, TargetRun
from deploy.readiness.asking import ask_now, follow_automation
from deploy.readiness.judging import each_check
from deploy.targets import Placement, save_target
from domains.models import Domain, Finding, Mode, Ownership
from tests.integration.deploying import Scene, work
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx
from tests.servers.pebble import Pebble
from tests.servers.sshd import Sshd

DIRECTORY = "tls"
DAILY_KEYS = ("proof", "ownership", "address", "dnssec", "ca", "caa", "budget")
# Each check without a cause.
WELL = dict.fromkeys([*DAILY_KEYS, "login", "token", "directory", "sudo", "configuration", "disk"], "")


class RehearsalScene(Scene):
    """It renews in twenty days, at `ca`, through `web`."""

    def __init__(self, settings: Any, workspace: Workspace, ca: Pebble, dns: ChallengeDns, web: Nginx) -> None:
        self.host = f"r{uuid.uuid4().hex[:8]}.net"
        super().__init__(settings, workspace, host=self.host)
        settings.DNS_RESOLVERS = ((dns.host, dns.port),)
        settings.ACME_HTTP01_PORT = web.http_port
        settings.ACME_DIRECTORY_URL = ca.directory_url
        settings.ACME_CA_BUNDLE = str(ca.ca_bundle)
        self.web, self.dns = web, dns
        self.ownership = Ownership.objects.create(workspace=workspace, host=self.host, proven_at=clock.now())
        dns.set_txt(f"_managemycert-verify.{self.host}", f"mmc-{self.ownership.token}")
        self.account = AcmeAccount.objects.create(
            workspace=workspace,
            directory_url=ca.directory_url,
            sealed_key=new_key(),
            uri="https://ca.example/account/1",
            facts={"caa_identities": ["pebble.letsencrypt.org"]},
        )
        Domain.unscoped.filter(pk=self.domain.pk).update(mode=Mode.ACME_AUTO)
        self.domain.refresh_from_db()
        self.renewal = Renewal.objects.create(
            workspace=workspace,
            domain=self.domain,
            names=[self.host],
            names_key=names_key([self.host]),
            directory_url=ca.directory_url,
            renew_at=clock.now() + timedelta(days=20),
        )
        follow_automation(self.domain.pk)

    def answering(self, sshd: Sshd, *, webroot: Path | None = None, use_sudo: bool = False, **other: Any) -> Target:
        chosen = Placement(
            [str(other.pop("directory", sshd.user.home / DIRECTORY))],
            {},
            other.pop("commands", [self.web.test_command, self.web.reload_command]),
            [],
            use_sudo,
            http01=other.pop("http01", None) or Http01(str(webroot or self.web.document_root)),
        )
        return save_target(domain=self.domain, server=self.server(sshd), chosen=chosen, actor=SYSTEM)

    def rehearse(self) -> dict[str, str]:
        return rehearse(self.domain)

    def look(self) -> dict[str, str]:
        """The daily look alone."""
        Readiness.unscoped.filter(domain=self.domain).update(run_after=clock.now(), is_asked=False)
        jobs.run_due("readiness")
        return self.found()

    def row(self) -> Readiness:
        return Readiness.unscoped.get(domain=self.domain)

    def found(self) -> dict[str, str]:
        return found_of(self.domain)

    def details(self) -> dict[str, str]:
        row = self.row()
        return {one["key"]: one["detail"] for one in each_check(row.checks, row.places)}

    def findings(self) -> list[str]:
        rows = Finding.unscoped.filter(domain=self.domain, source="readiness", closed_at=None)
        return sorted(rows.values_list("code", flat=True))

    def run(self) -> TargetRun:
        return TargetRun.unscoped.filter(domain=self.domain, kind=TargetRun.Kind.REHEARSE).latest("created_at")

    def tokens(self) -> list[str]:
        return sorted(path.name for path in self.web.document_root.glob(".well-known/acme-challenge/*"))


def rehearse(domain: Domain) -> dict[str, str]:
    """Press the button, the workers until nothing is due; as `found_of`."""
    ask_now(domain=domain, actor=SYSTEM)
    jobs.run_due("readiness")
    work()
    return found_of(domain)


def found_of(domain: Domain) -> dict[str, str]:
    """Each check's cause, empty where it is well."""
    row = Readiness.unscoped.get(domain=domain)
    every = each_check(row.checks, row.places)
    return {one["key"]: one["code"] and f"{one['state']} {one['code']}" for one in every}
