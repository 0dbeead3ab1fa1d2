"""Visits per CPU second, beside prometheus-blackbox-exporter."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.bench.blackbox import Blackbox, blackbox, paths_of
from tests.bench.farm import Farm, farm
from tests.bench.figures import Figure, alternate, figure
from tests.servers.places import ROOT

HOSTS = 500
IN_FLIGHT = 50
RUNS = 5


class Visitor:
    """Our engine in a process of its own, warm as a worker is; one line in, one line out per round."""

    def __init__(self, hosts: Farm) -> None:
        settings = {
            "EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "TLS_EXTRA_CA_BUNDLE": str(hosts.ca_bundle),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.visitor"],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hosts = hosts

    def visit(self, *, http: bool) -> float:
        """One round over all hosts; CPU seconds."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        order = {"hosts": self._hosts.hosts, "port": self._hosts.port, "http": http, "in_flight": IN_FLIGHT}
        self._popen.stdin.write(json.dumps(order) + "\n")
        self._popen.stdin.flush()
        return float(json.loads(self._popen.stdout.readline())["cpu_seconds"])

    def close(self) -> None:
        self._popen.communicate()


def _per_second(cpu_seconds: float) -> Sequence[float]:
    return [HOSTS / cpu_seconds]


def _compare(visitor: Visitor, exporter: Blackbox, hosts: Farm, module: str) -> Figure:
    paths = paths_of(hosts, module)
    http = module == "http"
    visitor.visit(http=http)
    exporter.probe(paths, IN_FLIGHT)
    ours, theirs = alternate(
        lambda: _per_second(visitor.visit(http=http)),
        lambda: _per_second(exporter.probe(paths, IN_FLIGHT)),
        RUNS,
    )
    what = "TLS and front page" if http else "TLS"
    return figure(
        f"visits, {what}",
        "visits per CPU second",
        f"blackbox exporter, {module}, one root",
        [one[0] for one in ours],
        [one[0] for one in theirs],
        f"{HOSTS} hosts on loopback, {IN_FLIGHT} in flight, every chain verified and judged; more is better",
    )


def measure() -> list[Figure]:
    with farm(HOSTS) as hosts, blackbox(hosts) as exporter:
        visitor = Visitor(hosts)
        try:
            return [_compare(visitor, exporter, hosts, module) for module in ("tcp", "http")]
        finally:
            visitor.close()
