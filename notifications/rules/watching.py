"""The sweep: each verified domain has a row that is due when one of its rules fires.

Whoever changes what a moment hangs on makes the row due and takes its lease away: what a worker has just computed
from the old facts is then not written.
"""

import logging
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Func, QuerySet, Value

from accounts.chores import forget_some
from accounts.models import Workspace
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError
from domains.models import Domain
from domains.writing import update_rows
from notifications.models import Alarm, Delivery, Watch
from notifications.outbox import write_out
from notifications.rules.scene import Scene, read_scene

log = logging.getLogger("notifications")

# A row is looked at so often even when nothing seems to come: a net below every moment that was missed.
NET = timedelta(hours=24)
# Where many are due at once, so many a second, and all of them within a minute.
AT_ONCE = 50
SPREAD_AT_MOST = timedelta(seconds=60)
CREATED_AT_MOST = 1_000
# Longer than any certificate lives: what was said of it may be forgotten then.
ALARMS_KEPT = timedelta(days=400)


@dataclass
class Outcome:
    """What a look at one domain amounts to; nothing of it is written yet."""

    next_at: datetime | None
    alarms: list[Alarm] = field(default_factory=list)
    rows: list[Delivery] = field(default_factory=list)


def with_what_a_look_reads(watches: QuerySet[Watch]) -> Sequence[Watch]:
    """Two queries: domains with their certificate, and the few workspaces, one object for each."""
    joined = watches.select_related("domain__visit__inspection").only(
        *(field.attname for field in Watch._meta.concrete_fields),
        *("domain__host", "domain__port", "domain__protocol", "domain__mode", "domain__renew_at"),
        *("domain__verified_at", "domain__workspace_id"),
        *("domain__visit__not_before", "domain__visit__not_after", "domain__visit__issuer_name"),
        *("domain__visit__domain_id", "domain__visit__inspection__fingerprint_sha256"),
    )
    rows = list(joined)
    homes = Workspace.objects.in_bulk({row.workspace_id for row in rows})
    for row in rows:
        row.domain.workspace = homes[row.workspace_id]
    return rows


def watch_due(batch: Sequence[Watch]) -> None:
    """Fire what is due of each and say when to look again. Repeatable: a round that was written is not due again."""
    now = clock.now()
    scene = read_scene([watch.domain for watch in batch], now)
    quiet, has_fired = [], False
    for watch in batch:
        outcome = look(scene, watch.domain, now)
        crash_here("notify.watch_read")
        if outcome.alarms:
            has_fired |= _fire(watch, outcome)
        else:
            quiet.append((watch, outcome))
    _rest(quiet)
    if has_fired:
        jobs.ring("delivery")
    crash_here("notify.watch_rested")


def look(scene: Scene, domain: Domain, now: datetime) -> Outcome:
    """Pure but for the words: what each rule says now, and the earliest moment of those that say something later."""
    if domain.verified_at is None:
        return Outcome(None)
    outcome = Outcome(now + NET)
    for one in scene.moments(domain):
        moment = one.moment
        if moment.is_due(now):
            alarm = one.alarm_of_round(domain, now)
            outcome.alarms.append(alarm)
            outcome.rows += scene.deliveries(one, alarm, domain, now)
            moment = one.again(alarm)
        if moment.at is not None and outcome.next_at is not None:
            # Never at once again: a cooldown is an hour or more, and a clock that went back must not spin here.
            outcome.next_at = min(outcome.next_at, max(moment.at, now + timedelta(seconds=1)))
    return outcome


def _fire(watch: Watch, outcome: Outcome) -> bool:
    """Write all that one domain's rules say, with the rounds and the next moment, or nothing; whether it was."""
    with transaction.atomic():
        # The domain before what hangs on it, as whoever deletes it does.
        if not Domain.unscoped.select_for_update(no_key=True).filter(pk=watch.domain_id).exists():
            return False
        is_ours = watch.finish(run_after=outcome.next_at, also=partial(_write, outcome))
    crash_here("notify.watch_fired")
    return is_ours


def _write(outcome: Outcome) -> None:
    Alarm.unscoped.bulk_create([alarm for alarm in outcome.alarms if not alarm.round])
    for alarm in outcome.alarms:
        if alarm.round:
            Alarm.unscoped.filter(pk=alarm.pk).update(round=alarm.round, fired_at=alarm.fired_at)
    crash_here("notify.watch_alarmed")
    write_out(outcome.rows)


