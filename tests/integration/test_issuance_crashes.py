"""kill -9 at every persisted step: no key is lost, no second certificate is made, the walk completes."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.authoritative import ACME, RESPONDER_NAME, authoritative
from tests.servers.child import Child, is_root
from tests.servers.dns import ChallengeDns
from tests.servers.migrated import migrated_postgres
from tests.servers.pebble import Pebble, pebble
from tests.servers.places import ROOT, plain_environment
from tests.servers.ports import accepts
from tests.servers.postgres import Postgres

# Between newOrder and its commit ACME leaves a gap: no key makes a repeated order the same one.
ORPHANS = ("issue.order_made",)
LAUNCH = """
import sys, django
django.setup()
from tests.integration.issuance_killer import main
main(*sys.argv[1:])
"""
WANTED = {
    "kills": 1,
    "state": "issued",
    "error": "",
    "certificates": 1,
    "has_key": True,
    "accounts": 1,
    "same_values": True,
    "given_back": True,
}


STEPS = ("advance.py", "proving.py")
# Only where the portal publishes by itself.
PRESENTED = "issue.presented"


def crash_points(*files: str) -> list[str]:
    """Every place in these files of the worker's code at which it can be told to die."""
    sources = [(ROOT / "certificates" / file).read_text() for file in files]
    return [point for source in sources for point in re.findall(r'crash_here\("(issue\.\w+)"\)', source)]


# Locks are where the two differ, and PostgreSQL is the stricter one.
@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.proof), "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/portal.sqlite3"
    server: Postgres = request.getfixturevalue("postgres_server")
    return migrated_postgres(server, f"issuance_crashes_{tmp_path.name[-12:]}")


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.proof)])
@pytest.mark.timeout(1000)
def test_a_killed_worker_is_carried_on_from(
    pebble_server: Pebble, dns_server: ChallengeDns, tmp_path: Path, database_url: str, rounds: int
) -> None:
    points = [point for point in crash_points(*STEPS) if point != PRESENTED] * rounds
    assert len(points) >= 16 * rounds
    issued, orders = pebble_server.issued_count(), pebble_server.order_count()
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=str(tmp_path),
        DATABASE_URL=database_url,
        ACME_DIRECTORY_URL=pebble_server.directory_url,
        ACME_CA_BUNDLE=str(pebble_server.ca_bundle),
        DNS_RESOLVERS=dns_server.address,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
    )
    command = [sys.executable, "-c", LAUNCH, dns_server.management_url, dns_server.address, *points]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300 * rounds)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    assert [walk["point"] for walk in walks] == points
    for walk in walks:
        assert {name: walk[name] for name in WANTED} == WANTED, walk
    assert len({walk["serial"] for walk in walks}) == len(points)
    assert pebble_server.issued_count() - issued == len(points)
    assert pebble_server.order_count() - orders == len(points) + len(ORPHANS) * rounds


@pytest.mark.skipif(not is_root(), reason="authoritative servers are asked on port 53, which only root may bind")
@pytest.mark.parametrize(
    ("solver", "source"), [("delegated", "dns/delegated.py"), ("provider", "dns/providers/solving.py")]
)
@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.proof)], ids=["own places", "all"])
@pytest.mark.timeout(600)
def test_a_killed_worker_leaves_nothing_published(
    tmp_path: Path, postgres_server: Postgres, solver: str, source: str, is_whole: bool
) -> None:
    """The same without hands: real authoritative servers, and the responder as its own process."""
    points = [PRESENTED, *crash_points(source), "issue.certificate_stored"]
    if is_whole:
        points = crash_points(*STEPS, source)
    assert {*points} <= {*crash_points(*STEPS, source)}
    with authoritative() as zones, pebble(zones.of_ca) as authority:
        environment = plain_environment(
            PYTHONPATH=str(ROOT),
            DJANGO_SETTINGS_MODULE="tests.settings",
            VAR_DIR=str(tmp_path),
            DATABASE_URL=migrated_postgres(postgres_server, f"{solver}_crashes"),
            ACME_DIRECTORY_URL=authority.directory_url,
            ACME_CA_BUNDLE=str(authority.ca_bundle),
            DNS_RESOLVERS=zones.address,
            EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
            ACME_DNS_ZONE=ACME,
            ACME_DNS_NS=RESPONDER_NAME,
            ACME_DNS_BIND=f"{zones.responder}:53",
        )
        responder = Child(
            "challenge_dns",
            [sys.executable, str(ROOT / "manage.py"), "challenge_dns"],
            log=tmp_path / "responder.log",
            env=environment,
            cwd=ROOT,
        )
        try:
            responder.wait_ready(lambda: accepts(53, zones.responder))
            told = json.dumps(dataclasses.asdict(zones))
            command = [sys.executable, "-c", LAUNCH.replace("import main", "import main_alone as main"), solver, told]
            run = subprocess.run([*command, *points], env=environment, cwd=ROOT, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr[-3000:]
        finally:
            responder.stop()
        walks = [json.loads(line) for line in run.stdout.splitlines()]
        assert [walk["point"] for walk in walks] == points
        for walk in walks:
            assert {name: walk[name] for name in WANTED} == WANTED, walk
            assert (walk["solver"], walk["left"]) == (solver, 0), walk
        assert authority.issued_count() == len(points)
