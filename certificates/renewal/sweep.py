"""Each domain that renews by itself has a row that is due when something is to be done for it.

One look brings the row in line with what is on file, asks the CA for its suggestion when that is due, starts the
issuance when its moment has come, and says when to look again. Everything it does may be done again: the CA's answer is
kept before it is acted on, and an issuance that is open already is found instead of made a second time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Q

from auditlog.events import SYSTEM
from billing.charging import UNPAID
from certificates.cas.outages import WAITS
from certificates.gates import Wish
from certificates.issuance import cancel_issuance, open_issuances, start_issuance
from certificates.line import wait_for
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal import ari
from certificates.renewal.moment import (
    OUTAGES,
    Suggestion,
    Window,
    late_moment,
    overdue_level,
    overdue_moments,
    pause_after,
    renewal_moment,
)
from certificates.renewal.paying import give_back, require_paid, settle_ended, wait_for_balance
from certificates.renewal.requirements import require_ready
from certificates.renewal.telling import CANCELLED, NEEDS_HANDS, is_of_an_order, tell_level, tell_refused
from certificates.solvers import MANUAL, OVER_SSH, solver_for, solvers
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient
from domains.models import Domain
from domains.standing import refresh_state

# A row is looked at so often even when nothing seems to come: a net below every moment that was missed.
NET = timedelta(hours=24)
# The end of an issuance wakes its row; this is the net below.
WHILE_UNDER_WAY = timedelta(minutes=10)
# A thousand that wait for their CA are not looked at all the time as well.
WHILE_AWAY = timedelta(hours=6)
# Why a renewal is planned for the moment at which it was asked for.
FIRST = "first"
# A challenge that somebody has begun by hand is theirs for so long.
LEFT_ALONE = timedelta(hours=24)
LEASE_SECONDS = 90
_NOT_ASKED: dict[str, Any] = {"asked_as": None, "is_forced": False}
_CLEAN: dict[str, Any] = {"explanation_url": "", "failures": 0, "error_code": "", "error_params": {}}


def work_renewals(batch: Sequence[Renewal]) -> None:
    for renewal in batch:
        look(renewal)


def look(renewal: Renewal) -> None:
    """Blocks while the CA is asked. Raises LeaseLost."""
    now = clock.now()
    facts = _in_line(renewal, now)
    if renewal.issuance is None:
        # One that was started by a look which was cut before it could say so.
        facts["issuance"] = open_issuances(renewal.workspace, wish_of(renewal)).filter(is_renewal=True).first()
        if facts["issuance"] and facts["issuance"].pk == renewal.asked_as:
            facts |= _NOT_ASKED
    renewal.save_step(**facts, also=partial(settle_ended, renewal, renewal.issuance))
    crash_here("renew.read")
    if renewal.certificate and (renewal.ask_at is None or renewal.ask_at <= now):
        _ask(renewal, now)
    _plan(renewal, now)
    crash_here("renew.planned")
    if is_due(renewal, now):
        _start(renewal)
    _rest(renewal, now)
    crash_here("renew.rested")


def is_due(renewal: Renewal, now: datetime) -> bool:
    """Whether the next issuance is to be started."""
    if _open_issuance(renewal) is not None:
        return False
    return (_next_start(renewal) or now) <= now


def _next_start(renewal: Renewal) -> datetime | None:
    """Whoever asked for it waits for no moment, only for the end of a pause."""
    planned = None if renewal.asked_as else renewal.renew_at
    return max(filter(None, (planned, renewal.retry_at)), default=None)


def _in_line(renewal: Renewal, now: datetime) -> dict[str, Any]:
    """What has happened since the last look: another certificate, or an issuance that came to nothing."""
    certificate = newest(renewal)
    if certificate is not None and certificate.pk != renewal.certificate_id:
        forgotten = dict.fromkeys(("window_start", "window_end", "chosen_at", "ask_at", "renew_at", "retry_at"))
        facts = {**forgotten, "certificate": certificate, "is_past": False, **_CLEAN}
        return facts | _NOT_ASKED if _takes_its_place(certificate, renewal) else facts
    if certificate is None and renewal.why != FIRST:
        # There was one, or this is the first look: it is to be had at once.
        return {"certificate": None, "renew_at": None, **_ended(renewal, now)}
    return _ended(renewal, now)


def _takes_its_place(certificate: Certificate, renewal: Renewal) -> bool:
    """Whether it came since the last look: whoever asked for a new one has it, whatever way it came."""
    if renewal.certificate is None:
        return renewal.why == FIRST
    return certificate.created_at > renewal.certificate.created_at


def _ended(renewal: Renewal, now: datetime) -> dict[str, Any]:
    """Counted once: the row lets go of the issuance."""
    issuance = renewal.issuance
    if issuance is None or issuance.state not in (Issuance.State.FAILED, Issuance.State.CANCELLED):
        return {}
    failures, ended_at = renewal.failures + 1, issuance.ended_at or now
    told: dict[str, Any] = {"issuance": None, "failures": failures}
    if issuance.state == Issuance.State.CANCELLED:
        # Somebody did not want it now: not again within minutes, and not never.
        return {**told, "retry_at": ended_at + NET, "error_code": CANCELLED, "error_params": {}}
    pause = pause_after(failures, was_outage=issuance.error_code in OUTAGES, late_in=_late_in(renewal, ended_at))
    retry_at = max(ended_at + pause, _named(issuance.error_params) or ended_at)
    return {**told, "retry_at": retry_at, "error_code": issuance.error_code, "error_params": issuance.error_params}


def _named(params: dict[str, Any]) -> datetime | None:
    """The moment that a CA named when it refused for a while; of an issuance that is over it is kept as words."""
    try:
        return datetime.strptime(str(params.get("until", "")), "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
    except ValueError:
        return None


def newest(renewal: Renewal) -> Certificate | None:
    """The certificate on file that a renewal would take the place of; one that was revoked is none.

    Of the whole workspace, as the window is: a host that is watched on two ports has one certificate.
    """
    rows = Certificate.objects.for_workspace(renewal.workspace_id).filter(
        names_key=renewal.names_key,
        source=Certificate.Source.ACME,
        directory_url=renewal.directory_url,
        profile=renewal.profile,
        key_type=renewal.key_type,
        private_key__isnull=False,
        revoked_at=None,
    )
    return rows.order_by("-not_after", "-created_at").first()


def suggestion_of(renewal: Renewal) -> Suggestion | None:
    if renewal.window_start is None or renewal.window_end is None or renewal.chosen_at is None:
        return None
    return Suggestion(Window(renewal.window_start, renewal.window_end), renewal.chosen_at, renewal.is_past)


def _ask(renewal: Renewal, now: datetime) -> None:
    """A CA that does not answer changes nothing: the plan that there was stays."""
    certificate = renewal.certificate
    if certificate is None or certificate.not_after < now:
        renewal.save_step(ask_at=now + NET)
        return
    renewal.renew_lease(LEASE_SECONDS)
    try:
        answer = ari.ask(certificate, suggestion_of(renewal))
    except ExpectedError as error:
        named = error.retry_at if isinstance(error, Transient) else None
        renewal.save_step(ask_at=max(now + ari.AFTER_FAILURE, named or now))
        return
    crash_here("renew.answered")
    renewal.save_step(ask_at=answer.ask_at, explanation_url=answer.explanation_url, **_columns(answer.suggestion))


def _columns(suggestion: Suggestion | None) -> dict[str, Any]:
    window = suggestion.window if suggestion else None
    return {
        "window_start": window.start if window else None,
        "window_end": window.end if window else None,
        "chosen_at": suggestion.chosen_at if suggestion else None,
        "is_past": bool(suggestion and suggestion.is_past),
    }


def _plan(renewal: Renewal, now: datetime) -> None:
    """Write the moment where everybody reads it: here, at the certificate, and at the domain."""
    certificate = renewal.certificate
    at, why = now, FIRST
    if certificate is not None:
        found = renewal_moment(
            certificate.not_before,
            certificate.not_after,
            suggestion=suggestion_of(renewal),
            min_days_left=settings.ACME_ISSUE_MIN_DAYS_LEFT,
        )
        at, why = found.at, found.why
    if renewal.renew_at is None or certificate is not None:
        renewal.save_step(renew_at=at, why=why, also=partial(_write_moment, renewal, at))


def _write_moment(renewal: Renewal, at: datetime) -> None:
    moved = Q(renew_at=None) | ~Q(renew_at=at)
    if renewal.certificate_id:
        Certificate.unscoped.filter(moved, pk=renewal.certificate_id).update(renew_at=at)
    if Domain.unscoped.filter(moved, pk=renewal.domain_id).update(renew_at=at):
        refresh_state(renewal.domain)


def wish_of(renewal: Renewal) -> Wish:
    names = tuple(renewal.names)
    solver = solver_for(renewal.domain.mode, renewal.workspace_id, names)
    return Wish(
        names,
        renewal.directory_url,
        challenge=solvers.get(solver).challenge,
        profile=renewal.profile,
        key_type=renewal.key_type,
        solver=solver,
    )


def _open_issuance(renewal: Renewal) -> Issuance | None:
    """One that goes on by itself; a challenge that waits for somebody's hands is none."""
    names = tuple(renewal.names)
    rows = open_issuances(renewal.workspace, Wish(names, renewal.directory_url)).order_by("created_at")
    return rows.exclude(step=Issuance.Step.WAIT_FOR_RECORDS).first()


