"""The portal's side of many certificates at once: what is ordered, and workers. Runs inside Django.

The portal publishes by itself: a solver of the bench writes into the DNS that comes with Pebble.
"""

import json
import sys
import threading
import uuid
from collections.abc import Sequence

from django.core.management import call_command

from accounts.bootstrap import bootstrap_workspace
from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates import solvers as solving
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import Authorization, Certificate, Issuance
from certificates.records import look_at_records, missing_records
from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from domains.models import Domain, Ownership
from tests.servers.dns import ChallengeDns


class AtTestDns:
    """Publishes at the DNS that comes with Pebble."""

    label = "by the bench's DNS"
    challenge = "dns-01"

    def __init__(self, dns: ChallengeDns) -> None:
        self._dns = dns

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        return True

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        for row in rows:
            self._dns.set_txt(row.txt_name, row.txt_value)

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        look_at_records(rows)
        return missing_records(rows)

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        """The records may stay: every name is used once."""


def _use_dns(address: str, management_port: str) -> ChallengeDns:
    dns = ChallengeDns(int(address.rpartition(":")[2]), int(management_port))
    solving.solvers._items["bench"] = AtTestDns(dns)
    return dns


def prepare(address: str, management_port: str, certificates: str) -> None:
    """Domains whose ownership is proven, and an issuance for each, due at once."""
    dns = _use_dns(address, management_port)
    call_command("migrate", interactive=False, verbosity=0)
    made = bootstrap_workspace(email="b@bench.example", workspace_name="Bench", password=None, with_token=False)
    workspace = Workspace.objects.get(pk=str(made["workspace"]))
    for number in range(int(certificates)):
        host = f"c{number}.bench.example"
        proof = Ownership.objects.create(workspace=workspace, host=host, proven_at=clock.now())
        dns.set_txt(f"_managemycert-verify.{host}", f"mmc-{proof.token}")
        domain = Domain.objects.create(workspace=workspace, host=host, port=443, verified_at=clock.now())
        start_issuance(domain=domain, wish=read_wish([host]), actor=SYSTEM)


def work(address: str, management_port: str, slots: str) -> None:
    """One worker with its share of the slots; says when it is ready, begins at a line, ends when all have ended."""
    _use_dns(address, management_port)
    Issuance.unscoped.exists()
    print("ready", flush=True)
    sys.stdin.readline()

    def slot() -> None:
        while Issuance.unscoped.filter(state__in=Issuance.OPEN_STATES).exists():
            jobs.run_due("issuance")

    threads = [threading.Thread(target=slot) for _ in range(int(slots))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def count() -> None:
    """How many certificates there are."""
    print(json.dumps({"certificates": Certificate.unscoped.count()}))
