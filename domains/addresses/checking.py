"""The job that looks at every address of a name: one look-up, then a handshake with each, all at once."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from auditlog.events import Actor, record
from config.lib import clock, egress, jobs, x509
from config.lib.errors import ExpectedError
from domains.addresses.shown import BUSY
from domains.authorities.stores import roots_of_workspaces
from domains.models import AddressCheck, Domain
from domains.protocols import opener_of
from domains.tls import Observation, Target, visit_many
from domains.turns import require_patience

LEASE = timedelta(seconds=60)
AT_MOST = 16
LOOK_UP_SECONDS = 5.0
TLS_SECONDS = 8.0


def check_addresses(rows: Sequence[AddressCheck]) -> None:
    """The work of the job. Blocks on the network, about 15 seconds at most per row; repeatable."""
    for row in rows:
        domain = Domain.unscoped.select_related("workspace").filter(pk=row.domain_id).first()
        if domain:  # Else it was deleted meanwhile, and the row with it.
            _check(row, domain)


def _check(row: AddressCheck, domain: Domain) -> None:
    began = clock.now()
    try:
        found = egress.resolve_all(domain.host, egress.Deadline(LOOK_UP_SECONDS))
    except ExpectedError as error:
        _finish(row, began, error=error)
        return
    addresses, left_out = in_order(found)[:AT_MOST], max(0, len(found) - AT_MOST)
    row.save_step(results=[{"address": one} for one in addresses], left_out=left_out, error_code="", error_params={})
    row.renew_lease(LEASE.total_seconds())
    targets = [_target(domain, one) for one in addresses]
    seen = visit_many(targets, in_flight=AT_MOST, us=settings.SITE_HOST, tls_seconds=TLS_SECONDS)
    roots = roots_of_workspaces({domain.workspace_id})[domain.workspace_id]
    now = clock.now()
    _finish(row, began, results=[result_of(one, domain.host, now, roots) for one in seen], left_out=left_out)


def _target(domain: Domain, address: str) -> Target:
    opener = opener_of(domain.protocol)
    return Target(
        domain.host, domain.port, http=False, plain_port=None, address=address, opener=opener, owner=domain.workspace_id
    )


def result_of(seen: Observation, host: str, now: datetime, roots: x509.Roots) -> dict[str, Any]:
    """One address as it is stored: `address`, `code` and `params` of what went wrong, and the certificate if any."""
    told: dict[str, Any] = {
        "address": seen.target.address,
        "code": BUSY if seen.put_off is not None else seen.outcome,
        "params": jobs.storable(seen.params),
        "milliseconds": seen.milliseconds,
        "tls_version": seen.tls_version,
        "fingerprint_sha256": "",
    }
    if not seen.ders:
        return told
    verdict = x509.verdict(seen.ders, host, now, roots)
    leaf = verdict.path[0].facts
    problems = x509.by_weight([*verdict.problems, *x509.connection_problems(seen.tls_version, seen.cipher)])
    return told | {
        "fingerprint_sha256": leaf.fingerprint_sha256,
        "issuer": leaf.issuer_name,
        "not_before": leaf.not_before.isoformat() if leaf.not_before else None,
        "not_after": leaf.not_after.isoformat() if leaf.not_after else None,
        "trusted": verdict.trusted,
        "problems": [{"code": one.code, "severity": one.severity, "params": dict(one.params)} for one in problems],
    }


def _finish(
    row: AddressCheck,
    began: datetime,
    *,
    results: list[dict[str, Any]] | None = None,
    left_out: int = 0,
    error: ExpectedError | None = None,
) -> None:
    """Write what was seen; whoever asked meanwhile is answered by another look."""

    def keep_request() -> None:
        if AddressCheck.unscoped.filter(pk=row.pk, asked_at__gt=began).update(run_after=clock.now()):
            jobs.ring("addresses", interactive=True)

    row.finish(
        checked_at=began,
        results=results or [],
        left_out=left_out,
        error_code=error.code if error else "",
        error_params=jobs.storable(error.params) if error else {},
        also=keep_request,
    )


def give_up(row: AddressCheck, error: ExpectedError) -> None:
    """The look itself failed for good: the page says so."""
    _finish(row, clock.now(), error=error)


@transaction.atomic
def ask_for_addresses(*, domain: Domain, actor: Actor | None = None) -> AddressCheck:
    """`Check every address`: make the look due at once for a person who waits, and ring. Repeatable.

    Raises Transient("checked_too_often"), as asking for a visit does.
    """
    row, _ = AddressCheck.unscoped.get_or_create(domain=domain, defaults={"workspace_id": domain.workspace_id})
    jobs.start_now(row, asked_at=clock.now())
    require_patience(domain, actor)
    record(
        "domain.addresses_asked",
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
    )
    jobs.ring("addresses", interactive=True)
    return row


def in_order(addresses: Sequence[str]) -> list[str]:
    """IPv4 before IPv6, each by number: the same grid each time, in whatever order the DNS answers."""
    return sorted(set(addresses), key=lambda one: (ipaddress.ip_address(one).version, int(ipaddress.ip_address(one))))
