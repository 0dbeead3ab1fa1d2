"""The worker's side: each look moves every certificate of a replacement as far as it goes, and starts a few more.

Everything is read from the rows again: an issuance that is open is found instead of made a second time, a successor
is whatever newer certificate is on file, and revoking what is revoked does nothing. A worker may die anywhere.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from auditlog.events import SYSTEM
from certificates.cas.choosing import ca_as_before
from certificates.cas.outages import WAITS
from certificates.gates import Wish
from certificates.issuance import start_issuance
from certificates.line import wait_for
from certificates.models import Certificate, Issuance, ReplacedCertificate, Replacement
from certificates.renewal import ari
from certificates.renewal.requirements import require_ready
from certificates.replacing.choosing import public_key
from certificates.replacing.planning import (
    PER_MINUTE,
    State,
    close_findings,
    close_when_done,
    open_some_findings,
    record_of,
    why_by_person,
)
from certificates.replacing.proving import proof_of
from certificates.revoking import revoke_certificate
from certificates.solvers import OVER_SSH, solver_for, solvers
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient, describe

LEASE_SECONDS = 120
# How soon it is looked again: while orders are under way, and while it waits for servers and people.
SOON, LATER = timedelta(seconds=15), timedelta(minutes=2)
MINUTE = timedelta(minutes=1)
# Only a successor is news for these, and for those that failed nothing is.
QUIET = (State.WAITING, State.PERSON, State.FAILED)
# Megabytes for some thousands; a look needs them of those alone that it orders or finds a successor of.
UNREAD = (
    "certificate__leaf_pem",
    "certificate__chain_pem",
    "successor__leaf_pem",
    "successor__chain_pem",
    "issuance__csr_pem",
)
# Among the parameters of what keeps a waiting one back: not before then, as ISO 8601 in UTC.
AGAIN_AT = "again_at"


def work_replacements(batch: Sequence[Replacement]) -> None:
    for replacement in batch:
        entries = _entries(replacement)
        fresh = _names_with_others(replacement)
        for entry in entries:
            if entry.state not in QUIET or entry.certificate.names_key in fresh:
                replacement.renew_lease(LEASE_SECONDS)
                _move(replacement, entry)
        _start_some(replacement, entries)
        replacement.renew_lease(LEASE_SECONDS)
        has_more = open_some_findings(replacement, [entry for entry in entries if entry.state != State.DONE])
        _rest(replacement, has_more=has_more)


def _entries(replacement: Replacement) -> list[ReplacedCertificate]:
    rows = ReplacedCertificate.unscoped.filter(replacement=replacement).exclude(state=State.DONE)
    rows = rows.select_related("certificate__domain__workspace", "certificate__revocation", "issuance", "successor")
    # Megabytes for some thousands, of which a look reads those alone that are ordered in it or have a successor.
    rows = rows.defer(
        *(f"{which}__{pem}" for which in ("certificate", "successor") for pem in ("leaf_pem", "chain_pem"))
    )
    return list(rows.order_by("-certificate__created_at", "-certificate__pk"))


def _names_with_others(replacement: Replacement) -> set[str]:
    """The names_key of those for which there may be a successor: one query for thousands that wait for hands."""
    chosen = ReplacedCertificate.unscoped.filter(replacement=replacement)
    rows = Certificate.objects.for_workspace(replacement.workspace_id).filter(
        names_key__in=chosen.values("certificate__names_key"), not_after__gte=clock.now(), revoked_at=None
    )
    return set(rows.exclude(pk__in=chosen.values("certificate")).values_list("names_key", flat=True))


def _move(replacement: Replacement, entry: ReplacedCertificate) -> None:
    """As many states on as there is news for. Raises LeaseLost."""
    if entry.state in (State.WAITING, State.PERSON, State.REPLACING):
        _look_for_successor(replacement, entry)
    if entry.state == State.INSTALLING:
        _look_for_proof(replacement, entry)
    if entry.state == State.REVOKING:
        _look_at_revocation(replacement, entry)


def _look_for_successor(replacement: Replacement, entry: ReplacedCertificate) -> None:
    successor = successor_of(replacement, entry)
    if successor is not None:
        _keep(replacement, entry, State.INSTALLING, successor=successor)
        return
    issuance = entry.issuance
    if issuance is not None and issuance.state in (Issuance.State.FAILED, Issuance.State.CANCELLED):
        code = issuance.error_code or "renewal_cancelled"
        _fail(replacement, entry, NeedsUser(code, **issuance.error_params))
    elif entry.state == State.REPLACING and (issuance is None or issuance.state == Issuance.State.ISSUED):
        _keep(replacement, entry, State.WAITING, issuance=None)  # What came of it was deleted.


def successor_of(replacement: Replacement, entry: ReplacedCertificate) -> Certificate | None:
    """The newest for the same names that is none of those to be replaced, and has another key."""
    old = entry.certificate
    chosen = ReplacedCertificate.unscoped.filter(replacement=replacement).values("certificate")
    rows = Certificate.objects.for_workspace(replacement.workspace_id).filter(
        names_key=old.names_key, created_at__gt=old.created_at, not_after__gte=clock.now(), revoked_at=None
    )
    newer = list(rows.exclude(pk__in=chosen).filter(private_key__isnull=False).order_by("-created_at", "-pk")[:5])
    key = public_key(old) if newer else b""
    return next((one for one in newer if not key or public_key(one) != key), None)


def _look_for_proof(replacement: Replacement, entry: ReplacedCertificate) -> None:
    if entry.successor is None:
        _keep(replacement, entry, State.WAITING, issuance=None)  # It was deleted.
    elif proof_of(entry.certificate, entry.successor).is_served:
        crash_here("replace.proven")
        if replacement.revokes and entry.certificate.source == Certificate.Source.ACME:
            _keep(replacement, entry, State.REVOKING)
        else:
            _done(replacement, entry)


def _look_at_revocation(replacement: Replacement, entry: ReplacedCertificate) -> None:
    old, revocation = entry.certificate, getattr(entry.certificate, "revocation", None)
    if old.revoked_at or old.not_after < clock.now():
        _done(replacement, entry)
    elif revocation is not None and revocation.ended_at and revocation.ended_at >= entry.changed_at:
        # Asked for by this one; what failed before is asked again.
        _fail(replacement, entry, NeedsUser(revocation.error_code, **revocation.error_params))
    else:
        revoke_certificate(certificate=old, reason=replacement.reason, actor=SYSTEM)
        crash_here("replace.revocation_asked")


def _start_some(replacement: Replacement, entries: Sequence[ReplacedCertificate]) -> None:
    """A minute's worth. What one certificate waits for is its own; only a CA out of reach makes all of them wait."""
    now = clock.now()
    if replacement.starts_at and replacement.starts_at > now:
        return
    begun = sum(one.state == State.REPLACING and one.changed_at > now - MINUTE for one in entries)
    room = PER_MINUTE - begun
    try:
        for entry in _startable(entries, now):
            if room > 0 and _start(replacement, entry):
                room -= 1
    except Transient as error:
        replacement.save_step(starts_at=error.retry_at or now + MINUTE, **_trouble(error))
        return
    replacement.save_step(starts_at=now + MINUTE, error_code="", error_params={})


