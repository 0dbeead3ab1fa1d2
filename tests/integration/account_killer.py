"""Kills the worker while it works at an account, and lets the next one go on. Runs in a process of its own."""

import json
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from accounts.models import Workspace
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.cas.accounts import add_ca, ask_for_new_key, remove_ca
from certificates.cas.given import read_given
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.line import connect_as
from certificates.models import AcmeAccount
from config.lib import clock, jobs
from tests.cast import make_user
from tests.integration.issuing import issue, publish, reread, verified_domain
from tests.servers.dns import ChallengeDns


def worker(crash_at: str, crash_dir: str) -> bool:
    """One worker's life in a fork; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ.update(MMC_CRASH_AT=crash_at, MMC_CRASH_DIR=crash_dir)
        jobs.run_due("acme_account")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def opened_account(workspace: Workspace, host: str, directory_url: str, dns: ChallengeDns) -> AcmeAccount:
    """At a CA that the workspace added, opened by a certificate."""
    bundle = Path(settings.ACME_CA_BUNDLE).read_text()
    given = read_given(ca="other", directory_url=directory_url, ca_bundle=bundle)
    account = add_ca(workspace=workspace, given=given, actor=SYSTEM)
    wish = read_wish([host], directory_url=directory_url)
    issuance, _ = start_issuance(domain=verified_domain(workspace, host, dns), wish=wish, actor=SYSTEM)
    jobs.run_due("issuance")
    publish(reread(issuance), dns)
    assert issue(reread(issuance)).certificate
    account.refresh_from_db()
    return account


def walk(number: int, point: str, directory_url: str, dns: ChallengeDns) -> dict[str, object]:
    workspace = create_workspace(user=make_user(f"a{number}@example.org"), name=point, actor=SYSTEM)
    account = opened_account(workspace, f"a{number}.accounts.net", directory_url, dns)
    is_closing = point == "ca.account_closed"
    old = account.sealed_key.reveal()
    if is_closing:
        remove_ca(account=account, actor=SYSTEM)
    else:
        ask_for_new_key(account=account, actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        kills = 0
        for _ in range(5):
            AcmeAccount.unscoped.exclude(lease_until=None).update(lease_until=clock.now().replace(year=2000))
            kills += worker(point, crash_dir)
    kinds = ("ca.forgotten",) if is_closing else ("ca.key_changed",)
    events = Event.unscoped.filter(workspace_id=workspace.pk, kind__in=kinds).count()
    return {"point": point, "kills": kills, "events": events, **_state(account, old)}


def _state(account: AcmeAccount, old: bytes) -> dict[str, object]:
    row = AcmeAccount.unscoped.filter(pk=account.pk).first()
    if row is None:
        return {"is_there": False}
    with connect_as(row) as ca:
        is_found = ca.find_account() == account.uri
    is_new = row.sealed_key.reveal() != old
    return {"is_there": True, "is_settled": row.rolling_at is None and is_new and is_found}


def main(directory_url: str, management_url: str, address: str, *points: str) -> None:
    """Print one JSON line per point."""
    dns = ChallengeDns(int(address.rpartition(":")[2]), int(management_url.rpartition(":")[2]))
    call_command("migrate", verbosity=0)
    settings.ACME_DIRECTORY_URL = "https://ca.elsewhere.net/directory"
    for number, point in enumerate(points):
        print(json.dumps(walk(number, point, directory_url, dns)), flush=True)
