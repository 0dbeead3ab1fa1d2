"""Three renewals in a row that nobody attends: two targets, one of which fails at first."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from certificates.models import Certificate, Issuance, Renewal
from config.lib import clock, jobs
from deploy.http01.answering import Http01
from deploy.http01.renewing import find_renewal_run, show_renewal_run
from deploy.models import Deployment, Target
from tests.cast import make_cast
from tests.integration.http01 import HttpScene
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Manners, Pebble, pebble
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(280)]


@pytest.fixture
def hurried(dns_server: ChallengeDns) -> Iterator[Pebble]:
    """Its certificates live for a minute."""
    with pebble(dns_server, Manners(profiles={"classic": 60})) as server:
        yield server


@pytest.fixture
def web(ssh_server: Sshd, hurried: Pebble) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["any.example.net"], http_port=hurried.http_port) as server:
        yield server


def test_three_in_a_row_with_a_target_that_fails_at_first(
    settings: Any, hurried: Pebble, web: Nginx, ssh_server: Sshd, dns_server: ChallengeDns
) -> None:
    scene = HttpScene(settings, make_cast().acme, hurried, dns_server, port=web.https_port)
    server = scene.server(ssh_server)
    reload = [web.test_command, web.reload_command]
    scene.answering(server, Http01(str(web.document_root)), directories=[web.certificates], commands=reload, ports=None)
    blocked = ssh_server.user.home / "in-the-way"
    blocked.write_text("a file where a directory should be")
    second = scene.answering(server, directories=[blocked])
    scene.enable()

    def ticked() -> list[Certificate]:
        """What the workers do at each of their ticks."""
        for kind in ("renewal", "issuance", "target_run"):
            jobs.run_due(kind)
        return scene.certificates()

    wait_until(lambda: ticked() and not running(scene), seconds=60, what="the first deployment")
    second.refresh_from_db()
    assert second.last_status == Target.Status.FAILED
    assert Deployment.unscoped.get(domain=scene.domain).state == "partial"
    blocked.unlink()  # mended; nobody presses anything
    wait_until(lambda: len(ticked()) >= 4 and not running(scene), seconds=200, every=0.3, what="three renewals")

    rows = scene.certificates()
    assert all(new.created_at < old.not_after for old, new in itertools.pairwise(rows))
    assert set(Issuance.unscoped.filter(domain=scene.domain).values_list("solver", "state")) == {("http01", "issued")}
    assert Renewal.unscoped.get(domain=scene.domain).failures == 0
    assert web.fingerprint(scene.host) == rows[-1].fingerprint_sha256
    assert (blocked / "cert.pem").read_text().strip() == rows[-1].leaf_pem.strip()
    assert Deployment.unscoped.filter(domain=scene.domain).latest("created_at").state == "deployed"
    last = Issuance.unscoped.filter(domain=scene.domain, state="issued").latest("created_at")
    run = show_renewal_run(find_renewal_run(scene.workspace, last.pk))
    assert (run["state"], run["issuance"]) == ("succeeded", last.pk)
    kinds = [event["kind"] for event in run["events"]]
    assert kinds == ["issuance.over_http", "certificate.issued", "deployment.started", "deployment.succeeded"]
    assert scene.host in run["events"][-1]["text"], run["events"][-1]
    assert scene.left() == 0
    assert list((web.document_root / ".well-known/acme-challenge").iterdir()) == []


def running(scene: HttpScene) -> bool:
    """Whether something is under way just now; a retry that waits for its time is not."""
    open_ones = Issuance.unscoped.filter(domain=scene.domain).exclude(step=Issuance.Step.DONE)
    runs = Deployment.unscoped.filter(domain=scene.domain, state="running", runs__run_after__lte=clock.now())
    return open_ones.exists() or runs.exists()
