"""`manage.py run`: starts everything, survives the death of a part, leaves nothing behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from certificates.dns.serving import is_healthy
from tests.servers.migrated import SQLITE, migrated_sqlite
from tests.servers.ports import free_port

NAMES = ("redis", "web", "work", "inspect", "beat", "dns")
ZONE = "acme.portal.example"

pytestmark = pytest.mark.timeout(300)


class Running:
    """One portal under test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dns = ("127.0.0.1", free_port())
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "VAR_DIR": str(home),
            "BIND": f"127.0.0.1:{self.port}",
            "SECRET_KEY": "x" * 50,
            "SECRETS_ENCRYPTION_KEY": "22" * 32,
            "ACME_DNS_ZONE": ZONE,
            "ACME_DNS_NS": "ns1.portal.example",
            "ACME_DNS_BIND": f"{self.dns[0]}:{self.dns[1]}",
        }
        command = [sys.executable, "manage.py", "run"]
        self.parent = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE, text=True)

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    def pids(self) -> list[int]:
        return [self.pid(name) for name in NAMES]

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def wait(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < ends, "not reached in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """A zombie that waits for its parent counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def running(home: Path) -> Iterator[Running]:
    portal = Running(home)
    try:
        # Five processes and all migrations, on two cores that other tests keep busy: a minute was not always enough.
        wait(portal.is_ready, 180)
        yield portal
    finally:
        portal.parent.kill()
        portal.parent.communicate()


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Running]:
    home = tmp_path / "var"
    home.mkdir(mode=0o700)
    (home / SQLITE).write_bytes(migrated_sqlite())
    with running(home) as own:
        yield own


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For tests that only look; this one starts from nothing at all."""
    with running(tmp_path_factory.mktemp("untouched") / "var") as shared:
        yield shared


def test_a_killed_worker_comes_back_and_sigterm_leaves_nothing(portal: Running) -> None:
    first = portal.pid("work")
    os.kill(first, signal.SIGKILL)
    wait(lambda: portal.pid("work") != first)
    pids = portal.pids()
    portal.parent.send_signal(signal.SIGTERM)
    said = portal.parent.communicate(timeout=60)[0]
    assert portal.parent.returncode == 0
    assert portal.url in said
    assert not [pid for pid in pids if is_alive(pid)]
    assert not list((portal.home / "run").glob("*.pid"))


def test_the_children_die_with_a_killed_parent(portal: Running) -> None:
    pids = portal.pids()
    assert all(is_alive(pid) for pid in pids)
    portal.parent.kill()
    wait(lambda: not any(is_alive(pid) for pid in pids))


def test_only_the_roles_that_need_the_key_have_it(untouched: Running) -> None:
    environments = {name: Path(f"/proc/{untouched.pid(name)}/environ").read_bytes() for name in NAMES}
    holders = {name for name, environment in environments.items() if b"SECRETS_ENCRYPTION_KEY" in environment}
    assert holders == {"web", "work"}


def test_what_the_portal_writes_is_its_owners_alone(untouched: Running) -> None:
    portal = untouched
    assert stat.S_IMODE(portal.home.stat().st_mode) == 0o700
    for name in ("logs", "run"):
        assert stat.S_IMODE((portal.home / name).stat().st_mode) == 0o700


def test_the_responder_answers_for_its_zone(untouched: Running) -> None:
    wait(lambda: is_healthy(untouched.dns, ZONE))
