"""A worker that is killed at any point of a look at a renewal starts one issuance, and only one."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from certificates import solvers as solving
from certificates.models import Certificate, Issuance, PrivateKey, Renewal, names_key
from certificates.solvers import ByHand
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from domains.models import Domain, Ownership
from tests.cast import Cast, make_cast
from tests.servers.places import ROOT
from tests.unit.certificates.test_renewal_info import leaf

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.once]

PLACES = ["renew.read", "renew.planned", "renew.started", "renew.rested"]
WORKER = """
import sys, django
django.setup()
from django.db import connection
from certificates.solvers import ByHand, solvers
from config.lib import jobs
solvers._items["tests"] = ByHand()
connection.settings_dict["NAME"] = sys.argv[1]
jobs.run_due("renewal")
"""
HOST = "shop.example.org"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def renewal(cast: Cast, settings: object, monkeypatch: pytest.MonkeyPatch) -> Renewal:
    """Of a certificate with three weeks left; no account at the CA is there, so that nobody is asked."""
    monkeypatch.setattr(solving.solvers, "_items", {**solving.solvers._items, "tests": ByHand()})
    domain = Domain.objects.create(workspace=cast.acme, host=HOST, verified_at=clock.now(), state="ok", mode="dns")
    Ownership.objects.create(workspace=cast.acme, host=HOST, proven_at=clock.now())
    key = PrivateKey(workspace=cast.acme, domain=domain, sealed_pem=Sealed.of("key"))
    key.save(force_insert=True)
    kind = {"names": [HOST], "names_key": names_key([HOST]), "directory_url": "https://ca.example/dir"}
    end = clock.now() + timedelta(days=21)
    dates = {"not_before": end - timedelta(days=90), "not_after": end}
    texts = {
        "leaf_pem": leaf(7, b"k" * 20),
        "fingerprint_sha256": "f",
        "serial": "1",
        "issuer": "CA",
        "key_type": "ecdsa-p256",
    }
    certificate = Certificate(workspace=cast.acme, domain=domain, private_key=key, **kind, **dates, **texts)
    certificate.save(force_insert=True)
    row = Renewal(workspace=cast.acme, domain=domain, run_after=clock.now(), ask_at=end, **kind)
    row.certificate = certificate
    row.save(force_insert=True)
    return row


def work_and_die(place: str) -> int:
    """How a worker of its own ended, on this test's database, that was told to die at `place`."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"])]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_starts_one_issuance(renewal: Renewal, place: str) -> None:
    assert work_and_die(place) == -signal.SIGKILL
    Renewal.unscoped.filter(lease_token__isnull=False).update(lease_until=Now() - timedelta(seconds=1))
    Renewal.unscoped.update(run_after=clock.now())
    jobs.run_due("renewal")
    issuance = Issuance.unscoped.get()
    renewal.refresh_from_db()
    assert (issuance.names, issuance.is_renewal) == ([HOST], True)
    assert renewal.lease_token is None
    assert renewal.run_after
    assert renewal.run_after > clock.now()
