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

HOSTS = 500
IN_FLIGHT = 50
RUNS = 3
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
    with private_directory("cycle") as place:
        own = {"VAR_DIR": str(place), "DATABASE_URL": "", "REDIS_URL": "", "DNS_RESOLVERS": dns.address}
        rounds = Rounds(["-c", _CYCLER], {**_trust(hosts), **own})
        try:
            rounds.tell({"hosts": hosts.hosts, "port": hosts.port})
            yield rounds
        finally:
            rounds.close()


def _compare(name: str, note: str, ours: Callable[[], float], exporter: Blackbox, hosts: Farm, module: str) -> Figure:
    paths = paths_of(hosts, module)
    ours()
    exporter.probe(paths, IN_FLIGHT)
    mine, theirs = alternate(
        lambda: [HOSTS / ours()],
        lambda: [HOSTS / exporter.probe(paths, IN_FLIGHT)],
        RUNS,
    )
    return figure(
        name,
        "visits per CPU second",
        f"blackbox exporter, {module}, one root",
        [one[0] for one in mine],
        [one[0] for one in theirs],
        f"{HOSTS} hosts on loopback; {note}; more is better",
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

        judged = f"{IN_FLIGHT} in flight, every chain verified and judged"
        stored = "claimed, looked up in DNS, visited, judged and stored; the peer neither looks up nor stores"
        return [
            _compare("visits, TLS", judged, lambda: visit(http=False), exporter, hosts, "tcp"),
            _compare("visits, TLS and front page", judged, lambda: visit(http=True), exporter, hosts, "http"),
            _compare("visits, the whole cycle", stored, lambda: worker.run({}), exporter, hosts, "http"),
        ]
