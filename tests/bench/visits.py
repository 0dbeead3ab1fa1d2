"""Visits per CPU second, beside prometheus-blackbox-exporter."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from tests.bench.blackbox import Blackbox, blackbox, paths_of
from tests.bench.farm import Farm, farm
from tests.bench.figures import Figure, alternate, figure
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.places import ROOT, private_directory
from tests.servers.postgres import postgres

HOSTS = 500
IN_FLIGHT = 50
RUNS = 7
_CYCLER = "import django; django.setup(); from tests.bench import cycler; cycler.main()"


class Rounds:
    """A process of ours, warm as a worker is: one line in, one line with its CPU seconds out."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, order: object) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(order) + "\n")
        self._popen.stdin.flush()

    def run(self, order: object) -> float:
        """One round; raises when it ended instead of answering."""
        assert self._popen.stdout is not None
        self.tell(order)
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError("our side of the bench ended; its error stands above")
        return float(json.loads(line)["cpu_seconds"])

    def close(self) -> None:
        self._popen.communicate()


def _trust(hosts: Farm) -> dict[str, str]:
    return {"EGRESS_ALLOW_CIDRS": "127.0.0.0/8", "TLS_EXTRA_CA_BUNDLE": str(hosts.ca_bundle)}


@contextmanager
def engine(hosts: Farm) -> Iterator[Rounds]:
    """The visit engine and the verdict, without database and look-up."""
    rounds = Rounds(["-m", "tests.bench.visitor"], _trust(hosts))
    try:
        yield rounds
    finally:
        rounds.close()


@contextmanager
def cycle(hosts: Farm, dns: ChallengeDns) -> Iterator[Rounds]:
    """The job as a worker runs it, on a database of its own."""
    for name, address in hosts.hosts:
        dns.add_a(name, address)
    with private_directory("cycle") as place, postgres() as database:
        url = database.create_database("cycle")
        own = {"VAR_DIR": str(place), "DATABASE_URL": url, "REDIS_URL": "", "DNS_RESOLVERS": dns.address}
        rounds = Rounds(["-c", _CYCLER], {**_trust(hosts), **own})
        try:
            rounds.tell({"hosts": hosts.hosts, "port": hosts.port})
            yield rounds
        finally:
            rounds.close()


def _compare(name: str, note: str, ours: Callable[[], float], exporter: Blackbox, hosts: Farm, module: str) -> Figure:
    """CPU per domain of both; the exporter is given addresses, follows no redirect and stores nothing."""
    paths = paths_of(hosts, module)
    ours()
    exporter.probe(paths, IN_FLIGHT)
    mine, theirs = alternate(
        lambda: [1000 * ours() / HOSTS],
        lambda: [1000 * exporter.probe(paths, IN_FLIGHT) / HOSTS],
        RUNS,
    )
    return figure(
        name,
        "CPU ms per domain",
        f"blackbox exporter, {module}, one root",
        [one[0] for one in mine],
        [one[0] for one in theirs],
        f"{HOSTS} hosts on loopback; {note}; less is better",
    )


def measure() -> list[Figure]:
    with ExitStack() as stack:
        hosts = stack.enter_context(farm(HOSTS))
        exporter = stack.enter_context(blackbox(hosts))
        visitor = stack.enter_context(engine(hosts))
        worker = stack.enter_context(cycle(hosts, stack.enter_context(challenge_dns())))
        order = {"hosts": hosts.hosts, "port": hosts.port, "in_flight": IN_FLIGHT}

        def visit(*, http: bool) -> float:
            return visitor.run({**order, "http": http})

        def work(*, http: bool, dns: bool) -> float:
            return worker.run({"http": http, "dns": dns})

        judged = f"{IN_FLIGHT} in flight, every chain verified and judged"
        stored = "claimed, visited, judged and stored in PostgreSQL by one worker"
        page, everything = f"{stored}, with the front page", f"{stored}, with the front page, looked up in DNS"
        return [
            _compare("visits, TLS", judged, lambda: visit(http=False), exporter, hosts, "tcp"),
            _compare("visits, TLS and front page", judged, lambda: visit(http=True), exporter, hosts, "http"),
            _compare("whole cycle, TLS", stored, lambda: work(http=False, dns=False), exporter, hosts, "tcp"),
            _compare("whole cycle, and page", page, lambda: work(http=True, dns=False), exporter, hosts, "http"),
            _compare("whole cycle, page, DNS", everything, lambda: work(http=True, dns=True), exporter, hosts, "http"),
        ]
