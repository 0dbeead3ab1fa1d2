"""Revocation at a real CA: by the API, with its reason, twice, and with the worker killed on the way."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from auditlog.models import Event
from certificates.models import AcmeAccount, Certificate
from config.lib import jobs
from tests.cast import Cast, make_cast
from tests.integration.issuing import issue, publish, start, use_ca, verified_domain
from tests.servers.dns import ChallengeDns
from tests.servers.migrated import migrated_postgres
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT, plain_environment
from tests.servers.postgres import Postgres

LAUNCH = """
import sys, django
django.setup()
from tests.integration.revocation_killer import main
main(*sys.argv[1:])
"""


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def certificate(cast: Cast, settings: Any, pebble_server: Pebble, dns_server: ChallengeDns) -> Certificate:
    use_ca(settings, pebble_server, dns_server)
    settings.ANSWER_WITHIN_SECONDS = 0
    issuance = start(verified_domain(cast.acme, "revoking.net", dns_server), ["revoking.net"])
    publish(issuance, dns_server)
    made = issue(issuance).certificate
    assert made
    return made


def revoke(cast: Cast, certificate: Certificate, **body: str) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}
    path = f"/api/certificates/{certificate.pk}/revoke"
    return Client().post(path, body, content_type="application/json", headers=headers)


@pytest.mark.both_databases
def test_a_certificate_is_revoked_with_its_reason(cast: Cast, certificate: Certificate, pebble_server: Pebble) -> None:
    serial = int(certificate.serial, 16)
    assert pebble_server.certificate_status(serial)["Status"] == "Valid"
    assert revoke(cast, certificate, reason="key_compromise").status_code == 202
    assert revoke(cast, certificate, reason="superseded").status_code == 202, "one is under way"
    jobs.run_due("certificate_revocation", interactive=True)
    answer = revoke(cast, certificate).json()
    assert answer["revocation_reason"] == 1
    assert answer["revoked_at"]
    status = pebble_server.certificate_status(serial)
    assert (status["Status"], status["Reason"]) == ("Revoked", 1), "the reason arrives at the CA"
    assert Event.unscoped.filter(kind="certificate.revocation_asked").count() == 1
    event = Event.unscoped.get(kind="certificate.revoked")
    assert event.data["reason"] == "the private key may be known to others"


def test_an_account_whose_address_was_lost_is_found_again(cast: Cast, certificate: Certificate) -> None:
    AcmeAccount.unscoped.update(uri="")
    revoke(cast, certificate)
    jobs.run_due("certificate_revocation")
    assert Certificate.unscoped.get(pk=certificate.pk).revoked_at


def test_a_ca_that_refuses_is_quoted(cast: Cast, certificate: Certificate, dns_server: ChallengeDns) -> None:
    """Another account's certificate, as after a restore of an old backup."""
    other = start(verified_domain(cast.other, "revoking2.net", dns_server), ["revoking2.net"])
    publish(other, dns_server)
    foreign = issue(other).certificate
    assert foreign
    Certificate.unscoped.filter(pk=certificate.pk).update(leaf_pem=foreign.leaf_pem)
    revoke(cast, certificate)
    jobs.run_due("certificate_revocation")
    row = Certificate.unscoped.select_related("revocation").get(pk=certificate.pk)
    assert row.revoked_at is None
    assert row.revocation.error_code.startswith("acme_")
    assert Event.unscoped.filter(kind="certificate.revocation_failed").exists()


def crash_points() -> list[str]:
    source = (ROOT / "certificates" / "revoking.py").read_text()
    return re.findall(r'crash_here\("(revoke\.\w+)"\)', source)


@pytest.mark.timeout(400)
def test_a_killed_worker_is_carried_on_from(
    pebble_server: Pebble, dns_server: ChallengeDns, tmp_path: Path, postgres_server: Postgres
) -> None:
    points = crash_points()
    assert len(points) == 2
    environment = plain_environment(
        PYTHONPATH=str(ROOT),
        DJANGO_SETTINGS_MODULE="tests.settings",
        VAR_DIR=str(tmp_path),
        DATABASE_URL=migrated_postgres(postgres_server, "revocation_crashes"),
        ACME_DIRECTORY_URL=pebble_server.directory_url,
        ACME_CA_BUNDLE=str(pebble_server.ca_bundle),
        DNS_RESOLVERS=dns_server.address,
        EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
    )
    command = [sys.executable, "-c", LAUNCH, dns_server.management_url, dns_server.address, *points]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    walks = [json.loads(line) for line in run.stdout.splitlines()]
    wanted = {"kills": 1, "reason": 4, "is_revoked": True, "events": 1, "is_open": False}
    assert walks == [{"point": point, **wanted} for point in points]