@transaction.atomic
def _rest(quiet: Sequence[tuple[Watch, Outcome]]) -> None:
    """Most looks find nothing to say: their rows are given back in one statement.

    A row that somebody holds is being made due: it is left alone instead of waited for, which could end in a deadlock.
    """
    if not quiet:
        return
    token = quiet[0][0].lease_token
    rows = Watch.unscoped.filter(pk__among=[watch.pk for watch, _ in quiet], lease_token=token)
    free = set(rows.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
    given_back = {"lease_until": None, "claims": 0, "attempts": 0, "priority": jobs.BACKGROUND}
    update_rows(
        Watch,
        [
            {"id": watch.pk, "lease_token": token, "run_after": outcome.next_at, **given_back}
            for watch, outcome in quiet
            if watch.pk in free
        ],
        only_if="lease_token",
        released="lease_token",
    )


def give_up(watch: Watch, error: ExpectedError) -> None:
    """A row that took its worker down again and again: tried again tomorrow, and said in the log."""
    log.error("watch.failed", extra={"watch": str(watch.pk), "code": error.code})
    watch.finish(run_after=clock.now() + NET, error_code=error.code, error_params=jobs.storable(error.params))


class Within(Func):
    """A moment for each row, evenly within `seconds` after `at`; in one statement, whichever database it is."""

    output_field = DateTimeField()
    template = "(%(expressions)s)"
    arg_joiner = " + random() * "

    def __init__(self, at: datetime, seconds: timedelta) -> None:
        super().__init__(Value(at), Value(seconds))
        self.at, self.seconds = at, seconds

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Its durations are numbers that know nothing of dates."""
        part = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '+' || (abs(random()) %% %s / 1000.0) || ' seconds')"
        at = connection.ops.adapt_datetimefield_value(self.at)
        return part, (at, int(self.seconds.total_seconds() * 1000))


def make_due(rows: QuerySet[Watch]) -> None:
    """Have these looked at now, by one UPDATE, spread where they are many; in the transaction of what moved them."""
    seconds = min(SPREAD_AT_MOST, timedelta(seconds=rows.count() // AT_ONCE))
    rows.update(
        run_after=Within(clock.now(), seconds) if seconds else clock.now(),
        lease_token=None,
        lease_until=None,
        claims=0,
        priority=jobs.BACKGROUND,
    )
    jobs.ring("watch")


def watches_of(
    workspace: Workspace | uuid.UUID, *, domain_id: uuid.UUID | None = None, tag: str = ""
) -> QuerySet[Watch]:
    """Of the domains that a rule with this choice speaks of; sleeping ones belong to domains that are not verified."""
    rows = Watch.objects.for_workspace(workspace).filter(run_after__isnull=False)
    if domain_id is not None:
        return rows.filter(domain_id=domain_id)
    return rows.filter(domain__tag_rows__name=tag) if tag else rows


def domains_moved(domains: Collection[uuid.UUID]) -> None:
    """After an event about these domains: their rows are due, and made where they are missing. Repeatable."""
    rows = Domain.unscoped.filter(pk__in=domains, verified_at__isnull=False)
    create_watches(rows)
    # By key, whatever the row says: one that slept belongs to a domain that is verified again.
    make_due(Watch.unscoped.filter(domain__in=rows))


def create_watches(rows: QuerySet[Domain]) -> None:
    missing = rows.filter(alert_watch=None).values_list("pk", "workspace_id")
    now = clock.now()
    Watch.unscoped.bulk_create(
        [Watch(workspace_id=workspace_id, domain_id=key, run_after=now) for key, workspace_id in missing],
        ignore_conflicts=True,
    )


def create_missing_watches() -> bool:
    """The chore: verified domains that no event has given a row, a bounded number; whether more are left."""
    rows = Domain.unscoped.filter(verified_at__isnull=False, alert_watch=None, workspace__closing_at=None)
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:CREATED_AT_MOST])
    create_watches(Domain.unscoped.filter(pk__among=keys))
    jobs.ring("watch")
    return len(keys) == CREATED_AT_MOST


def follow_cooldown(workspace: Workspace, changed: Mapping[str, Any]) -> None:
    """Reminders come by the new cooldown. Repeatable."""
    if "alert_cooldown_hours" in changed:
        with transaction.atomic():
            make_due(watches_of(workspace))


def forget_old_alarms() -> bool:
    """The chore: each certificate leaves a row per rule behind; whether more are left."""
    return forget_some(Alarm.unscoped.filter(fired_at__lt=clock.now() - ALARMS_KEPT).order_by("fired_at"))
