"""The worker's side: look at what needs no server, and when it is time start a rehearsal at each of them."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, Q, QuerySet
from django.db.models.functions import Now

from certificates.models import Renewal
from certificates.renewal.rehearsing import LEASE_SECONDS, rehearse_order
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser
from deploy.models import PanelTarget, Readiness, Target, TargetRun
from deploy.readiness.judging import conclude, is_anything_wrong, is_to_be_confirmed
from deploy.readiness.moments import is_due, next_moment, rehearsal_moments, spread_of
from deploy.readiness.telling import forget, tell
from deploy.reconcile import KIND, create_run
from deploy.server_lease import REHEARSALS_AT_ONCE

DAILY = timedelta(hours=24)
# Whatever may pass by itself is looked at once more before anybody is told.
CONFIRMED_AFTER = timedelta(hours=1)
# While the real thing is under way.
WHILE_BUSY = timedelta(minutes=10)

_chance = random.SystemRandom()


def leave_room(rows: QuerySet[Readiness], now: datetime) -> QuerySet[Readiness]:
    """Those that a person asked for; of the others only so many at a time."""
    held = {"lease_until__gte": Now(), "run_after__lte": now, "priority": jobs.BACKGROUND}
    at_work = Readiness.unscoped.filter(**held).order_by("run_after")
    return rows.filter(Q(priority=jobs.INTERACTIVE) | ~Exists(at_work[REHEARSALS_AT_ONCE - 1 : REHEARSALS_AT_ONCE]))


def work_readiness(batch: Sequence[Readiness]) -> None:
    for row in batch:
        look(row)


def look(row: Readiness) -> None:
    """Blocks while DNS and CA are asked. Repeatable; a look that was cut is done again."""
    now = clock.now()
    renewal = renewal_of(row)
    if renewal is None or row.is_off:
        row.finish(run_after=None, is_asked=False, checks=[], places={}, also=partial(forget, row))
        return
    if row.priority != jobs.INTERACTIVE and _is_busy(renewal):
        row.finish(run_after=_when_less_busy(renewal, now))
        return
    moments = moments_of(renewal)
    # What is mended on a server changes no setting: while something is wrong there, it is rehearsed every day.
    is_full = row.is_asked or is_due(moments, row.rehearsed_at, now) or is_anything_wrong(row.places)
    found = rehearse_order(renewal, partial(row.renew_lease, LEASE_SECONDS))
    crash_here("readiness.looked")
    left = renewal.renew_at - now if renewal.renew_at else None
    checks = conclude(found, row.checks, left=left)
    row.finish(
        run_after=_next_look(renewal, moments, is_again=is_to_be_confirmed(checks, left=left)),
        checks=checks,
        looked_at=now,
        is_asked=False,
        rehearsed_at=now if is_full else row.rehearsed_at,
        error_code="",
        error_params={},
        also=partial(_follow, row, renewal, row.priority, is_full=is_full),
    )


def renewal_of(row: Readiness) -> Renewal | None:
    rows = Renewal.objects.for_workspace(row.workspace_id).filter(domain=row.domain_id)
    return rows.select_related("domain__workspace", "workspace", "certificate", "issuance").first()


def require_wanted(run: TargetRun) -> None:
    """Raises NeedsUser rehearsals_are_off: nobody signs in for a domain that is only monitored by now."""
    row = Readiness.objects.for_workspace(run.workspace_id).filter(domain=run.domain_id, is_off=False).first()
    if row is None or renewal_of(row) is None:
        raise NeedsUser("rehearsals_are_off", host=run.domain.label)


def moments_of(renewal: Renewal) -> list[datetime]:
    certificate = renewal.certificate
    if certificate is None or renewal.renew_at is None:
        return []
    return rehearsal_moments(certificate.not_before, certificate.not_after, renewal.renew_at)


def _is_busy(renewal: Renewal) -> bool:
    """The renewal itself, or its deployment, is under way: what a rehearsal would say is seen for real."""
    if renewal.issuance and renewal.issuance.is_open:
        return True
    rows = TargetRun.objects.for_workspace(renewal.workspace_id).filter(domain=renewal.domain_id)
    open_runs = rows.filter(state__in=TargetRun.OPEN_STATES, run_after__lte=clock.now())
    return open_runs.exclude(kind=TargetRun.Kind.REHEARSE).exists()


def _when_less_busy(renewal: Renewal, now: datetime) -> datetime:
    """An issuance that waits for its CA says until when: a thousand of them are not asked every ten minutes."""
    waits_until = renewal.issuance.run_after if renewal.issuance and renewal.issuance.is_open else None
    return min(now + DAILY, max(now + WHILE_BUSY, waits_until or now))


def _next_look(renewal: Renewal, moments: Sequence[datetime], *, is_again: bool) -> datetime:
    """Spread: certificates that were issued together are not looked at together."""
    now = clock.now()
    wait = CONFIRMED_AFTER if is_again else DAILY
    daily = now + wait * _chance.uniform(0.9, 1.1)
    moment = next_moment(moments, now)
    if moment is None or renewal.certificate is None or renewal.renew_at is None:
        return daily
    spread = spread_of(renewal.certificate.not_before, renewal.renew_at)
    return min(daily, moment + spread * _chance.random())


def _follow(row: Readiness, renewal: Renewal, priority: int, *, is_full: bool) -> None:
    """In the transaction of the look, which has the row's lock: places that are gone are forgotten."""
    row.refresh_from_db(fields=["places"])
    places = _places_of(row)
    known = {str(place.pk) for place in places}
    row.places = {key: found for key, found in row.places.items() if key in known}
    Readiness.unscoped.filter(pk=row.pk).update(places=row.places)
    if is_full:
        _start_at(row, places, priority)
    tell(row, renewal)


def _places_of(row: Readiness) -> list[Target | PanelTarget]:
    mine = {"domain": row.domain_id, "is_draft": False}
    targets = Target.objects.for_workspace(row.workspace_id).filter(**mine).select_related("server", "domain")
    panels = PanelTarget.objects.for_workspace(row.workspace_id).filter(**mine).select_related("account", "domain")
    return [*targets.order_by("position", "created_at"), *panels]


def _start_at(row: Readiness, places: Sequence[Target | PanelTarget], priority: int) -> None:
    rows = TargetRun.objects.for_workspace(row.workspace_id).filter(domain=row.domain_id)
    rows = rows.filter(kind=TargetRun.Kind.REHEARSE, state__in=TargetRun.OPEN_STATES)
    is_waited_for = priority == jobs.INTERACTIVE
    # One that is claimed may be about to end, and wants this look's row then.
    if is_waited_for and rows.filter(state=TargetRun.State.WAITING, lease_token=None).update(priority=priority):
        jobs.ring(KIND, interactive=True)
    under_way = {key for pair in rows.values_list("target_id", "panel_target_id") for key in pair if key}
    for place in places:
        if place.pk not in under_way:
            by = row.requested_by if is_waited_for else ""
            create_run(place, TargetRun.Kind.REHEARSE, by=by, interactive=is_waited_for)


def give_up(row: Readiness, error: ExpectedError) -> None:
    """A row that cannot be worked is looked at again the next day, and says why."""
    row.finish(run_after=clock.now() + DAILY, error_code=error.code, error_params=jobs.storable(error.params))
