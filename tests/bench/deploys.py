"""CPU and wall per deployment of four files and a reload, beside ansible and beside a script with scp and ssh."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from tests.bench.figures import Figure, figure
from tests.bench.machines import Machines, machines
from tests.bench.peers import Ansible, OpenSsh
from tests.servers.places import ROOT, private_directory
from tests.servers.postgres import postgres
from tests.servers.redis import redis_server

# How many runs for how many machines: ansible takes a minute for fifty.
RUNS: Mapping[int, int] = {1: 5, 10: 3, 50: 2}
_START = "import django; django.setup(); from tests.bench import {module}; {module}.main()"

OURS = ("SSH client alone", "SQLite", "PostgreSQL")

type Taken = dict[str, float]


class Ours:
    """Our worker, or its SSH client alone, in a process of its own, warm as a worker is."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self._popen = popen

    def tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n")
        self._popen.stdin.flush()

    def deploy(self, count: int) -> Taken:
        assert self._popen.stdout is not None
        self.tell(str(count))
        answer = self._popen.stdout.readline()
        if not answer:
            raise RuntimeError("the worker ended; its error stands above")
        return dict(json.loads(answer))


@contextmanager
def _ours(module: str, found: Machines, database_url: str, redis_url: str) -> Iterator[Ours]:
    with private_directory("deployer") as place:
        settings = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "VAR_DIR": str(place),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
        }
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", _START.format(module=module)]
        popen = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdin=pipe, stdout=pipe, text=True)
        ours = Ours(popen)
        try:
            ours.tell(json.dumps(_described(found)))
            yield ours
        finally:
            popen.communicate()


def _described(found: Machines) -> dict[str, object]:
    return {
        "machines": [[one.name, one.host, one.port, one.fingerprint] for one in found.each],
        "user": found.user.name,
        "home": str(found.user.home),
        "private_key": found.user.private_key,
        "reload": str(found.reload),
    }


def measure() -> list[Figure]:
    with ExitStack() as stack:
        found = stack.enter_context(machines(max(RUNS)))
        place = stack.enter_context(private_directory("peers"))
        url = stack.enter_context(postgres()).create_database("deploys")
        broker = stack.enter_context(redis_server()).url
        # All in one run and in turns: what else the machine does then hits each of them alike.
        contestants: dict[str, Ours | Ansible | OpenSsh] = {
            "SSH client alone": stack.enter_context(_ours("placer", found, "", broker)),
            "SQLite": stack.enter_context(_ours("deployer", found, "", broker)),
            "PostgreSQL": stack.enter_context(_ours("deployer", found, url, broker)),
            "scp and ssh": OpenSsh(found, place),
            "ansible": Ansible(found, place),
        }
        figures: list[Figure] = []
        for count, runs in RUNS.items():
            rounds = [_one_round(contestants, found, count) for _ in range(runs + 1)]
            figures += _figures(rounds[1:], count)  # The first is for warming up, of the servers as well.
        return figures


def _one_round(contestants: Mapping[str, Ours | Ansible | OpenSsh], found: Machines, count: int) -> dict[str, Taken]:
    taken = {}
    for name, contestant in contestants.items():
        before = found.reloads
        taken[name] = contestant.deploy(count)
        if found.reloads != before + count:
            raise RuntimeError(f"{name}: {found.reloads - before} reloads on {count} machines")
    return taken


def _figures(rounds: Sequence[Mapping[str, Taken]], count: int) -> list[Figure]:
    note = (
        "four files and a reload on each machine, loopback, ed25519, curve25519; ours is a worker with 16 threads, "
        "from due to ended runs with database, trail and audit, without its database server's CPU, and its SSH client "
        "alone, which does on the machines what a run does there; ansible with "
        "pipelining, 50 forks and shared connections, without their CPU; scp and ssh 20 machines at once"
    )
    columns = (("CPU", "cpu_seconds", "ms", 1000 / count), ("wall", "wall_seconds", "s", 1.0))
    noun = "target" if count == 1 else "targets"
    return [
        figure(
            f"{word} {'per target, ' if word == 'CPU' else ''}{count} {noun}, {ours}",
            unit,
            peer,
            [one[ours][column] * scale for one in rounds],
            [one[peer][column] * scale for one in rounds],
            note,
        )
        for peer in ("ansible", "scp and ssh")
        for ours in OURS
        for word, column, unit, scale in columns
    ]
