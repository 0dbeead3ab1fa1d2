"""kill -9 at every step of `Fix ACME redirect`: the next worker mends and ends it, and undo brings every byte back."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.deploying import HOST
from tests.integration.redirecting import add_redirected, redirect_everything
from tests.servers.dns import ChallengeDns
from tests.servers.migrated import migrated_postgres
from tests.servers.nginx import nginx
from tests.servers.places import ROOT, plain_environment
from tests.servers.postgres import Postgres
from tests.servers.sshd import Sshd

LAUNCH = """
import sys, django
django.setup()
from tests.integration.fix_killer import main
main(*sys.argv[1:])
"""


def crash_points() -> list[str]:
    sources = sorted((ROOT / "deploy/redirects").glob("*.py"))
    return [name for path in sources for name in re.findall(r'crash_here\("(fix\.\w+)"\)', path.read_text())]


@pytest.mark.timeout(300)
def test_a_killed_worker_is_carried_on_from(
    ssh_server: Sshd, dns_server: ChallengeDns, postgres_server: Postgres, tmp_path: Path
) -> None:
    points = [*crash_points(), "deploy.before_end", "~fix.staged", "~deploy.before_end", "~deploy.ended"]
    assert len(points) >= 10
    with nginx(ssh_server.user, [HOST]) as web:
        site = add_redirected(web, [[f"www.{HOST}"]])
        redirect_everything(web, "nginx return")
        before = [web.configuration.read_text(), site.read_text()]
        given = {
            "host": ssh_server.host,
            "port": ssh_server.port,
            "fingerprint": ssh_server.fingerprint,
            "user": ssh_server.user.name,
            "home": str(ssh_server.user.home),
            "private_key": ssh_server.user.private_key,
            "dns_port": dns_server.port,
            "web_host": web.host,
            "http_port": web.http_port,
            "document_root": str(web.document_root),
            "files": [str(web.configuration), str(site)],
            "names": [HOST, f"www.{HOST}"],
        }
        environment = plain_environment(
            PYTHONPATH=str(ROOT),
            DJANGO_SETTINGS_MODULE="tests.settings",
            VAR_DIR=str(tmp_path),
            DATABASE_URL=migrated_postgres(postgres_server, "fix_crashes"),
            EGRESS_ALLOW_CIDRS="127.0.0.0/8",
        )
        command = [sys.executable, "-c", LAUNCH, json.dumps(given), *points]
        run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    assert [one["point"] for one in walks] == points
    for one in walks:
        ends = (one["applied"], one["undone"], one["at_the_end"] == before, one["left"], one["standing"])
        assert ends == ("succeeded", "succeeded", True, [], None), one
        marks = [text.count("managemycert: the ACME challenge of") for text in one["after"]]
        assert marks == [2, 2], one
        assert one["killed"] == 1, one
