"""Renewals that nobody attends, weeks apart on both clocks, by a CA that fetches the token at port 80."""

import itertools
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certificates.models import Issuance, Renewal
from config.lib import clock
from deploy.http01.answering import Http01
from deploy.models import Deployment
from tests.cast import make_cast
from tests.integration.deploying import work as work_runs
from tests.integration.http01 import HttpScene
from tests.integration.renewing import work as renew
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.nginx import Nginx, nginx
from tests.servers.second_ca import SecondCa, second_ca
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SOON = timedelta(minutes=1)


@pytest.fixture(scope="module")
def address() -> str:
    """This CA asks DNS at port 53 and the web at port 80: both have an address that nothing else uses."""
    return f"127.{128 + secrets.randbelow(127)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(250)}"


@pytest.fixture(scope="module")
def dns(address: str) -> Iterator[ChallengeDns]:
    with challenge_dns(address, 53) as server:
        yield server


@pytest.fixture(params=[90, 45], ids=["90 days", "45 days"])
def ca(request: pytest.FixtureRequest, dns: ChallengeDns) -> Iterator[SecondCa]:
    with second_ca(dns, days=request.param) as server:
        yield server


@pytest.fixture
def web(ssh_server: Sshd, address: str) -> Iterator[Nginx]:
    """The deploy user may not open port 80; what comes there is passed on to where its nginx listens."""
    with nginx(ssh_server.user, ["any.example.net"]) as server, passed_on((address, 80), server.http_port):
        yield server


@contextmanager
def passed_on(outside: tuple[str, int], inside: int) -> Iterator[None]:
    with socket.create_server(outside) as listener:
        thread = threading.Thread(target=_accept, args=(listener, inside), daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, inside: int) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:
            return
        with visitor, socket.create_connection(("127.0.0.1", inside)) as server:
            server.sendall(visitor.recv(8192))  # One request, as short as a challenge's.
            server.settimeout(5)
            while answer := _read(server):
                visitor.sendall(answer)


def _read(server: socket.socket) -> bytes:
    try:
        return server.recv(65536)
    except TimeoutError:
        return b""  # It keeps the connection, and has nothing more to say.


def test_weeks_apart_with_a_target_that_fails_at_first(
    settings: Any, ca: SecondCa, dns: ChallengeDns, address: str, web: Nginx, ssh_server: Sshd
) -> None:
    scene = _scene(settings, ca, dns, address, web)
    blocked = _targets(scene, web, ssh_server)
    renewal = scene.enable()
    renewal = tick(scene)
    assert Deployment.unscoped.get(domain=scene.domain).state == "partial"
    blocked.unlink()  # mended; nobody presses anything
    ahead = timedelta(0)
    for number in range(1, 4):
        assert len(scene.certificates()) == number
        assert renewal.renew_at
        ahead = renewal.renew_at - clock.now() + SOON
        ca.set_clock(ahead)
        with clock.shifted(ahead):
            renewal = tick(scene)
            assert renewal.failures == 0, (renewal.error_code, renewal.error_params)
            latest = scene.certificates()[-1]
            assert Deployment.unscoped.filter(domain=scene.domain).latest("created_at").state == "deployed"
        assert len(scene.certificates()) == number + 1
        assert abs(latest.not_after - latest.not_before - timedelta(days=ca.days)) < timedelta(hours=1)
        assert web.fingerprint(scene.host) == latest.fingerprint_sha256
        assert (blocked / "cert.pem").read_text().strip() == latest.leaf_pem.strip()
    rows = scene.certificates()
    assert all(new.not_before < old.not_after for old, new in itertools.pairwise(rows)), "never a gap"
    assert set(Issuance.unscoped.filter(domain=scene.domain).values_list("solver", "state")) == {("http01", "issued")}
    assert scene.left() == 0
    assert list((web.document_root / ".well-known/acme-challenge").iterdir()) == []


def _scene(settings: Any, ca: SecondCa, dns: ChallengeDns, address: str, web: Nginx) -> HttpScene:
    scene = HttpScene(settings, make_cast().acme, ca, dns, port=web.https_port)
    settings.ACME_EMAIL = "certificates@acme-tools.net"
    dns.add_a(scene.host, address)
    return scene


def _targets(scene: HttpScene, web: Nginx, ssh_server: Sshd) -> Path:
    """The first serves the site and answers the CA; where the second's files should go is the returned file."""
    server = scene.server(ssh_server)
    scene.answering(
        server,
        Http01(str(web.document_root)),
        directories=[web.certificates],
        commands=[web.test_command, web.reload_command],
    )
    blocked = ssh_server.user.home / "in-the-way"
    blocked.write_text("a file where a directory should be")
    scene.answering(server, directories=[blocked])
    return blocked


def tick(scene: HttpScene) -> Renewal:
    """All that workers do until nothing is due any more."""
    renewal = renew(scene.domain)
    work_runs()
    return renewal