def _startable(entries: Sequence[ReplacedCertificate], now: datetime) -> list[ReplacedCertificate]:
    """Of `entries`, the newest first: one for each set of names; the older ones wait for its certificate."""
    newest = {one.certificate.names_key: one.pk for one in reversed(entries)}
    rows = [one for one in entries if one.state == State.WAITING and newest[one.certificate.names_key] == one.pk]
    return [one for one in rows if one.error_params.get(AGAIN_AT, "") <= now.isoformat()]


def _start(replacement: Replacement, entry: ReplacedCertificate) -> bool:
    """Whether it was ordered, by the very function of the button: the CA's limits hold for it as for all.

    Raises Transient acme_waits.
    """
    replacement.renew_lease(LEASE_SECONDS)
    if why_by_person(entry.certificate):
        _keep(replacement, entry, State.PERSON)
        return False
    try:
        issuance, _ = _ordered(entry.certificate)
    except Transient as error:
        if error.code == WAITS:
            raise
        _keep(replacement, entry, State.WAITING, **_put_off(error))
        return False
    except ExpectedError as error:
        _fail(replacement, entry, error)
        return False
    crash_here("replace.ordered")
    _keep(replacement, entry, State.REPLACING, issuance=issuance)
    return True


def _put_off(error: Transient) -> dict[str, Any]:
    """What keeps this one back, and until when: in UTC, so that the texts sort as the moments do."""
    again_at = (error.retry_at or clock.now() + MINUTE).astimezone(UTC)
    trouble = _trouble(error)
    return {**trouble, "error_params": {**trouble["error_params"], AGAIN_AT: again_at.isoformat()}}


