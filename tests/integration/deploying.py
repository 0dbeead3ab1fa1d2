"""What every deployment test needs: a workspace with a domain, stored certificates, and a server to put them on."""

import json
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.models import Certificate, PrivateKey, names_key
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from deploy.deployments import start_deployment
from deploy.models import Deployment, RunStep, Server, Target, TargetRun
from deploy.servers import Access, check_key, find_or_make_server, trust_server
from deploy.targets import Placement, save_target, start_test
from domains.models import Domain, Visit
from tests.servers.ca import Issued, TestCa, key_pem
from tests.servers.sshd import Sshd

HOST = "shop.example.net"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Scene:
    """One domain and its servers; the methods are the buttons that a person presses."""

    def __init__(self, settings: Any, workspace: Workspace, *, port: int = 443, host: str = HOST) -> None:
        settings.EGRESS_ALLOW_CIDRS = LOOPBACK
        self.workspace = workspace
        self.domain = Domain.objects.create(workspace=workspace, host=host, port=port, verified_at=clock.now())
        Visit.objects.create(workspace=workspace, domain=self.domain)
        self.ca = TestCa()

    def certificate(self, *, key: bytes = b"") -> Certificate:
        """A freshly issued certificate, stored; `key` puts another key beside it."""
        return self.store(self.ca.issue([self.domain.host]), key=key)

    def store(self, issued: Issued, *, key: bytes = b"") -> Certificate:
        private = PrivateKey.objects.create(
            workspace=self.workspace,
            domain=self.domain,
            sealed_pem=Sealed.of(key or key_pem(issued.key)),
            key_type="ecdsa-p256",
        )
        return Certificate.objects.create(
            workspace=self.workspace,
            domain=self.domain,
            names=[self.domain.host],
            names_key=names_key([self.domain.host]),
            leaf_pem=issued.cert_pem.decode(),
            chain_pem=issued.chain_pem.decode(),
            fingerprint_sha256=issued.fingerprint,
            serial=f"{issued.certificate.serial_number:x}",
            issuer="Loopback Test",
            not_before=issued.certificate.not_valid_before_utc,
            not_after=issued.certificate.not_valid_after_utc,
            private_key=private,
        )

    def server(self, sshd: Sshd, *, trust: bool = True) -> Server:
        user = sshd.user
        public_key = check_key(user.private_key, "")
        access = Access(sshd.host, sshd.port, user.name, Sealed.of(user.private_key), public_key=public_key)
        server = find_or_make_server(workspace=self.workspace, access=access, actor=SYSTEM)
        return trust_server(server=server, fingerprint=sshd.fingerprint, actor=SYSTEM) if trust else server

    def target(
        self,
        server: Server,
        directories: Sequence[object],
        commands: Sequence[str] = (),
        *,
        ports: Sequence[int] | None = None,
        draft: bool = False,
        use_sudo: bool = False,
        owner: str = "",
    ) -> Target:
        chosen = Placement([str(path) for path in directories], {}, list(commands), ports, use_sudo, owner)
        return save_target(domain=self.domain, server=server, chosen=chosen, actor=SYSTEM, draft=draft)

    def deploy(self, certificate: Certificate | None = None) -> Deployment:
        """`Deploy now`, and the workers until nothing is due."""
        deployment, _ = start_deployment(domain=self.domain, certificate=certificate, actor=SYSTEM)
        work()
        return Deployment.unscoped.get(pk=deployment.pk)

    def test(self, target: Target) -> TargetRun:
        run = start_test(target=target, actor=SYSTEM)
        work()
        return TargetRun.unscoped.get(pk=run.pk)


def work() -> None:
    jobs.run_due("target_run")


def run_of(deployment: Deployment, target: Target | None = None) -> TargetRun:
    rows = TargetRun.unscoped.filter(deployment=deployment, ended_at__isnull=False).order_by("-ended_at")
    found = (rows.filter(target=target) if target else rows).first()
    assert found is not None
    return found


def steps_of(run: TargetRun) -> list[tuple[str, str]]:
    return [(step.name, step.state) for step in RunStep.unscoped.filter(run=run)]


def told(run: TargetRun) -> str:
    """Everything that is kept of a run, as text; for assertions and their messages."""
    steps = [
        f"{step.state:10} {step.name} | {step.detail} | {step.error_code} {json.dumps(step.data)}"
        for step in RunStep.unscoped.filter(run=run)
    ]
    return "\n".join([f"{run.state} {run.outcome} {run.error_code} {run.error_params}", *steps])
