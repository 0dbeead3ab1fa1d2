"""`manage.py run`: starts everything, survives the death of a part, leaves nothing behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests.servers.ports import free_port

NAMES = ("redis", "web", "work", "inspect", "beat")


class Running:
    """One portal under test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "VAR_DIR": str(home),
            "BIND": f"127.0.0.1:{self.port}",
            "SECRET_KEY": "x" * 50,
            "SECRETS_ENCRYPTION_KEY": "22" * 32,
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


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "var")
    try:
        wait(running.is_ready, 60)
        yield running
    finally:
        running.parent.kill()
        running.parent.communicate()


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


def test_only_the_roles_that_need_the_key_have_it(portal: Running) -> None:
    holders = {
        name for name in NAMES if b"SECRETS_ENCRYPTION_KEY" in Path(f"/proc/{portal.pid(name)}/environ").read_bytes()
    }
    assert holders == {"web", "work"}


def test_what_the_portal_writes_is_its_owners_alone(portal: Running) -> None:
    assert stat.S_IMODE(portal.home.stat().st_mode) == 0o700
    for name in ("logs", "run"):
        assert stat.S_IMODE((portal.home / name).stat().st_mode) == 0o700