def _trouble(error: ExpectedError) -> dict[str, Any]:
    return {"error_code": error.code, "error_params": jobs.storable(error.params)}


def _ordered(old: Certificate) -> tuple[Issuance, bool]:
    directory_url = ca_as_before(old.domain.workspace, old.directory_url)
    if waits := wait_for(old.workspace_id, directory_url):
        raise waits
    solver = solver_for(old.domain.mode, old.workspace_id, old.names)
    # Another CA knows neither the profiles of this one nor its certificates.
    is_same = directory_url == old.directory_url
    wish = Wish(
        tuple(old.names),
        directory_url,
        challenge=solvers.get(solver).challenge,
        profile=old.profile if is_same else "",
        key_type=old.key_type,
        solver=solver,
    )
    if solver == OVER_SSH:
        require_ready(old.domain)
    replaces = ari.certificate_id(old.leaf_pem) if is_same else ""
    return start_issuance(
        domain=old.domain, wish=wish, actor=SYSTEM, is_renewal=True, replaces=replaces, is_forced=True
    )


def _keep(replacement: Replacement, entry: ReplacedCertificate, state: str, **fields: Any) -> None:
    """The entry's next state, in the transaction that finds the lease still ours. Raises LeaseLost."""
    told: dict[str, Any] = {"error_code": "", "error_params": {}, **fields, "state": state, "changed_at": clock.now()}
    replacement.save_step(also=partial(_write, entry, told))
    for name, value in told.items():
        setattr(entry, name, value)


def _write(entry: ReplacedCertificate, fields: dict[str, Any]) -> None:
    ReplacedCertificate.unscoped.filter(pk=entry.pk).update(**fields)


def _done(replacement: Replacement, entry: ReplacedCertificate) -> None:
    """Replaced, proven, and revoked where that was wanted."""

    def keep() -> None:
        _write(entry, {"state": State.DONE, "changed_at": clock.now()})
        _record(replacement, entry, "replacement.replaced")
        close_when_done(entry.certificate.domain)

    replacement.save_step(also=keep)
    entry.state = State.DONE


def _fail(replacement: Replacement, entry: ReplacedCertificate, error: ExpectedError) -> None:
    def keep() -> None:
        _write(entry, {"state": State.FAILED, "changed_at": clock.now(), **_trouble(error)})
        _record(replacement, entry, "replacement.failed", error=describe(error.code, error.params).title)

    replacement.save_step(also=keep)
    entry.state = State.FAILED


def _record(replacement: Replacement, entry: ReplacedCertificate, kind: str, **more: str) -> None:
    """With the fingerprints of before and after."""
    old, new = entry.certificate, entry.successor
    told = {"names": ", ".join(old.names[:20]), "certificate": str(old.pk), "before": old.fingerprint_sha256}
    told["after"] = new.fingerprint_sha256 if new else "none"
    record_of(replacement, kind, domain=old.domain, told={**told, **more})


def _rest(replacement: Replacement, *, has_more: bool) -> None:
    """Over with the last one; else when to look again."""
    states = set(ReplacedCertificate.unscoped.filter(replacement=replacement).values_list("state", flat=True))
    if states <= {State.DONE}:
        replacement.finish(ended_at=clock.now(), also=partial(_tell_over, replacement))
        return
    is_moving = states & {State.WAITING, State.REPLACING, State.REVOKING}
    kept: dict[str, Any] = {"error_code": replacement.error_code, "error_params": replacement.error_params}
    pause = SOON if is_moving or has_more else LATER
    replacement.finish(run_after=clock.now() + pause, **kept)
    jobs.ring("certificate_replacement", after=pause)


def _tell_over(replacement: Replacement) -> None:
    close_findings(replacement)
    count = ReplacedCertificate.unscoped.filter(replacement=replacement).count()
    record_of(replacement, "replacement.ended", told={"count": count})


def give_up(replacement: Replacement, error: ExpectedError) -> None:
    """Looked at again in an hour, and says why; it stays open until it is done or somebody ends it."""
    replacement.finish(run_after=clock.now() + timedelta(hours=1), **_trouble(error))
