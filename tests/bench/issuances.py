"""CPU and wall seconds per issued certificate, beside lego and certbot."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.bench.certbot import Certbot, certbot
from tests.bench.figures import Figure, alternate, figure
from tests.bench.lego import Lego, lego
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.pebble import Pebble, pebble
from tests.servers.places import ROOT, private_directory

RUNS = 10
_START = "import django; django.setup(); from tests.bench import issuer; issuer.main()"


class Issuer:
    """Our product in a process of its own, warm as a worker is."""

    def __init__(self, popen: "subprocess.Popen[str]", dns: ChallengeDns) -> None:
        self._popen = popen
        self._dns = dns

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n")
        self._popen.stdin.flush()

    def issue(self, name: str) -> dict[str, float]:
        """Publishes what it asks for on the way."""
        assert self._popen.stdout is not None
        self._tell(name)
        for line in self._popen.stdout:
            answer = json.loads(line)
            if "cpu_seconds" in answer:
                return dict(answer)
            self.publish(answer["records"])
        raise RuntimeError("the issuer ended; its error stands above")

    def publish(self, records: list[tuple[str, str]]) -> None:
        for host, value in records:
            self._dns.set_txt(host, value)
        self._tell("published")

    def warm_up(self) -> None:
        """It asks for the proof of ownership and for the records of a first certificate."""
        assert self._popen.stdout is not None
        for _ in range(2):
            self.publish(json.loads(self._popen.stdout.readline())["records"])


@contextmanager
def issuer(dns: ChallengeDns, server: Pebble) -> Iterator[Issuer]:
    with private_directory("issuer") as place:
        settings = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "VAR_DIR": str(place),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "DNS_RESOLVERS": dns.address,
            "EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "ACME_DIRECTORY_URL": server.directory_url,
            "ACME_CA_BUNDLE": str(server.ca_bundle),
        }
        popen = subprocess.Popen(
            [sys.executable, "-c", _START],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        ours = Issuer(popen, dns)
        try:
            ours.warm_up()
            yield ours
        finally:
            popen.communicate()


def measure() -> list[Figure]:
    with (
        challenge_dns() as dns,
        pebble(dns) as server,
        issuer(dns, server) as ours,
        lego(dns, server) as first,
        certbot(dns, server) as second,
    ):
        return [*_beside(ours, first, "lego"), *_beside(ours, second, "certbot")]


def _beside(ours: Issuer, peer: Lego | Certbot, name: str) -> list[Figure]:
    peer.issue(f"warm.{name}.example")
    numbers = itertools.count()

    def measured(one: dict[str, float]) -> tuple[float, float]:
        return one["cpu_seconds"] * 1000, one["wall_seconds"] * 1000

    mine, theirs = alternate(
        lambda: measured(ours.issue(f"n{next(numbers)}.{name}.bench.example")),
        lambda: measured(peer.issue(f"n{next(numbers)}.{name}.example")),
        RUNS,
    )
    note = (
        "one name, DNS-01, P-256, Pebble without pauses; ours with ownership, CAA, DNSSEC and TXT looks, database "
        f"and audit; {name} with its defaults, a process per certificate; less is better"
    )
    return [
        figure(f"{what} per certificate", "ms", name, _column(mine, column), _column(theirs, column), note)
        for column, what in enumerate(("CPU", "wall"))
    ]


def _column(runs: list[Sequence[float]], column: int) -> list[float]:
    return [one[column] for one in runs]
