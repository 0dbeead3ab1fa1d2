"""Kills the worker while it revokes, and lets the next one go on. Runs in a process of its own."""

import json
import os
import tempfile

from django.core.management import call_command
from django.db import connections

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Certificate, Revocation
from certificates.revoking import revoke_certificate
from config.lib import clock, jobs
from tests.cast import make_user
from tests.integration.issuing import issue, publish, start, verified_domain
from tests.servers.dns import ChallengeDns


def worker(crash_at: str, crash_dir: str) -> bool:
    """One worker's life in a fork; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ.update(MMC_CRASH_AT=crash_at, MMC_CRASH_DIR=crash_dir)
        jobs.run_due("certificate_revocation")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def walk(number: int, point: str, dns: ChallengeDns) -> dict[str, object]:
    workspace = create_workspace(user=make_user(f"r{number}@example.org"), name=point, actor=SYSTEM)
    host = f"r{number}.revoked.net"
    issuance = start(verified_domain(workspace, host, dns), [host])
    publish(issuance, dns)
    certificate = issue(issuance).certificate
    assert certificate
    revoke_certificate(certificate=certificate, reason=4, actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        kills = 0
        for _ in range(5):
            Revocation.unscoped.exclude(lease_until=None).update(lease_until=clock.now().replace(year=2000))
            kills += worker(point, crash_dir)
    row = Certificate.unscoped.get(pk=certificate.pk)
    return {
        "point": point,
        "kills": kills,
        "reason": row.revocation_reason,
        "is_revoked": row.revoked_at is not None,
        "events": Event.unscoped.filter(workspace_id=workspace.pk, kind="certificate.revoked").count(),
        "is_open": Revocation.unscoped.get(certificate=row).is_open,
    }


def main(management_url: str, address: str, *points: str) -> None:
    """Print one JSON line per point."""
    dns = ChallengeDns(int(address.rpartition(":")[2]), int(management_url.rpartition(":")[2]))
    call_command("migrate", verbosity=0)
    for number, point in enumerate(points):
        print(json.dumps(walk(number, point, dns)), flush=True)
