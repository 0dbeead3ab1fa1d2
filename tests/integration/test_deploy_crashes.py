"""kill -9 at every step of a deployment: no mixed pair, no stage left behind, and it completes or goes back."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import sudoers
from deploy.models import Target
from tests.integration.deploying import HOST
from tests.servers.migrated import migrated_postgres
from tests.servers.nginx import Nginx, nginx
from tests.servers.people import DeployUser, allow_lines
from tests.servers.places import ROOT, plain_environment
from tests.servers.postgres import Postgres
from tests.servers.sshd import Sshd

RULES = {"shell": "/bin/sh", "tools": "/bin/mkdir, /bin/cp, /bin/chmod, /bin/chown, /bin/rm"}
LAUNCH = """
import sys, django
django.setup()
from tests.integration.deploy_killer import main
main(*sys.argv[1:])
"""
ON_THE_WAY_BACK = ("deploy.going_back", "deploy.put_back")
HEALTHY = {"state": "deployed", "is_new": True, "is_pair": True, "stages": 0, "journal": [], "runs": 1}
UNDONE = {"state": "deployed", "is_old": True, "is_pair": True, "stages": 0, "journal": [], "runs": 2}
GONE_BACK = {"state": "failed", "is_old": True, "is_pair": True, "stages": 0, "journal": [], "runs": 1}


def crash_points() -> list[str]:
    """Every place in the worker's code at which it can be told to die; a rename is four places."""
    sources = sorted((ROOT / "deploy").rglob("*.py"))
    found = [name for path in sources for name in re.findall(r'crash_here\("(deploy\.\w+)"\)', path.read_text())]
    return [*found, *(f"deploy.file_renamed:{number}" for number in (2, 3, 4))]


# By sudo each step is many commands, and the stage has one name for ever.
@pytest.fixture(params=["", *(pytest.param(way, marks=pytest.mark.proof) for way in ("rule", "shell", "tools"))])
def sudo(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Locks are where the two differ, and PostgreSQL is the stricter one.
@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.proof), "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, sudo: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/portal.sqlite3"
    server: Postgres = request.getfixturevalue("postgres_server")
    return migrated_postgres(server, f"deploy_crashes_{sudo}")


@pytest.fixture
def web_server(ssh_server: Sshd, sudo: str) -> Iterator[Nginx]:
    """Of the deploy user's own, or root's with the sudoers rule that `sudo` names."""
    user = DeployUser("root", Path("/root"), "", "") if sudo else ssh_server.user
    with nginx(user, [HOST]) as server:
        if sudo:
            name = ssh_server.user.name
            target = Target(certificate_directories=[str(server.certificates)])
            rule = (
                sudoers.install_rule(name, target) if sudo == "rule" else f"{name} ALL=(root) NOPASSWD: {RULES[sudo]}"
            )
            allow_lines(name, f"{rule}\n{name} ALL=(root) NOPASSWD: {server.reload_command}")
        yield server


@pytest.mark.timeout(600)
def test_a_killed_worker_is_carried_on_from(
    ssh_server: Sshd, web_server: Nginx, tmp_path: Path, database_url: str, sudo: str
) -> None:
    points = [point for point in crash_points() if point not in ON_THE_WAY_BACK]
    assert len(points) >= 10
    broken = [f"!{point}" for point in (*ON_THE_WAY_BACK, "deploy.file_renamed:2", "deploy.before_end")]
    # One run that is killed at each place in turn is not poison: every claim gets farther than the one before.
    points.append(",".join(point for point in points if ":" not in point))
    reload = f"sudo -n {web_server.reload_command}" if sudo else web_server.reload_command
    given = {
        "certificates": {HOST: str(web_server.certificates)},
        "use_sudo": bool(sudo),
        "reload": reload,
        "https_port": web_server.https_port,
    }
    undone = [f"~deploy.{point}" for point in ("claimed", "put_back", "before_end", "ended")]
    walk(ssh_server, given, [*points, *broken, *undone], tmp_path, database_url)


@pytest.mark.timeout(600)
def test_a_worker_killed_with_three_domains_in_hand_is_carried_on_from(
    ssh_server: Sshd, tmp_path: Path, postgres_server: Postgres
) -> None:
    """nginx refuses a key that is not its certificate's, so a reload onto half of a set would fail and be seen."""
    hosts = [f"site-{number}.example.net" for number in range(3)]
    points = ["deploy.previous_kept:2", "deploy.file_renamed:2", "deploy.file_renamed:6", "deploy.file_renamed:11"]
    points += ["deploy.swapped:2", "deploy.reloaded", "deploy.proven:2", "deploy.before_end:2", "deploy.ended"]
    broken = ["!deploy.file_renamed:7", "!deploy.going_back", "!deploy.going_back:2", "!deploy.put_back:2"]
    with nginx(ssh_server.user, [HOST], sites=hosts) as web_server:
        given = {
            "certificates": {host: str(web_server.certificates / host) for host in hosts},
            "use_sudo": False,
            "reload": web_server.reload_command,
            "https_port": web_server.https_port,
        }
        database_url = migrated_postgres(postgres_server, "deploy_crashes_of_three")
        walk(ssh_server, given, [*points, *broken], tmp_path, database_url)


def walk(ssh_server: Sshd, given: dict[str, object], points: list[str], tmp_path: Path, database_url: str) -> None:
    user = ssh_server.user
    given |= {
        "host": ssh_server.host,
        "port": ssh_server.port,
        "fingerprint": ssh_server.fingerprint,
        "user": user.name,
        "home": str(user.home),
        "private_key": user.private_key,
        "flag": str(user.home / "break"),
    }
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=str(tmp_path),
        DATABASE_URL=database_url,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8",
    )
    command = [sys.executable, "-c", LAUNCH, json.dumps(given), *points]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(walks) == len(points)
    for one in walks:
        wanted = {"": HEALTHY, "!": GONE_BACK, "~": UNDONE}[one["way"]]
        assert {name: one[name] for name in wanted} == wanted, one
        assert one["killed"] == len(one["point"].split(",")), one
