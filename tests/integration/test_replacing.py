"""A server was broken into: everything whose key it held is replaced, deployed, proven, and the old ones revoked."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from auditlog.models import Event
from certificates.models import Certificate, ReplacedCertificate, Replacement
from config.lib import clock, jobs
from deploy.models import Target
from domains.models import Domain, Finding, Visit
from tests.cast import Cast, make_cast
from tests.integration.deploying import Scene
from tests.integration.issuing import use_ca, verified_domain
from tests.integration.renewing import by_test_dns, turn_on
from tests.servers.dns import ChallengeDns
from tests.servers.migrated import migrated_postgres
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT, plain_environment
from tests.servers.ports import wait_until
from tests.servers.postgres import Postgres
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
LAUNCH = """
import sys, django
django.setup()
from tests.integration.replacement_killer import main
main(*sys.argv[1:])
"""
KINDS = ("certificate_replacement", "renewal", "issuance", "target_run", "certificate_revocation")


class OneOfThree(Scene):
    """A verified domain with its own files on the server that all three share."""

    def __init__(self, cast: Cast, host: str, dns: ChallengeDns, port: int) -> None:
        self.workspace = cast.acme
        self.domain = verified_domain(cast.acme, host, dns)
        Domain.unscoped.filter(pk=self.domain.pk).update(port=port)
        self.domain.port = port
        Visit.objects.create(workspace=cast.acme, domain=self.domain)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def hosts() -> list[str]:
    return [f"r{uuid.uuid4().hex[:8]}.net" for _ in range(3)]


@pytest.fixture
def web(ssh_server: Sshd, hosts: Sequence[str]) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["old.example.net"], sites=hosts) as server:
        yield server


@pytest.fixture
def domains(
    settings: Any,
    pebble_server: Pebble,
    dns_server: ChallengeDns,
    ssh_server: Sshd,
    web: Nginx,
    cast: Cast,
    hosts: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
) -> list[Domain]:
    """Each has its first certificate, deployed and served."""
    use_ca(settings, pebble_server, dns_server)
    settings.ANSWER_WITHIN_SECONDS = 0
    by_test_dns(dns_server, monkeypatch)
    scenes = [OneOfThree(cast, host, dns_server, web.https_port) for host in hosts]
    for scene in scenes:
        server = scene.server(ssh_server)
        scene.target(server, [web.certificates / scene.domain.host], [web.test_command, web.reload_command])
        turn_on(scene.domain)
    wait_until(lambda: ticked() and all(is_served(web, scene.domain) for scene in scenes), seconds=60, what="the first")
    return [scene.domain for scene in scenes]


def ticked() -> bool:
    Replacement.unscoped.filter(ended_at=None).update(run_after=clock.now())
    return bool([jobs.run_due(kind) for kind in KINDS])


def newest(domain: Domain) -> Certificate:
    return Certificate.unscoped.filter(domain=domain).latest("created_at")


def is_served(web: Nginx, domain: Domain) -> bool:
    found = Certificate.unscoped.filter(domain=domain).order_by("-created_at").first()
    return found is not None and web.fingerprint(domain.host) == found.fingerprint_sha256


def post(cast: Cast, path: str, **body: object) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}
    return Client().post(f"/api{path}", body, content_type="application/json", headers=headers)


def test_all_that_a_server_held_is_replaced_and_the_old_ones_revoked(
    cast: Cast, domains: Sequence[Domain], web: Nginx
) -> None:
    old = [newest(domain) for domain in domains]
    server = Target.unscoped.filter(domain=domains[0]).get().server
    choice = {"by": "server", "server": str(server.pk)}
    plan = post(cast, "/replacements/plan", **choice).json()
    assert (plan["by_itself"], plan["by_person"], plan["follows"]) == (3, 0, 0)
    answer = post(cast, "/replacements", **choice, reason="key_compromise", revoke=True)
    assert answer.status_code == 201
    revoked_while_served: set[str] = set()

    def is_over() -> bool:
        ticked()
        served = {web.fingerprint(domain.host) for domain in domains}
        revoked = Certificate.unscoped.filter(revoked_at__isnull=False)
        revoked_while_served.update(served & set(revoked.values_list("fingerprint_sha256", flat=True)))
        return not Replacement.unscoped.filter(ended_at=None).exists()

    wait_until(is_over, seconds=90, what="the replacement")
    assert revoked_while_served == set()
    for domain, before in zip(domains, old, strict=True):
        before.refresh_from_db()
        after = newest(domain)
        assert (before.revoked_at is not None, before.revocation_reason) == (True, 1)
        assert after.private_key_id != before.private_key_id
        assert web.fingerprint(domain.host) == after.fingerprint_sha256
        assert Certificate.unscoped.filter(domain=domain).count() == 2, "one for each need"
    assert set(ReplacedCertificate.unscoped.values_list("state", flat=True)) == {"done"}
    assert Event.unscoped.filter(kind="replacement.replaced").count() == 3
    assert not Finding.unscoped.filter(code="certificate_to_replace", closed_at=None).exists()


def crash_points() -> list[str]:
    source = (ROOT / "certificates" / "replacing" / "working.py").read_text()
    return re.findall(r'crash_here\("(replace\.\w+)"\)', source)


@pytest.mark.timeout(300)
def test_a_killed_worker_is_carried_on_from(
    dns_server: ChallengeDns, tmp_path: Path, postgres_server: Postgres
) -> None:
    """One order, one revocation, whenever it dies."""
    points = crash_points()
    assert len(points) == 3
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=str(tmp_path),
        DATABASE_URL=migrated_postgres(postgres_server, "replacement_crashes"),
        DNS_RESOLVERS=dns_server.address,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
    )
    command = [sys.executable, "-c", LAUNCH, *points]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    wanted = {"kills": 1, "state": "done", "ordered": 1, "revoked": [1], "is_over": True}
    assert walks == [{"point": point, **wanted} for point in points]