def _start(renewal: Renewal) -> None:
    """By the very function of the button. What keeps it from starting counts as a failure, and is told as one."""
    wish = wish_of(renewal)
    try:
        if wish.solver == MANUAL:
            raise NeedsUser(NEEDS_HANDS, names=list(wish.names))
        if wish.solver == OVER_SSH:
            require_ready(renewal.domain)
        _end_abandoned(renewal, wish)
        waits = wait_for(renewal.workspace_id, renewal.directory_url)
        if waits:
            raise waits
        # Else the next look would settle what is set aside now by the end of the one before.
        begun: dict[str, Any] = {"error_code": "", "error_params": {}} if renewal.error_code == WAITS else {}
        renewal.save_step(issuance=None, **begun)
        require_paid(renewal)
        # How often nothing could be begun says nothing about how often the CA refused.
        counted: dict[str, Any] = {} if not renewal.failures or is_of_an_order(renewal) else {"failures": 0}
        replaces = ari.certificate_id(renewal.certificate.leaf_pem) if renewal.certificate else ""
        issuance, _ = start_issuance(
            domain=renewal.domain,
            wish=wish,
            actor=SYSTEM,
            is_renewal=True,
            replaces=replaces,
            pk=renewal.asked_as,
            is_forced=renewal.is_forced,
        )
    except ExpectedError as error:
        _keep_from(renewal, error)
        return
    crash_here("renew.started")
    renewal.save_step(issuance=issuance, retry_at=None, asked_as=None, is_forced=False, **counted)


