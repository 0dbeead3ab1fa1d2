"""The standalone listener by the Pythons of old servers: 2.7, which is called `python` there, and an early 3."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import NeedsUser, Transient
from deploy.http01.answering import Http01
from deploy.http01.listener import Listener, start_listener, stop_listener
from deploy.http01.reaching import reached
from tests.cast import make_cast
from tests.integration.http01 import HttpScene
from tests.servers.dns import ChallengeDns
from tests.servers.listener import crowd, http_script, listening
from tests.servers.pebble import LOOKS_OF_A_VALIDATION, Pebble
from tests.servers.places import private_directory
from tests.servers.ports import accepts, free_port, wait_until
from tests.servers.pythons import find_python, lend_python
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]


@pytest.fixture(scope="module", params=[("2.7", "python"), ("3.6", "python3")], ids=lambda param: param[0])
def server(request: pytest.FixtureRequest) -> Iterator[Sshd]:
    """Whoever signs in finds this Python under this name and no other program."""
    version, name = request.param
    prefix = find_python(version)
    if prefix is None:
        pytest.skip(f"no Python {version} is installed here")
    with private_directory("python", shared=True) as place:
        environment = lend_python(prefix, version, name=name, to=place / "lent")
        with sshd(extra=[f"SetEnv {environment}"]) as one:
            yield one


@pytest.fixture
def scene(settings: Any, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, make_cast().acme, ca, dns_server)


def folder_of(port: int) -> Path:
    """Where the Python lies whose process listens there."""
    listed = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return Path(f"/proc/{listed.split('pid=')[1].split(',')[0]}/exe").resolve().parents[1]


def test_it_serves_its_token_and_nothing_else_and_ends_by_its_word(
    scene: HttpScene, server: Sshd, request: pytest.FixtureRequest
) -> None:
    port, there = free_port(), set(server.user.home.iterdir())
    with reached(scene.server(server), None) as line:
        start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=30))
        (library,) = (folder_of(port) / "lib").glob("python*")
        assert library.name == f"python{request.node.callspec.params['server'][0]}"
        path = f":{port}/.well-known/acme-challenge/"
        for host in ("127.0.0.1", "[::1]"):
            assert fetched(f"http://{host}{path}token") == ("200", "content")
        for other in ("other", "", "token/", "../acme-challenge/token"):
            assert fetched(f"http://127.0.0.1{path}{other}")[0] == "404"
        stop_listener(line, port=port, stop_word="another")
        assert accepts(port)
        stop_listener(line, port=port, stop_word="stop-word")
        wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")
    assert set(server.user.home.iterdir()) == there


def test_it_ends_by_itself_when_nobody_comes_back(scene: HttpScene, server: Sshd) -> None:
    port = free_port()
    with reached(scene.server(server), None) as line:
        start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=1))
        assert accepts(port)
    wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")


def test_slow_clients_have_it_for_seconds_only(scene: HttpScene, server: Sshd) -> None:
    port = free_port()
    with reached(scene.server(server), None) as line:
        start_listener(line, Listener(port, "stop-word", {"token": "content"}, seconds=60))
        with crowd(port, 40):
            assert fetched(f"http://127.0.0.1:{port}/.well-known/acme-challenge/token") == ("200", "content")
        with crowd(port, 40):
            stop_listener(line, port=port, stop_word="stop-word")
        wait_until(lambda: not accepts(port), seconds=5, what="the end of the listener")


def test_what_does_not_answer_is_not_called_stopped(scene: HttpScene, server: Sshd) -> None:
    with (
        listening() as mute,
        reached(scene.server(server), None) as line,
        pytest.raises(Transient, match="listener_not_stopped") as caught,
    ):
        stop_listener(line, port=mute.port, stop_word="stop-word")
    assert caught.value.params["port"] == mute.port


def test_a_port_that_is_taken_is_told_with_who_has_it(scene: HttpScene, server: Sshd) -> None:
    answer = b"HTTP/1.0 404 Not Found\r\nServer: caf\xe9/1.0\r\n\r\n"
    listener = Listener(0, "stop-word", {"token": "content"}, seconds=1)
    with (
        listening(http_script(answer)) as taken,
        reached(scene.server(server), None) as line,
        pytest.raises(NeedsUser, match="listener_port_taken") as caught,
    ):
        start_listener(line, replace(listener, port=taken.port))
    assert caught.value.params["holder"] == "a web server that calls itself caf"


def test_the_ca_accepts_what_it_serves(scene: HttpScene, server: Sshd, ca: Pebble) -> None:
    chosen = Http01(standalone=True, port=ca.http_port)
    scene.answering(scene.server(server), chosen, directories=[server.user.home / "tls"])
    scene.enable()
    scene.run()
    assert scene.issuance().state == "issued", scene.issuance().error_params
    assert (ca.http_looks(scene.host), scene.left(), accepts(ca.http_port)) == (LOOKS_OF_A_VALIDATION, 0, False)


def fetched(url: str) -> tuple[str, str]:
    command = ["curl", "-gs", "--max-time", "8", "--path-as-is", "-w", "\n%{http_code}", url]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=False).stdout.rpartition("\n")
    return status, body
