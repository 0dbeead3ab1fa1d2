"""What grows with the fleet and what must not: claims, ticks, a round of 100,000, memory."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.blackbox import blackbox, paths_of
from tests.bench.farm import farm
from tests.bench.figures import Figure
from tests.servers.ca import TestCa
from tests.servers.child import Child
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.places import ROOT, plain_environment, private_directory
from tests.servers.ports import accepts, free_port
from tests.servers.postgres import Postgres, postgres

FEW, MANY = 10_000, 1_000_000
ROUND = 100_000
HOSTS = 500
HELD = 500
IN_FLIGHT = 50
PROBED = 5
OPEN = {"DJANGO_SETTINGS_MODULE": "tests.settings", "REDIS_URL": "", "EGRESS_ALLOW_CIDRS": "127.0.0.0/8"}


def _with_django(call: str) -> list[str]:
    module, _, _ = call.partition(".")
    return ["-c", f"import django; django.setup(); from tests.bench import {module}; {call}"]


def _run(command: Sequence[str], settings: Mapping[str, str], order: object = None) -> dict[str, Any]:
    """One of our processes, started for this alone; the JSON of its last line, {} when it says nothing."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **OPEN, **settings},
        input=json.dumps(order) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said = ran.stdout.splitlines()
    return dict(json.loads(said[-1])) if said else {}


def _bounded(name: str, unit: str, value: float, most: float, note: str) -> Figure:
    """A figure beside what it may be at most."""
    return Figure(name, round(value, 4), unit, "at most", most, round(value / most, 3), 1, note)


def _claims(database: Postgres) -> list[Figure]:
    few, many = (
        _run(_with_django(f"claimer.main({count})"), {"DATABASE_URL": database.create_database(f"claims{count}")})
        for count in (FEW, MANY)
    )
    note = f"PostgreSQL, median of 15, {MANY:,} domains beside {FEW:,}; at most 3x"
    peer = f"{FEW:,} domains"
    ratio = round(many["claim_ms"] / few["claim_ms"], 3)
    return [
        Figure("a claim of 500", many["claim_ms"], "ms", peer, few["claim_ms"], ratio, 15, note),
        _bounded("an idle tick", "ms", many["idle_ms"], 2.0, f"PostgreSQL, {MANY:,} domains, nothing due"),
    ]


def _round(database: Postgres, dns: ChallengeDns) -> list[Figure]:
    """Beside the exporter's CPU for as many probes in the same minutes, since the machine's own speed moves by a third.

    120 CPU s are what it takes on the machine of the baselines, where a probe takes 1.20 ms.
    """
    with farm(HOSTS) as hosts, blackbox(hosts) as exporter:
        paths = paths_of(hosts, "http")
        exporter.probe(paths, IN_FLIGHT)
        for name, address in hosts.hosts:
            dns.add_a(name, address)
        settings = {
            "DATABASE_URL": database.create_database("round"),
            "TLS_EXTRA_CA_BUNDLE": str(hosts.ca_bundle),
            "DNS_RESOLVERS": dns.address,
        }
        names = [name for name, _ in hosts.hosts]
        order = {"do": "prepare", "count": ROUND, "names": names, "port": hosts.port, "visited": True}
        _run(_with_django("worker.main()"), settings, order)
        before = [exporter.probe(paths, IN_FLIGHT) for _ in range(PROBED)]
        done = _run(_with_django("worker.main()"), settings, {"do": "work"})
        after = [exporter.probe(paths, IN_FLIGHT) for _ in range(PROBED)]
    theirs = statistics.median([*before, *after]) * ROUND / HOSTS
    note = "claimed, looked up, visited with the front page, judged, stored in PostgreSQL; chains seen before"
    peer, ratio = "blackbox exporter, http, one root", round(done["cpu_seconds"] / theirs, 3)
    name = f"{ROUND:,} due domains, one worker"
    return [Figure(name, round(done["cpu_seconds"], 1), "CPU s", peer, round(theirs, 1), ratio, 1, note)]


def _sweep(database: Postgres) -> list[Figure]:
    done = _run(_with_django("sweep.main()"), {"DATABASE_URL": database.create_database("sweep")})
    note = f"PostgreSQL, {ROUND:,} domains, 10 rules"
    return [
        _bounded("an idle tick of the rules", "ms", done["idle_ms"], 2.0, note),
        _bounded(
            "a look at the rules, nothing to say", "CPU ms", done["quiet_cpu_ms"] / 1_000, 1.0, f"{note}; 1,000 due"
        ),
        _bounded(
            "a look at the rules, nine of them firing",
            "CPU ms",
            done["firing_cpu_ms"] / 1_000,
            30.0,
            f"{note}; 1,000 due",
        ),
    ]


@contextmanager
def _gate(place: Path) -> Iterator[int]:
    """A server that answers nobody before HELD have asked; its port."""
    authority = TestCa("Gate")
    issued = authority.issue(["*.gate.example"])
    (place / "root.pem").write_bytes(authority.root_pem)
    (place / "chain.pem").write_bytes(issued.fullchain_pem)
    (place / "key.pem").write_bytes(issued.key_pem)
    port = free_port()
    arguments = [str(port), str(HELD), str(place / "chain.pem"), str(place / "key.pem")]
    child = Child(
        "gate",
        [sys.executable, "-m", "tests.bench.gate", *arguments],
        log=place / "gate.log",
        env=plain_environment(),
        cwd=ROOT,
    )
    try:
        child.wait_ready(lambda: accepts(port))
        yield port
    finally:
        child.stop()


def _memory(database: Postgres, dns: ChallengeDns) -> list[Figure]:
    with private_directory("gate") as place, _gate(place) as port:
        names = [f"host{n}.gate.example" for n in range(HELD)]
        for name in names:
            dns.add_a(name, "127.0.0.1")
        settings = {
            "DATABASE_URL": database.create_database("memory"),
            "TLS_EXTRA_CA_BUNDLE": str(place / "root.pem"),
            "DNS_RESOLVERS": dns.address,
        }
        order = {"names": names, "port": port}
        engine = _run(["-m", "tests.bench.holder"], settings, order)
        _run(_with_django("worker.main()"), settings, {**order, "do": "prepare", "count": HELD, "visited": False})
        worker = _run(_with_django("worker.main()"), settings, {"do": "work"})
    held = f"{HELD} connections, all held between the handshake and the answer"
    return [
        _bounded("memory of the engine", "MB", engine["peak_mb"], 90.0, f"{held}; verdicts included, no Django"),
        _bounded("memory of a worker", "MB", worker["peak_mb"], 130.0, f"{held}; with Django, Celery and the rows"),
    ]


def measure() -> list[Figure]:
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        dns = stack.enter_context(challenge_dns())
        return [*_claims(database), *_round(database, dns), *_sweep(database), *_memory(database, dns)]
