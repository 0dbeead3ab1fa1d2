"""A domain that renews over HTTP-01: its first target answers, a real CA asks."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.models import Certificate, Issuance, Renewal
from certificates.proving import SEEN_WITHIN
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock, jobs
from deploy.http01.answering import NO_ANSWER, Http01
from deploy.models import HttpAnswer, Server, Target
from deploy.targets import Placement, save_target
from domains.models import Domain, Mode, Visit
from tests.integration.deploying import Scene, work
from tests.integration.issuing import use_ca, verified_domain, work_out
from tests.integration.renewing import work as renew
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.second_ca import SecondCa
from tests.servers.sshd import Sshd

# After the first failure a renewal comes again by itself.
AGAIN_IN = timedelta(minutes=11)


class HttpScene(Scene):
    """One verified domain with a name of its own, and the portal asking the port that the CA asks."""

    def __init__(
        self, settings: Any, workspace: Workspace, ca: Pebble | SecondCa, dns: ChallengeDns, *, port: int = 443
    ) -> None:
        use_ca(settings, ca, dns)
        settings.ACME_HTTP01_PORT = ca.http_port
        self.workspace = workspace
        self.domain = verified_domain(workspace, f"h{uuid.uuid4().hex[:8]}.net", dns)
        Domain.unscoped.filter(pk=self.domain.pk).update(port=port)
        self.domain.port = port
        Visit.objects.create(workspace=workspace, domain=self.domain)
        self.dns = dns
        self.ca = TestCa()

    @property
    def host(self) -> str:
        return self.domain.host

    def answering(
        self,
        server: Server,
        http01: Http01 = NO_ANSWER,
        *,
        directories: Sequence[object],
        commands: Sequence[str] = (),
        ports: Sequence[int] | None = (),
    ) -> Target:
        """A saved target; by default there is nothing to look at after a deployment."""
        chosen = Placement(
            [str(path) for path in directories], {}, list(commands), ports if ports is None else list(ports),
            http01=http01,
        )  # fmt: skip
        return save_target(domain=self.domain, server=server, chosen=chosen, actor=SYSTEM)

    def enable(self, names: Sequence[str] | None = None) -> Renewal:
        """`Enable auto-renew`."""
        wanted = Automation(Mode.ACME_AUTO, auto_renew=True, names=names)
        set_automation(domain=self.domain, actor=SYSTEM, wanted=wanted)
        return Renewal.unscoped.get(domain=self.domain)

    def run(self) -> Renewal:
        """The ticks that follow, until nothing is due: sweep, issuance, deployment."""
        renewal = renew(self.domain)
        work()
        return renewal

    def look_in_vain(self) -> Issuance:
        """The ticks up to our own look and on, until the portal is no longer patient with what it sees."""
        for kind in ("renewal", "issuance"):
            jobs.run_due(kind)
        with clock.shifted(SEEN_WITHIN["http-01"] + timedelta(seconds=1)):
            ended = work_out(self.issuance())
            jobs.run_due("renewal")
        return ended

    def refused(self, server: Sshd, chosen: Http01) -> tuple[str, dict[str, Any]]:
        """How the first issuance ended; the CA was not asked to look."""
        self.answering(self.server(server), chosen, directories=[server.user.home / "tls"])
        self.enable()
        self.run()
        issuance = self.issuance()
        assert set(issuance.authorizations.values_list("status", flat=True)) == {"pending"}
        return issuance.error_code, issuance.error_params

    def issuance(self) -> Issuance:
        return Issuance.unscoped.filter(domain=self.domain).latest("created_at")

    def certificates(self) -> list[Certificate]:
        return list(Certificate.unscoped.filter(domain=self.domain).order_by("created_at"))

    def left(self) -> int:
        """What the portal believes to be on a server still."""
        return HttpAnswer.unscoped.filter(workspace=self.workspace).count()
