"""An account whose worker dies: the key is changed once and never lost, the end is told once."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.dns import ChallengeDns
from tests.servers.migrated import migrated_postgres
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT, plain_environment
from tests.servers.postgres import Postgres

LAUNCH = "import sys, django; django.setup(); from tests.integration.account_killer import main; main(*sys.argv[1:])"
SETTLED = {"kills": 1, "events": 1, "is_there": True, "is_settled": True}
GONE = {"kills": 1, "events": 1, "is_there": False}


def crash_points() -> list[str]:
    source = (ROOT / "certificates" / "cas" / "work.py").read_text()
    return re.findall(r'crash_here\("(ca\.\w+)"\)', source)


@pytest.mark.timeout(400)
def test_a_killed_worker_is_carried_on_from(
    pebble_server: Pebble, dns_server: ChallengeDns, tmp_path: Path, postgres_server: Postgres
) -> None:
    points = crash_points()
    assert len(points) == 4
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=str(tmp_path),
        DATABASE_URL=migrated_postgres(postgres_server, "account_crashes"),
        ACME_CA_BUNDLE=str(pebble_server.ca_bundle),
        DNS_RESOLVERS=dns_server.address,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
    )
    told = [pebble_server.directory_url, dns_server.management_url, dns_server.address]
    command = [sys.executable, "-c", LAUNCH, *told, *points]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    assert walks == [{"point": point, **(GONE if point == "ca.account_closed" else SETTLED)} for point in points]
