"""HTTP-01 answered by one host, the certificate installed and served on two, which share nothing but the portal."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from deploy.http01.answering import Http01
from deploy.models import Deployment, Server, TargetRun
from tests.cast import make_cast
from tests.integration.deploying import told, work
from tests.integration.http01 import HttpScene
from tests.integration.renewing import work as renew
from tests.servers.apache import Apache, apache
from tests.servers.child import is_root
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import LOOKS_OF_A_VALIDATION, Pebble
from tests.servers.ports import accepts, free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
STARTS: Mapping[str, Callable[..., AbstractContextManager[Nginx | Apache]]] = {"nginx": nginx, "apache": apache}


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Sshd, Sshd]]:
    with sshd(host=FIRST) as first, sshd(host=SECOND) as second:
        yield first, second


@contextmanager
def web_servers(hosts: tuple[Sshd, Sshd], kinds: tuple[str, str], http_port: int) -> Iterator[list[Nginx | Apache]]:
    """One on each host, of that host's user, with an old certificate of its own; both have the same ports."""
    ports = {"http_port": http_port, "https_port": free_port()}
    with ExitStack() as stack:
        yield [
            stack.enter_context(STARTS[kind](one.user, ["old.example.net"], host=one.host, **ports))
            for one, kind in zip(hosts, kinds, strict=True)
        ]


@pytest.mark.parametrize(
    ("way", "kinds"),
    [("webroot", ("nginx", "apache")), ("webroot", ("apache", "nginx")), ("listener", ("nginx", "apache"))],
)
def test_one_answers_and_both_serve(
    settings: Any,
    ca: Pebble,
    dns_server: ChallengeDns,
    hosts: tuple[Sshd, Sshd],
    way: str,
    kinds: tuple[str, str],
) -> None:
    is_standalone = way == "listener"
    # The second host has a web server at the port that the CA asks too, as it would be: nobody is to come there.
    with web_servers(hosts, kinds, free_port() if is_standalone else ca.http_port) as webs:
        scene = HttpScene(settings, make_cast().acme, ca, dns_server, port=webs[0].https_port)
        dns_server.add_a(scene.host, FIRST)
        chosen = Http01(standalone=True, port=ca.http_port) if is_standalone else Http01(str(webs[0].document_root))
        for one, web, http01 in zip(hosts, webs, (chosen, Http01()), strict=True):
            scene.answering(
                scene.server(one), http01,
                directories=[web.certificates], commands=[web.test_command, web.reload_command], ports=None,
            )  # fmt: skip
        old = [web.fingerprint(scene.host) for web in webs]
        visits = hosts[1].log().count("Connection from")
        scene.enable()

        renew(scene.domain)
        assert scene.issuance().state == "issued", scene.issuance().error_params
        assert ca.http_looks(scene.host) == LOOKS_OF_A_VALIDATION
        assert hosts[1].log().count("Connection from") == visits, "the second host has no part in the challenge"
        assert [web.fingerprint(scene.host) for web in webs] == old
        assert (scene.left(), [*webs[0].document_root.glob(".well-known/acme-challenge/*")]) == (0, [])
        assert not (webs[1].document_root / ".well-known").exists()
        assert not (is_standalone and accepts(ca.http_port, FIRST))

        work()
        deployment = Deployment.unscoped.get(domain=scene.domain)
        runs = TargetRun.unscoped.filter(deployment=deployment)
        assert (deployment.state, runs.count()) == ("deployed", 2), [told(run) for run in runs]
        (certificate,) = scene.certificates()
        assert [web.fingerprint(scene.host) for web in webs] == [certificate.fingerprint_sha256] * 2
    assert_they_are_two(hosts)


def assert_they_are_two(hosts: tuple[Sshd, Sshd]) -> None:
    rows = [Server.unscoped.get(host=one.host, port=one.port) for one in hosts]
    assert [row.host_key_fingerprint for row in rows] == [one.fingerprint for one in hosts]
    assert rows[0].host_key_fingerprint != rows[1].host_key_fingerprint
    assert [row.username for row in rows] == [one.user.name for one in hosts]
    assert (rows[0].username != rows[1].username) is is_root(), "without root there are no users to make"
