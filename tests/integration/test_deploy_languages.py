"""Servers that speak German: what fails is recognised all the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cast import make_cast
from tests.integration.deploying import Scene, run_of, told
from tests.servers.child import is_root
from tests.servers.people import allow_lines
from tests.servers.places import private_directory
from tests.servers.sshd import Sshd, sshd

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_root(), reason="only root has users of its own"),
]
# gettext takes its texts from LANGUAGE in every locale but C, so that no German one has to be installed.
GERMAN = "SetEnv LC_ALL=C.UTF-8 LANGUAGE=de"


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd(sudo=["/bin/true"], extra=[GERMAN]) as there:
        yield there


@pytest.fixture
def place() -> Iterator[Path]:
    with private_directory("etc", shared=True) as place:
        yield place


@pytest.fixture
def scene(settings: Any) -> Scene:
    return Scene(settings, make_cast().acme)


def test_sudo_that_wants_a_password(scene: Scene, server: Sshd) -> None:
    name = server.user.name
    allow_lines(name, f"{name} ALL=(ALL:ALL) ALL\n{name} ALL=(root) NOPASSWD: /bin/true")
    scene.target(scene.server(server), [server.user.home / "tls"], ["sudo -n id"], ports=[])
    scene.certificate()
    run = run_of(scene.deploy())
    assert run.error_code == "sudo_needs_rule", told(run)
    assert run.error_params["output"] == "sudo: a password is required"


@pytest.mark.parametrize("use_sudo", [False, True])
def test_an_owner_that_does_not_exist(scene: Scene, server: Sshd, place: Path, use_sudo: bool) -> None:
    name = server.user.name
    allow_lines(name, f"{name} ALL=(root) NOPASSWD: /bin/sh")
    where = place / "tls" if use_sudo else server.user.home / "tls"
    target = scene.target(scene.server(server), [where], ports=[], use_sudo=use_sudo, owner="nobody-of-that-name")
    scene.certificate()
    run = run_of(scene.deploy())
    assert (run.error_code, run.error_params["owner"]) == ("owner_unknown", "nobody-of-that-name"), told(run)
    assert target.owner == "nobody-of-that-name"
