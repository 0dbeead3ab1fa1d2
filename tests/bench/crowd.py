"""Many certificates at once: a hundred with ten in flight, by workers as a fleet has them, against one Pebble."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from tests.bench.figures import Figure
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.pebble import Pebble, pebble
from tests.servers.places import ROOT, plain_environment, private_directory
from tests.servers.postgres import postgres

CERTIFICATES, IN_FLIGHT, WORKERS, RUNS = 100, 10, 2, 3
TARGET_SECONDS = 5.0
_START = (
    "import sys, django; django.setup(); from tests.bench import crowder; getattr(crowder, sys.argv[1])(*sys.argv[2:])"
)


def measure() -> list[Figure]:
    with ExitStack() as stack:
        dns = stack.enter_context(challenge_dns())
        server = stack.enter_context(pebble(dns))
        place = stack.enter_context(private_directory("crowd"))
        database = stack.enter_context(postgres())
        runs = [_one_run(dns, server, database.create_database(f"crowd{run}"), str(place), run) for run in range(RUNS)]
    note = (
        f"{WORKERS} workers with {IN_FLIGHT // WORKERS} slots each on PostgreSQL, ownership, CAA and DNSSEC looked at, "
        f"TXT published by the portal, Pebble without pauses; {min(runs):.1f} to {max(runs):.1f} s"
    )
    seconds = statistics.median(runs)
    name = f"{CERTIFICATES} certificates with {IN_FLIGHT} in flight"
    return [
        Figure(name, round(seconds, 2), "s", "target", TARGET_SECONDS, round(seconds / TARGET_SECONDS, 3), RUNS, note)
    ]


def _one_run(dns: ChallengeDns, server: Pebble, url: str, place: str, run: int) -> float:
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=place,
        DATABASE_URL=url,
        DNS_RESOLVERS=dns.address,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8",
        ACME_DIRECTORY_URL=server.directory_url,
        ACME_CA_BUNDLE=str(server.ca_bundle),
    )
    told = [dns.address, str(dns.management_port)]
    command = [sys.executable, "-c", _START]
    subprocess.run([*command, "prepare", *told, str(CERTIFICATES)], cwd=ROOT, env=environment, check=True)
    seconds = _seconds_of([*command, "work", *told, str(IN_FLIGHT // WORKERS)], environment)
    told_back = subprocess.run(
        [*command, "count"], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    found = json.loads(told_back.stdout.splitlines()[-1])["certificates"]
    if found != CERTIFICATES:
        raise RuntimeError(f"{found} certificates of {CERTIFICATES}")
    return seconds


def _seconds_of(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """From the word to all workers, who have started by then, to the end of the last."""
    workers = [_ready(command, environment) for _ in range(WORKERS)]
    started = time.monotonic()
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.wait()
    return time.monotonic() - started


def _ready(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
    assert worker.stdout
    assert worker.stdout.readline().strip() == "ready"
    return worker
