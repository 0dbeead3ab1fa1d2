"""A worker killed anywhere leaves no token and no listener once the next one has come, one certificate, and no gap."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from certificates.models import Issuance, Renewal
from config.lib import clock, jobs
from config.lib.errors import Transient
from deploy.http01.answering import Http01
from deploy.http01.listener import Listener, start_listener, stop_listener
from deploy.http01.reaching import reached
from deploy.models import Deployment, HttpAnswer, Server, TargetRun
from tests.cast import make_cast
from tests.integration.deploying import work
from tests.integration.http01 import HttpScene
from tests.integration.issuing import work_out
from tests.servers.dns import ChallengeDns
from tests.servers.listener import crowd, listening
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT
from tests.servers.ports import accepts, free_port, wait_until
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

# With the token or the listener there or half there, and with the certificate there and not yet served.
OFTEN = [
    *("http01.noted", "http01.put_one", "http01.put", "issue.answered_one", "issue.certificate_stored"),
    *("http01.removed", "deploy.swapped", "deploy.ended"),
]
# Of the sources on the way of a renewal; what belongs to another way of proving is passed by nobody here.
SOURCES = (
    "deploy/http01/solver.py",
    "certificates/proving.py",
    "certificates/advance.py",
    "certificates/renewal/sweep.py",
)
# A first certificate has nothing that its CA could be asked about, and no time to rest.
NOT_ON_THE_WAY = ("renew.rested", "renew.answered")
INSTALLING = [f"deploy.{what}" for what in ("claimed", "staged", "swapped", "reloaded", "proven", "ended")]
RELOADED = INSTALLING[INSTALLING.index("deploy.reloaded") :]


def places() -> list[str]:
    texts = [(ROOT / source).read_text() for source in SOURCES]
    found = [name for text in texts for name in re.findall(r'crash_here\("([\w.]+)"\)', text)]
    assert set(OFTEN) < {*found, *INSTALLING}
    return [name for name in found if name not in NOT_ON_THE_WAY]


def marked(names: Sequence[str]) -> list[Any]:
    """The rarer ones are for the long tier."""
    return [name if name in OFTEN else pytest.param(name, marks=pytest.mark.proof) for name in names]


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
    for kind in sys.argv[3:]:
        jobs.run_due(kind)
    time.sleep(0.1)
"""


@pytest.fixture
def scene(settings: Any, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, make_cast().acme, ca, dns_server)


def work_and_die(settings: Any, place: str) -> int:
    """How a worker of its own ended that was told to die at `place`."""
    names = ("DNS_RESOLVERS", "ACME_DIRECTORY_URL", "ACME_CA_BUNDLE", "ACME_HTTP01_PORT")
    given = json.dumps({name: getattr(settings, name) for name in names})
    kinds = ["renewal", "issuance", *(["target_run"] if place in INSTALLING else [])]
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), given, *kinds]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


def next_worker_comes(scene: HttpScene) -> None:
    """Its predecessor's leases have run out. It does not install yet."""
    for model in (Renewal, Issuance, TargetRun, Server):
        model.unscoped.exclude(lease_until=None).update(lease_until=clock.now().replace(year=2000))
    for job in (Renewal, Issuance, TargetRun):
        job.unscoped.filter(run_after__gt=clock.now()).update(run_after=clock.now())
    jobs.run_due("renewal")
    work_out(scene.issuance())
    jobs.run_due("renewal")


@pytest.mark.parametrize("place", marked([*places(), *INSTALLING]))
def test_no_token_is_left_and_the_old_certificate_stays_until_the_new_one_is_served(
    settings: Any, ssh_server: Sshd, ca: Pebble, dns_server: ChallengeDns, place: str
) -> None:
    with nginx(ssh_server.user, ["any.example.net"], http_port=ca.http_port) as web:
        scene = HttpScene(settings, make_cast().acme, ca, dns_server, port=web.https_port)
        commands = [web.test_command, web.reload_command]
        scene.answering(
            scene.server(ssh_server), Http01(str(web.document_root)),
            directories=[web.certificates], commands=commands, ports=None,
        )  # fmt: skip
        scene.enable()
        old, files = web.fingerprint(scene.host), on_disk(web)

        assert work_and_die(settings, place) == -signal.SIGKILL
        if place in RELOADED:
            wait_until(lambda: serves_the_new_one(scene, web), seconds=5, what="what was reloaded")
        else:
            assert web.fingerprint(scene.host) == old

        next_worker_comes(scene)
        assert not [*web.document_root.glob(".well-known/acme-challenge/*")]
        assert (len(scene.certificates()), scene.left(), scene.issuance().state) == (1, 0, "issued")
        if place not in INSTALLING:
            assert (web.fingerprint(scene.host), on_disk(web)) == (old, files), "it is on file, and nowhere else yet"
        work()
        assert Deployment.unscoped.get(domain=scene.domain).state == "deployed"
        assert serves_the_new_one(scene, web)


def serves_the_new_one(scene: HttpScene, web: Nginx) -> bool:
    return web.fingerprint(scene.host) == scene.certificates()[-1].fingerprint_sha256


def on_disk(web: Nginx) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in web.certificates.iterdir()}


@pytest.mark.parametrize("place", marked([place for place in places() if place != "http01.put_one"]))
def test_no_listener_is_left(scene: HttpScene, settings: Any, ssh_server: Sshd, ca: Pebble, place: str) -> None:
    chosen = Http01(standalone=True, port=ca.http_port)
    scene.answering(scene.server(ssh_server), chosen, directories=[ssh_server.user.home / "tls"])
    scene.enable()
    assert work_and_die(settings, place) == -signal.SIGKILL
    next_worker_comes(scene)
    assert not accepts(ca.http_port), (scene.issuance().state, list(HttpAnswer.unscoped.values()))
    assert (len(scene.certificates()), list(HttpAnswer.unscoped.values())) == (1, [])


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

    def test_slow_clients_have_it_for_seconds_only(self, scene: HttpScene, ssh_server: Sshd) -> None:
        port = free_port()
        with reached(scene.server(ssh_server), None) as line:
            start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=60))
            with crowd(port, 40):
                assert fetched(f"http://127.0.0.1:{port}/.well-known/acme-challenge/token") == ("200", "content")
            with crowd(port, 40):
                stop_listener(line, port=port, stop_word="stop-word")
            wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")

    def test_what_does_not_answer_is_not_called_stopped(self, scene: HttpScene, ssh_server: Sshd) -> None:
        with (
            listening() as mute,
            reached(scene.server(ssh_server), None) as line,
            pytest.raises(Transient, match="listener_not_stopped"),
        ):
            stop_listener(line, port=mute.port, stop_word="stop-word")


def fetched(url: str) -> tuple[str, str]:
    command = ["curl", "-s", "--max-time", "8", "--path-as-is", "-w", "\n%{http_code}", url]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=False).stdout.rpartition("\n")
    return status, body
