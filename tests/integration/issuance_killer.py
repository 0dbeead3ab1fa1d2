"""Kills the worker at named points of an issuance and lets the next one go on.

`main` runs in a process of its own, whose environment names the CA and an empty database. Each worker
is a fork, so that SIGKILL ends it as a power cut would and the start of Django is paid once.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence

from django.core.management import call_command
from django.db import connections

from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from certificates.dns.delegations import add_delegation, name_of, target_of
from certificates.dns.providers.saving import save_provider
from certificates.gates import read_wish
from certificates.issuance import issue_certificate, start_issuance
from certificates.models import (
    AcmeAccount,
    Authorization,
    Certificate,
    ChallengeValue,
    Delegation,
    DnsProvider,
    Issuance,
    ProviderRecord,
)
from config.lib import clock, jobs
from domains.models import Domain
from tests.cast import make_user
from tests.integration.issuing import Dns, publish, reread, verified_domain
from tests.servers.authoritative import CUSTOMER, KEY_NAME, SECRET, Zones
from tests.servers.dns import ChallengeDns


def worker(crash_at: str, crash_dir: str) -> bool:
    """One worker's life in a fork; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        os.environ.update(MMC_CRASH_AT=crash_at, MMC_CRASH_DIR=crash_dir)
        jobs.run_due("issuance")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def workers(issuance: Issuance, point: str, crash_dir: str) -> Iterator[bool]:
    """Worker after worker until the issuance rests; each finds the dead one's lease run out."""
    for _ in range(50):
        Issuance.unscoped.exclude(lease_until=None).update(lease_until=clock.now().replace(year=2000))
        DnsProvider.unscoped.exclude(busy_until=None).update(busy_until=clock.now().replace(year=2000))
        Issuance.unscoped.filter(run_after__gt=clock.now(), error_code="").exclude(
            step=Issuance.Step.WAIT_FOR_RECORDS
        ).update(run_after=clock.now())
        yield worker(point, crash_dir)
        row = reread(issuance)
        if row.is_waiting_for_person or row.step == Issuance.Step.DONE:
            return


def walk(number: int, point: str, dns: ChallengeDns) -> dict[str, object]:
    host = f"k{number}.crash.net"
    domain = _domain(number, point, host, dns)
    issuance, _ = start_issuance(domain=domain, wish=read_wish([host, f"*.{host}"]), actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        kills = sum(workers(issuance, point, crash_dir))
        publish(issuance, dns)
        values = sorted(reread(issuance).authorizations.values_list("txt_value", flat=True))
        if reread(issuance).is_open:
            issue_certificate(issuance=issuance, actor=SYSTEM)
        kills += sum(workers(issuance, point, crash_dir))
    return {"point": point, "kills": kills, **_outcome(issuance, values)}


def walk_alone(number: int, point: str, zones: Zones, solver: str) -> dict[str, object]:
    """Without hands: `left` counts what is still published anywhere at the end."""
    host = f"k{number}.{CUSTOMER}"
    domain = _domain(number, point, host, zones)
    {"delegated": _hand_over, "provider": _open_zone}[solver](domain, zones)
    issuance, _ = start_issuance(domain=domain, wish=read_wish([host, f"*.{host}"]), actor=SYSTEM)
    with tempfile.TemporaryDirectory() as crash_dir:
        kills = sum(workers(issuance, point, crash_dir))
    values = sorted(reread(issuance).authorizations.values_list("txt_value", flat=True))
    left = ChallengeValue.unscoped.count() + ProviderRecord.unscoped.count()
    left += len([*zones.values(zones.knot, f"_acme-challenge.{host}", "TXT")])
    return {
        "point": point,
        "kills": kills,
        "left": left,
        "solver": reread(issuance).solver,
        **_outcome(issuance, values),
    }


def _hand_over(domain: Domain, zones: Zones) -> None:
    delegation, _ = add_delegation(domain=domain, host=domain.host, actor=SYSTEM)
    zones.add(name_of(delegation), "CNAME", f"{target_of(delegation)}.")
    Delegation.unscoped.filter(pk=delegation.pk).update(seen=Authorization.Seen.SEEN, run_after=None)


def _open_zone(domain: Domain, zones: Zones) -> None:
    given = {"server": f"ns1.{CUSTOMER}", "key_name": KEY_NAME, "key_secret": SECRET}
    row = save_provider(workspace=domain.workspace, kind="rfc2136", zone=CUSTOMER, given=given, actor=SYSTEM)
    DnsProvider.unscoped.filter(pk=row.pk).update(tested_at=clock.now(), run_after=None)


def _domain(number: int, point: str, host: str, dns: Dns) -> Domain:
    workspace = create_workspace(user=make_user(f"k{number}@example.org"), name=point, actor=SYSTEM)
    return verified_domain(workspace, host, dns)


def _outcome(issuance: Issuance, values: Sequence[str]) -> dict[str, object]:
    row = reread(issuance)
    workspace = row.workspace_id
    return {
        "state": row.state,
        "error": row.error_code,
        "certificates": Certificate.unscoped.filter(workspace=workspace).count(),
        "has_key": bool(row.certificate and row.certificate.private_key),
        "accounts": AcmeAccount.unscoped.filter(workspace=workspace).count(),
        "same_values": list(values) == sorted(row.authorizations.values_list("txt_value", flat=True)),
        "given_back": all(row.authorizations.values_list("is_given_back", flat=True)),
        "serial": row.certificate.serial if row.certificate else "",
    }


def main(management_url: str, address: str, *points: str) -> None:
    """Print one JSON line per point."""
    dns = ChallengeDns(int(address.rpartition(":")[2]), int(management_url.rpartition(":")[2]))
    call_command("migrate", verbosity=0)
    for number, point in enumerate(points):
        print(json.dumps(walk(number, point, dns)), flush=True)


def main_alone(solver: str, told: str, *points: str) -> None:
    """As `main`, with the DNS of tests.servers.authoritative."""
    zones = Zones(**json.loads(told))
    call_command("migrate", verbosity=0)
    for number, point in enumerate(points):
        print(json.dumps(walk_alone(number, point, zones, solver)), flush=True)
