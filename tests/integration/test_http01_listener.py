"""The standalone listener on real servers: it answers a CA, refuses in words, takes sudo, and is gone afterwards."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import describe
from deploy.http01.answering import Http01
from deploy.http01.reaching import reached
from deploy.http01.solver import note_answer, put_answer
from tests.cast import Cast, make_cast
from tests.integration.http01 import HttpScene
from tests.servers.child import is_root
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble
from tests.servers.ports import accepts
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def scene(settings: Any, cast: Cast, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, cast.acme, ca, dns_server)


@pytest.fixture
def web(ssh_server: Sshd, ca: Pebble) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["any.example.net"], http_port=ca.http_port) as server:
        yield server


def tls(server: Sshd) -> Path:
    return server.user.home / "tls"


def test_the_listener_of_a_rehearsal_makes_way_for_a_renewal(scene: HttpScene, ssh_server: Sshd, ca: Pebble) -> None:
    server, chosen = scene.server(ssh_server), Http01(standalone=True, port=ca.http_port)
    target = scene.answering(server, chosen, directories=[tls(ssh_server)])
    rehearsed = note_answer(target, chosen, ["rehearsed"])
    with reached(server, None) as line:
        put_answer(line, rehearsed, chosen, {"rehearsed": "content"})
    assert accepts(ca.http_port)
    scene.enable()
    scene.run()
    issuance = scene.issuance()
    assert (issuance.state, issuance.attempts) == ("issued", 0), issuance.error_code
    assert (scene.left(), accepts(ca.http_port)) == (0, False)


def test_the_listener_answers_where_no_web_server_runs_and_is_gone(
    scene: HttpScene, ssh_server: Sshd, ca: Pebble
) -> None:
    chosen = Http01(standalone=True, port=ca.http_port)
    scene.answering(scene.server(ssh_server), chosen, directories=[tls(ssh_server)])
    scene.enable()
    scene.run()
    assert len(scene.certificates()) == 1, scene.issuance().error_code
    assert scene.left() == 0
    assert not accepts(ca.http_port)
    assert processes_of(ssh_server) == []


def processes_of(server: Sshd) -> list[str]:
    """Programs of the deploy user, sshd's own aside."""
    if not is_root():
        return []
    found = subprocess.run(["ps", "-u", server.user.name, "-o", "args="], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if "python" in line and "<defunct>" not in line]


class TestRefusalsOfTheListener:
    def test_an_account_for_sftp_only(self, scene: HttpScene, ca: Pebble) -> None:
        with sshd(extra=["ForceCommand internal-sftp"]) as only_sftp:
            code, _ = scene.refused(only_sftp, Http01(standalone=True, port=ca.http_port))
        assert code == "listener_needs_shell"
        assert scene.left() == 0

    def test_a_port_that_a_web_server_has(self, scene: HttpScene, ssh_server: Sshd, web: Nginx, ca: Pebble) -> None:
        code, params = scene.refused(ssh_server, Http01(standalone=True, port=ca.http_port))
        assert code == "listener_port_taken"
        assert "nginx" in params["holder"]
        assert scene.left() == 0

    @pytest.mark.skipif(not is_root(), reason="needs an unprivileged deploy user")
    def test_a_privileged_port(self, scene: HttpScene, ssh_server: Sshd) -> None:
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 81:
            pytest.skip("every user may listen on every port here")
        code, params = scene.refused(ssh_server, Http01(standalone=True, port=81))
        assert (code, params["port"]) == ("listener_denied", 81)

    def test_neither_python3_nor_python(self, scene: HttpScene, ca: Pebble) -> None:
        with sshd(extra=["SetEnv PATH=/nowhere"]) as bare:
            code, _ = scene.refused(bare, Http01(standalone=True, port=ca.http_port))
        assert code == "listener_no_python"

    def test_no_sudo(self, scene: HttpScene, ca: Pebble) -> None:
        """Its absence is not taken for Python's."""
        with sshd(extra=["SetEnv PATH=/nowhere"]) as bare:
            code, _ = scene.refused(bare, Http01(standalone=True, port=ca.http_port, use_sudo=True))
        assert code == "listener_no_sudo"


@pytest.mark.skipif(not is_root(), reason="sudo needs rules")
class TestTheListenerBySudo:
    def test_it_answers_and_is_gone(self, scene: HttpScene, ca: Pebble) -> None:
        with sshd(sudo=["/usr/bin/python3 -"]) as server:
            chosen = Http01(standalone=True, port=ca.http_port, use_sudo=True)
            scene.answering(scene.server(server), chosen, directories=[tls(server)])
            scene.enable()
            scene.run()
        assert len(scene.certificates()) == 1, scene.issuance().error_params
        assert scene.left() == 0
        assert not accepts(ca.http_port)

    def test_without_the_rule_the_line_to_add_is_shown(self, scene: HttpScene, ssh_server: Sshd, ca: Pebble) -> None:
        code, params = scene.refused(ssh_server, Http01(standalone=True, port=ca.http_port, use_sudo=True))
        assert code == "listener_needs_rule"
        paste = describe(code, params).paste
        assert f"{ssh_server.user.name} ALL=(root) NOPASSWD: /usr/bin/python3 -" in paste
