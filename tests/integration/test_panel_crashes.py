"""kill -9 at every step of an installation by a panel: it completes, and nothing is handed over twice."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.paneling import KINDS, panel_place, resolving
from tests.servers.migrated import migrated_postgres
from tests.servers.places import ROOT, plain_environment
from tests.servers.postgres import Postgres

LAUNCH = """
import sys, django
django.setup()
from tests.integration.panel_killer import main
main(*sys.argv[1:])
"""
HEALTHY = {"state": "deployed", "runs": 1, "is_new": True, "is_known": True, "was_work": True}
SHARED = ("deploy.claimed", "deploy.before_end", "deploy.ended")
# How often a key is handed over for one certificate: to each site, to each subscription, to each zone.
WRITES = {"cpanel": 2, "plesk": 1, "cloudflare": 1}


def crash_points() -> list[str]:
    sources = sorted((ROOT / "deploy" / "panels").glob("*.py"))
    found = [name for path in sources for name in re.findall(r'crash_here\("(panel\.\w+)"\)', path.read_text())]
    return [*SHARED, *found]


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.proof), "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/portal.sqlite3"
    server: Postgres = request.getfixturevalue("postgres_server")
    return migrated_postgres(server, f"panel_crashes_{request.node.callspec.params['kind']}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_worker_is_carried_on_from(kind: str, settings: Any, tmp_path: Path, database_url: str) -> None:
    points = crash_points()
    assert len(points) >= 8
    points.append(",".join(points))
    with resolving(settings) as names, panel_place(kind, names) as place:
        given = {
            "kind": kind,
            "form": place.form,
            "web_port": place.web_port,
            "fingerprint": place.server.fingerprint,
        }
        environment = plain_environment(
            PYTHONPATH=str(ROOT),
            DJANGO_SETTINGS_MODULE="tests.settings",
            VAR_DIR=str(tmp_path),
            DATABASE_URL=database_url,
            EGRESS_ALLOW_CIDRS="127.0.0.0/8",
            DNS_RESOLVERS=f"{names.host}:{names.port}",
        )
        command = [sys.executable, "-c", LAUNCH, json.dumps(given), *points]
        run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=250)
        assert run.returncode == 0, run.stderr[-3000:]
        assert len(place.server.sent("PRIVATE KEY")) == WRITES[kind] * len(points)
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(walks) == len(points)
    for walk in walks:
        assert {name: walk[name] for name in HEALTHY} == HEALTHY, walk
        assert walk["killed"] == len(walk["point"].split(",")), walk
