"""The doctor beside a portal, a CA, resolvers and a mail server that are all real."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.full_portal import filled, portal_of
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT
from tests.servers.portal import Portal
from tests.servers.ports import free_port, wait_until
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def mail_server() -> Iterator[SmtpSink]:
    with smtp_sink("starttls") as server:
        yield server


@pytest.fixture
def world(pebble_server: Pebble, dns_server: ChallengeDns, mail_server: SmtpSink) -> dict[str, str]:
    return {
        "ACME_DIRECTORY_URL": pebble_server.directory_url,
        "ACME_CA_BUNDLE": str(pebble_server.ca_bundle),
        "DNS_RESOLVERS": dns_server.address,
        "EGRESS_ALLOW_CIDRS": "127.0.0.0/8,::1/128",
        "EMAIL_URL": mail_server.url,
        "TLS_EXTRA_CA_BUNDLE": str(mail_server.ca_bundle),
    }


def doctor(portal: Portal, **settings: str) -> tuple[int, dict[str, list[str]]]:
    """Its exit status, and what it said of each thing: `{"mail": ["ok"]}`; `said` is the whole."""
    command = [sys.executable, "manage.py", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env={**portal.environment, **settings}, capture_output=True, text=True)
    assert done.stderr == ""
    told: dict[str, list[str]] = {"said": [done.stdout]}
    for line in done.stdout.splitlines():
        level, _, rest = line.partition(" ")
        if level in ("ok", "warning", "broken"):
            told.setdefault(rest.split()[0], []).append(level)
    return done.returncode, told


def test_a_portal_that_is_well_and_one_that_is_not(
    world: dict[str, str], mail_server: SmtpSink, tmp_path: Path
) -> None:
    portal = portal_of(None, tmp_path, **world)
    filled(portal)
    status, told = doctor(portal)
    assert (status, told["queue"]) == (0, ["warning"])  # it does not run yet, which breaks nothing
    try:
        portal.start()
        wait_until(lambda: doctor(portal)[1]["queue"] == ["ok", "ok"], seconds=60, what="a heartbeat of each queue")
        status, told = doctor(portal)
        assert status == 0, told["said"]
        for name in ("mail", "authority", "dns", "database", "key", "pause"):
            assert told[name] == ["ok"], told["said"]
        assert "broken " not in told["said"][0]
        assert mail_server.mails == [] or {mail.subject for mail in mail_server.mails} == {
            "You already have an account"
        }
        _break_one_thing_after_the_other(portal)
    finally:
        portal.stop()


def _break_one_thing_after_the_other(portal: Portal) -> None:
    nobody = free_port()
    wrong = {
        "mail": {"EMAIL_URL": f"smtp://u:hunter22@127.0.0.1:{nobody}/"},
        "authority": {"ACME_DIRECTORY_URL": f"https://localhost:{nobody}/dir"},
        "dns": {"DNS_RESOLVERS": f"127.0.0.1:{nobody}"},
        "redis": {"REDIS_URL": f"redis://:hunter22@127.0.0.1:{nobody}/0"},
        "key": {"SECRETS_ENCRYPTION_KEY": "ef" * 32},
        "database": {"DATABASE_URL": f"postgres://portal:hunter22@127.0.0.1:{nobody}/x"},
    }
    for name, settings in wrong.items():
        status, told = doctor(portal, **settings)
        assert status == 1
        assert "broken" in told[name], told["said"]
        assert "hunter22" not in told["said"][0]


def test_a_fleets_redis_is_asked(
    world: dict[str, str], postgres_server: Postgres, redis_private: RedisServer, tmp_path: Path
) -> None:
    portal = portal_of(postgres_server, tmp_path, **world, REDIS_URL=redis_private.url)
    status, told = doctor(portal)
    assert (status, told["redis"], told["queue"], told["database"]) == (0, ["ok"], ["warning"], ["ok"])
    redis_private.stop()
    assert doctor(portal)[0] == 1


def test_wrong_settings_are_named_before_anything_else(tmp_path: Path) -> None:
    portal = portal_of(None, tmp_path)
    command = [sys.executable, "manage.py", "doctor"]
    environment = {**portal.environment, "SECRET_KEY": "", "WORKER_CONCURRENCY": "many"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "WORKER_CONCURRENCY" in done.stderr
