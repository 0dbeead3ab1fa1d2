"""Many domains of one server: a change of it has each rehearsed, and nowhere do dozens sign in at once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.models import Renewal, names_key
from config.lib import clock, jobs
from deploy.models import Readiness, Server
from deploy.readiness.asking import APART, OF_SERVER_AT_MOST, SETTLED_AFTER, ask_after_server_change
from deploy.reconcile import KIND
from deploy.servers import trust_server
from domains.models import Domain, Mode, Visit
from tests.cast import make_cast
from tests.integration.deploying import Scene
from tests.servers.dns import ChallengeDns
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]
# What servers shut out for: so many failures in so long.
BANNED_AT, WITHIN = 5, timedelta(minutes=10)
MANY = 6


@pytest.fixture
def server(settings: Any, ssh_server: Sshd, dns_server: ChallengeDns) -> Server:
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    return Scene(settings, make_cast().acme).server(ssh_server)


def renewing_on(server: Server, sshd: Sshd, number: int) -> Domain:
    workspace = server.workspace
    host = f"t{number}.example.net"
    domain = Domain.objects.create(
        workspace=workspace,
        host=host,
        verified_at=clock.now(),
        mode=Mode.ACME_AUTO,
        renew_at=clock.now() + timedelta(days=20 + number),
    )
    Visit.objects.create(workspace=workspace, domain=domain)
    Renewal.objects.create(
        workspace=workspace,
        domain=domain,
        names=[host],
        names_key=names_key([host]),
        directory_url="https://ca.example/directory",
        renew_at=domain.renew_at,
    )
    server.targets.create(
        workspace=workspace,
        domain=domain,
        position=1,
        is_draft=False,
        certificate_directories=[str(sshd.user.home / "tls")],
    )
    Readiness.objects.create(workspace=workspace, domain=domain, run_after=clock.now() + timedelta(days=1))
    return domain


def sign_ins(sshd: Sshd) -> int:
    return sshd.whole_log().count("Accepted publickey")


def test_a_change_of_a_server_has_its_domains_rehearsed_one_after_the_other(server: Server, ssh_server: Sshd) -> None:
    hosts = [renewing_on(server, ssh_server, number).host for number in range(MANY)]
    changed_at = clock.now()
    with clock.frozen(changed_at):
        Server.unscoped.update(host_key_fingerprint="")
        server.refresh_from_db()
        trust_server(server=server, fingerprint=ssh_server.fingerprint, actor=SYSTEM)
    rehearsed: dict[str, datetime] = {}
    for minute in range(25):
        now = changed_at + timedelta(minutes=minute)
        with clock.frozen(now):
            jobs.run_due("readiness")
            jobs.run_due(KIND)
        done = Readiness.unscoped.filter(rehearsed_at=now).values_list("domain__host", flat=True)
        assert len(done) <= 1
        rehearsed |= dict.fromkeys(done, now)
    assert list(rehearsed) == hosts, "each once, in the order in which they renew"
    assert rehearsed[hosts[0]] == changed_at + SETTLED_AFTER
    assert sign_ins(ssh_server) == MANY
    moments = sorted(rehearsed.values())
    assert max(sum(at <= one < at + WITHIN for one in moments) for at in moments) < BANNED_AT


def test_of_hundreds_only_those_that_renew_soonest_are_asked_for(server: Server, ssh_server: Sshd) -> None:
    for number in range(OF_SERVER_AT_MOST + 2):
        renewing_on(server, ssh_server, number)
    with clock.frozen(clock.now()):
        ask_after_server_change(server)
        last = clock.now() + SETTLED_AFTER + (OF_SERVER_AT_MOST - 1) * APART
    asked = Readiness.unscoped.filter(is_asked=True).order_by("run_after")
    soonest = Readiness.unscoped.order_by("domain__renew_at").values_list("pk", flat=True)
    assert list(asked.values_list("pk", flat=True)) == list(soonest[:OF_SERVER_AT_MOST])
    assert [row.run_after for row in asked][-1] == last
