"""Kills the worker while it replaces a certificate, and lets the next one go on. Runs in a process of its own."""

import json
import os
import tempfile
import uuid
from collections.abc import Sequence

from django.core.management import call_command
from django.db import connections

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from certificates.models import Authorization, Certificate, Issuance, ReplacedCertificate, Replacement, Revocation
from certificates.replacing.choosing import Choice
from certificates.replacing.planning import start_replacement
from certificates.solvers import solvers
from config.lib import clock, jobs
from domains.models import Domain, Inspection, Visit
from tests.cast import make_user
from tests.integration.outage import plant_due
from tests.servers.simple_ca import SimpleCa, simple_ca

KINDS = ("certificate_replacement", "issuance", "certificate_revocation")
ROUNDS = 8


class Nobody:
    """The CA of these walks wants nothing proven."""

    label = "for tests"
    challenge = "dns-01"

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        return True

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None: ...
    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> None: ...
    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None: ...


def worker(crash_at: str, crash_dir: str) -> bool:
    """One worker's life in a fork; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ.update(MMC_CRASH_AT=crash_at, MMC_CRASH_DIR=crash_dir)
        for kind in KINDS:
            jobs.run_due(kind)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def walk(number: int, point: str, ca: SimpleCa) -> dict[str, object]:
    workspace = create_workspace(user=make_user(f"k{number}@example.org"), name=point, actor=SYSTEM)
    plant_due(workspace, ca, 1)
    domain = Domain.unscoped.get(workspace=workspace)
    Visit.unscoped.create(workspace=workspace, domain=domain)
    ordered, revoked = len(ca.ordered_at), len(ca.revoked)
    start_replacement(workspace=workspace, choice=Choice("issued"), reason=1, revokes=True, actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        kills = 0
        for _ in range(ROUNDS):
            kills += worker(point, crash_dir)
            _let_time_pass(domain)
    return {
        "point": point,
        "kills": kills,
        "state": ReplacedCertificate.unscoped.get(workspace=workspace).state,
        "ordered": len(ca.ordered_at) - ordered,
        "revoked": ca.revoked[revoked:],
        "is_over": Replacement.unscoped.get(workspace=workspace).ended_at is not None,
    }


def _let_time_pass(domain: Domain) -> None:
    """Leases run out, what waits is due, and the newest certificate is seen being served."""
    past = clock.now().replace(year=2000)
    for model in (Replacement, Issuance, Revocation):
        model.unscoped.exclude(lease_until=None).update(lease_until=past)
    Replacement.unscoped.filter(ended_at=None).update(run_after=past, starts_at=None)
    newest = Certificate.unscoped.filter(domain=domain).latest("created_at")
    seen = Inspection.unscoped.create(
        workspace=domain.workspace,
        domain=domain,
        fingerprint_sha256=newest.fingerprint_sha256,
        seen_at=clock.now(),
        chain_sha256=uuid.uuid4().hex,
    )
    Visit.unscoped.filter(domain=domain).update(inspection=seen)


def main(*points: str) -> None:
    """Print one JSON line per point."""
    from django.conf import settings  # after Django's set-up

    call_command("migrate", verbosity=0)
    solvers.add("tests", Nobody())
    with simple_ca() as ca:
        settings.ACME_DIRECTORY_URL, settings.ACME_CA_BUNDLE = ca.directory_url, str(ca.ca_bundle)
        for number, point in enumerate(points):
            print(json.dumps(walk(number, point, ca)), flush=True)
