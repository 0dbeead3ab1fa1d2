"""A worker killed anywhere leaves no token and no listener once the next one has come, and one certificate."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from certificates.models import Issuance
from config.lib import clock
from deploy.http01.answering import Http01
from deploy.http01.listener import Listener, start_listener, stop_listener
from deploy.http01.reaching import reached
from tests.cast import make_cast
from tests.integration.http01 import HttpScene
from tests.integration.issuing import work_out
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import nginx
from tests.servers.pebble import Pebble, pebble
from tests.servers.places import ROOT
from tests.servers.ports import accepts, free_port, wait_until
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

PLACES = [
    *("http01.noted", "http01.put_one", "http01.put", "issue.presented", "issue.records_seen", "issue.answered_one"),
    *("issue.validated", "issue.certificate_stored", "http01.removed"),
]
OF_THE_LISTENER = [place for place in PLACES if place != "http01.put_one"]
WORKER = """
import json, sys, time, django
django.setup()
from ipaddress import ip_network
from django.conf import settings
from django.db import connection
from config.lib import jobs
for name, value in json.loads(sys.argv[2]).items():
    setattr(settings, name, value)
settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
connection.settings_dict["NAME"] = sys.argv[1]
for _ in range(100):
    for kind in ("renewal", "issuance"):
        jobs.run_due(kind)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def ca(dns_server: ChallengeDns) -> Iterator[Pebble]:
    with pebble(dns_server) as server:
        yield server


@pytest.fixture
def scene(settings: Any, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, make_cast().acme, ca, dns_server)


def work_and_die(settings: Any, place: str) -> int:
    """How a worker of its own ended that was told to die at `place`."""
    names = ("DNS_RESOLVERS", "ACME_DIRECTORY_URL", "ACME_CA_BUNDLE", "ACME_HTTP01_PORT")
    given = json.dumps({name: getattr(settings, name) for name in names})
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), given]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


def next_worker_comes(scene: HttpScene) -> None:
    """Its predecessor's lease has run out."""
    rows = Issuance.unscoped.filter(domain=scene.domain)
    rows.exclude(lease_until=None).update(lease_until=clock.now().replace(year=2000))
    rows.filter(run_after__isnull=False).update(run_after=clock.now())
    work_out(rows.get())


@pytest.mark.parametrize("place", PLACES)
def test_no_token_is_left(scene: HttpScene, settings: Any, ssh_server: Sshd, ca: Pebble, place: str) -> None:
    with nginx(ssh_server.user, [scene.host], http_port=ca.http_port) as web:
        chosen = Http01(str(web.document_root))
        scene.answering(scene.server(ssh_server), chosen, directories=[ssh_server.user.home / "tls"])
        scene.enable()
        assert work_and_die(settings, place) == -signal.SIGKILL
        next_worker_comes(scene)
        folder: Path = web.document_root / ".well-known/acme-challenge"
        assert list(folder.iterdir()) == []
    assert (len(scene.certificates()), scene.left()) == (1, 0)
    assert Issuance.unscoped.get(domain=scene.domain).state == "issued"


@pytest.mark.parametrize("place", OF_THE_LISTENER)
def test_no_listener_is_left(scene: HttpScene, settings: Any, ssh_server: Sshd, ca: Pebble, place: str) -> None:
    chosen = Http01(standalone=True, port=ca.http_port)
    scene.answering(scene.server(ssh_server), chosen, directories=[ssh_server.user.home / "tls"])
    scene.enable()
    assert work_and_die(settings, place) == -signal.SIGKILL
    next_worker_comes(scene)
    assert not accepts(ca.http_port)
    assert (len(scene.certificates()), scene.left()) == (1, 0)


class TestTheListenerAlone:
    def test_it_ends_by_itself_when_nobody_comes_back(self, scene: HttpScene, ssh_server: Sshd) -> None:
        port = free_port()
        with reached(scene.server(ssh_server), None) as line:
            start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=1))
            assert accepts(port)
        wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")

    def test_it_serves_its_token_and_nothing_else(self, scene: HttpScene, ssh_server: Sshd) -> None:
        port = free_port()
        with reached(scene.server(ssh_server), None) as line:
            start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=30))
            path = f"http://127.0.0.1:{port}/.well-known/acme-challenge/"
            assert fetched(f"{path}token") == ("200", "content")
            for other in ("other", "", "token/", "../acme-challenge/token", "%2e%2e/etc/passwd"):
                assert fetched(f"{path}{other}")[0] == "404"
            stop_listener(line, port=port, stop_word="another")
            assert accepts(port)
            stop_listener(line, port=port, stop_word="stop-word")
            wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")
            stop_listener(line, port=port, stop_word="stop-word")
        assert list(ssh_server.user.home.iterdir()) == []


def fetched(url: str) -> tuple[str, str]:
    command = ["curl", "-s", "--path-as-is", "-w", "\n%{http_code}", url]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return status, body
