"""One CA out of reach is found out once: everybody waits in one line, and the first of it tries again.

Without it each of a thousand renewals would climb a ladder of its own, and all of them would start in the minute in
which the CA is back. The line moves at a fixed pace, outage or not, so the return is spread by itself.
"""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from certificates.cas.known import ca_label
from certificates.models import CaOutage
from config.lib import clock
from config.lib.errors import Transient

WAITS = "acme_waits"
# So many go on in a minute once the CA is back: a day's renewals of ten thousand domains within half an hour, and far
# below what a CA's overall limits take from one address.
PER_MINUTE = 10
PROBES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30))
# A probe that dies with its worker is nobody's answer: then the next one tries.
PROBE_TAKES = timedelta(minutes=1)
# No way to the CA is told by one try. What a CA answers with 5xx may be about one order, until it does so again.
UNREACHABLE, TROUBLED = "acme_unreachable", "acme_server_error"
TROUBLED_AT = 3
# A certificate that lives for six days has to bear it.
LONGEST_LINE = timedelta(hours=6)

_chance = random.SystemRandom()


def require_reachable(directory_url: str, ca_bundle: str, *, in_line: bool) -> CaOutage | None:
    """Before a CA is asked. Raises Transient acme_waits while it is out of reach; who gets an outage back is its probe.

    `in_line` False: whoever asks comes back at a time of their own, and takes no place.
    """
    outage = _standing(directory_url, ca_bundle)
    if outage is None or outage.probe_at is None:
        return outage
    now = clock.now()
    is_probe = outage.probe_at <= now and CaOutage.objects.filter(pk=outage.pk, probe_at=outage.probe_at).update(
        probe_at=now + PROBE_TAKES
    )
    if is_probe:
        return outage
    raise _wait(outage, in_line=in_line)


def wait_of(directory_url: str, ca_bundle: str) -> Transient | None:
    """Why, and until when, nothing is to be begun at this CA; None when it may be. Takes a place, asks nobody."""
    outage = _standing(directory_url, ca_bundle)
    if outage is None or outage.probe_at is None or outage.probe_at <= clock.now():
        return None
    return _wait(outage, in_line=True)


def _standing(directory_url: str, ca_bundle: str) -> CaOutage | None:
    return CaOutage.objects.filter(directory_url=directory_url, roots=_roots(ca_bundle)).first()


def _wait(outage: CaOutage, *, in_line: bool) -> Transient:
    next_probe = max(outage.probe_at or clock.now(), clock.now() + timedelta(seconds=1))
    at = _place(outage, next_probe) if in_line else next_probe
    told = {"ca": ca_label(outage.directory_url), "since": f"{outage.since:%Y-%m-%d %H:%M} UTC"}
    return Transient(WAITS, retry_at=at, until=f"{at:%Y-%m-%d %H:%M} UTC", **told)


def _place(outage: CaOutage, not_before: datetime) -> datetime:
    """The next place in the line, which is this caller's alone."""
    with transaction.atomic():
        row = CaOutage.objects.select_for_update().filter(pk=outage.pk).first()
        if row is None:
            return not_before
        at = max(row.line_ends_at or not_before, not_before)
        if at - not_before > LONGEST_LINE:  # Whoever asks again and again puts nobody off for days.
            return not_before + LONGEST_LINE * _chance.random()
        CaOutage.objects.filter(pk=row.pk).update(line_ends_at=at + timedelta(minutes=1) / PER_MINUTE)
    return at


def note_failure(directory_url: str, ca_bundle: str, known: CaOutage | None, error: Transient) -> None:
    """No answer, to one that was let through with `known`. What had been on its way before counts as one failure."""
    if error.code not in (UNREACHABLE, TROUBLED):
        return
    now = clock.now()
    with transaction.atomic():
        outage, _ = CaOutage.objects.select_for_update().get_or_create(
            directory_url=directory_url, roots=_roots(ca_bundle), defaults={"since": now}
        )
        if outage.probe_at is not None and (known is None or known.failures != outage.failures):
            return
        failures = outage.failures + 1
        fields: dict[str, Any] = {"failures": failures}
        needed = 1 if error.code == UNREACHABLE or outage.probe_at else TROUBLED_AT
        if failures >= needed:
            pause = PROBES[min(failures - needed, len(PROBES) - 1)]
            fields["probe_at"] = max(now + pause, error.retry_at or now)
        CaOutage.objects.filter(pk=outage.pk).update(**fields)


def note_answer(known: CaOutage | None) -> None:
    """It is there. Whoever waits keeps their place, and so the pace."""
    if known is not None:
        CaOutage.objects.filter(pk=known.pk).delete()


def _roots(ca_bundle: str) -> str:
    """Wrong roots of one workspace put nobody else's orders off."""
    return hashlib.sha256(ca_bundle.encode()).hexdigest() if ca_bundle else ""