def _end_abandoned(renewal: Renewal, wish: Wish) -> None:
    """A challenge by hand holds the claim on these names for a week. Raises NeedsUser while it is fresh."""
    waiting = open_issuances(renewal.workspace, wish).filter(step=Issuance.Step.WAIT_FOR_RECORDS).first()
    if waiting is None:
        return
    if clock.now() - waiting.created_at < LEFT_ALONE:
        raise NeedsUser("renewal_waits", names=list(wish.names))
    cancel_issuance(issuance=waiting, actor=SYSTEM)


def _keep_from(renewal: Renewal, error: ExpectedError) -> None:
    if error.code == UNPAID:
        wait_for_balance(renewal, error)
        return
    if error.code == WAITS and isinstance(error, Transient):
        # Nothing failed, and nothing was begun: it keeps its place in the line.
        told: dict[str, Any] = {"error_code": error.code, "error_params": jobs.storable(error.params)}
        renewal.save_step(retry_at=error.retry_at, **told)
        return
    failures, now = renewal.failures + 1, clock.now()
    named = error.retry_at if isinstance(error, Transient) else None
    pause = pause_after(failures, was_outage=False, late_in=_late_in(renewal, now))
    retry_at = max(now + pause, named or now)
    trouble: dict[str, Any] = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    renewal.save_step(failures=failures, retry_at=retry_at, **trouble, also=partial(_settle_refused, renewal, error))


def _settle_refused(renewal: Renewal, error: ExpectedError) -> None:
    give_back(renewal)
    tell_refused(renewal, error)


def _rest(renewal: Renewal, now: datetime) -> None:
    """Say how overdue it is, and when to look again."""
    level = _level(renewal, now)
    kept: dict[str, Any] = {"error_code": renewal.error_code, "error_params": renewal.error_params}
    also = partial(tell_level, renewal, level)
    if not renewal.finish(run_after=_next_look(renewal, now), level=level, **kept, also=also):
        raise jobs.LeaseLost(str(renewal.pk))


def _late_in(renewal: Renewal, now: datetime) -> timedelta | None:
    if renewal.certificate is None or renewal.renew_at is None:
        return None
    return late_moment(renewal.renew_at, renewal.certificate.not_after) - now


def _level(renewal: Renewal, now: datetime) -> int:
    if renewal.certificate is None or renewal.renew_at is None:
        return 0
    return overdue_level(renewal.renew_at, renewal.certificate.not_after, now)


def _next_look(renewal: Renewal, now: datetime) -> datetime:
    moments = [renewal.ask_at, now + NET]
    issuance = _open_issuance(renewal)
    if issuance is not None:
        moments.append(now + (WHILE_AWAY if issuance.error_code == WAITS else WHILE_UNDER_WAY))
    else:
        moments.append(_next_start(renewal))
    if renewal.certificate and renewal.renew_at:
        levels = overdue_moments(renewal.renew_at, renewal.certificate.not_after)
        moments += [moment for moment in levels if moment > now]
    return max(min(filter(None, moments)), now + timedelta(seconds=1))


def give_up(renewal: Renewal, error: ExpectedError) -> None:
    """A row that cannot be worked is looked at again the next day, and says why."""
    trouble: dict[str, Any] = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    renewal.finish(run_after=clock.now() + NET, **trouble)
