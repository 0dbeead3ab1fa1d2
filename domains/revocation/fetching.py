"""The job behind a list of revoked certificates: fetch, check the signature, look up who waits for it."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction

from config.lib import clock, egress, jobs, x509
from config.lib.errors import ExpectedError, Permanent
from domains.conclusion import spread
from domains.models import Domain, RevocationList, RevocationWatch
from domains.revocation.watching import show_findings

log = logging.getLogger("domains.revocation")

LEASE = timedelta(seconds=180)
SECONDS = 60.0
# The largest lists of public authorities have some megabytes; parts of them (Let's Encrypt's) far less.
MAX_BYTES = 10 * 1024 * 1024
DAILY = timedelta(days=1)
SOONEST = timedelta(hours=1)
# Answers are filed in slices, so that no transaction holds thousands of domains.
SLICE = 200


def fetch_lists(rows: Sequence[RevocationList]) -> None:
    """The work of the standing job. Blocks on the network; repeatable."""
    for row in rows:
        watches = RevocationWatch.unscoped.filter(source=row)
        if not watches.exists():
            _forget(row)
            continue
        try:
            found = _fetched(row)
        except ExpectedError as error:
            give_up(row, error)
        else:
            _file(row, found)


def _fetched(row: RevocationList) -> x509.RevocationList:
    """The list, checked. Raises ExpectedError."""
    _require_plain_port(row.url)
    answer = egress.http("GET", row.url, deadline=egress.Deadline(SECONDS), max_bytes=MAX_BYTES, redirects=2)
    if answer.status != 200:
        raise Permanent("crl_unavailable", url=row.url, status=answer.status)
    serials = RevocationWatch.unscoped.filter(source=row).values_list("serial", flat=True).distinct()
    return x509.read_revocation_list(
        answer.body, issuer_der=bytes(row.issuer_der), url=row.url, serials=list(serials), now=clock.now()
    )


def _require_plain_port(url: str) -> None:
    """A certificate must not make the portal speak HTTP to somebody's mail server."""
    try:
        port = urlsplit(url).port or 80
    except ValueError:
        port = 0
    if port != 80 and port < 1024:
        raise Permanent("crl_unavailable", url=url, status="no list, since its port is none that is asked")


def _file(row: RevocationList, found: x509.RevocationList) -> None:
    row.renew_lease(LEASE.total_seconds())
    began = clock.now()
    _file_answers(row, found, began)
    row.finish(
        run_after=_next_fetch(row, found.next_update),
        fetched_at=began,
        this_update=found.this_update,
        next_update=found.next_update,
        entries=found.count,
        error_code="",
        error_params={},
    )


def _next_fetch(row: RevocationList, next_update: datetime) -> datetime:
    """Daily, and once more when the list is replaced before that; never twice within an hour."""
    now = clock.now()
    daily = now + spread(DAILY, row.pk, now)
    return max(now + SOONEST, min(daily, next_update + timedelta(minutes=5)))


def _file_answers(row: RevocationList, found: x509.RevocationList, began: datetime) -> None:
    watched = RevocationWatch.unscoped.filter(source=row).values_list("domain_id", flat=True).distinct()
    keys = sorted(watched)
    for start in range(0, len(keys), SLICE):
        _file_slice(row, found, keys[start : start + SLICE], began)


@transaction.atomic
def _file_slice(row: RevocationList, found: x509.RevocationList, keys: Sequence[uuid.UUID], began: datetime) -> None:
    """The domains are locked first and in order, as visits do, who change the same watches."""
    domains = list(Domain.unscoped.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk"))
    watches = RevocationWatch.unscoped.filter(source=row, domain_id__in=keys)
    changed: set[uuid.UUID] = set()
    for serial, one in found.revoked.items():
        fresh = watches.filter(serial=serial, revoked_at__isnull=True)
        changed |= set(fresh.values_list("domain_id", flat=True))
        fresh.update(revoked_at=one.at, reason=one.reason[:40])
    # A certificate that was only on hold may come off the list again.
    back = watches.filter(revoked_at__isnull=False).exclude(serial__in=list(found.revoked))
    changed |= set(back.values_list("domain_id", flat=True))
    back.update(revoked_at=None, reason="")
    watches.update(checked_at=began)
    for domain in domains:
        if domain.pk in changed and domain.is_verified:
            show_findings(domain)


def _forget(row: RevocationList) -> None:
    """Nobody serves a certificate with this list any more.

    A visit that needs it again at this very moment fails on the missing row, and is done anew after its lease.
    """
    with transaction.atomic():
        held = RevocationList.objects.select_for_update().filter(pk=row.pk, lease_token=row.lease_token)
        # Asked for by itself: PostgreSQL locks no row that is joined to what may be missing.
        if held.first() and not RevocationWatch.unscoped.filter(source=row).exists():
            held.delete()


def give_up(row: RevocationList, error: ExpectedError) -> None:
    """A list that is not to be had says nothing about anybody: noted, and tried again tomorrow."""
    log.info("revocation.no_list", extra={"url": row.url, "code": error.code})
    now = clock.now()
    row.finish(
        run_after=now + spread(DAILY, row.pk, now),
        fetched_at=now,
        error_code=error.code,
        error_params=jobs.storable(error.params),
    )
