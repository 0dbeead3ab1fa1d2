"""Leased jobs: the database row is the truth, a Celery message is only a doorbell.

A row is due when `run_after` has come and nobody holds its lease. Claiming is one short
transaction; work happens outside of it; finishing is an UPDATE that hits only while the lease
is still ours. A worker that dies leaves a lease that runs out, and the next claim goes on.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import models, router, transaction
from django.db.models import Exists, F, Q
from django.db.models.functions import Greatest, Now

from config.lib import clock
from config.lib.errors import ExpectedError, Permanent, Transient
from config.lib.leases import from_now, held_for, one_claim_more
from config.lib.log_context import logged_with
from config.lib.prepared import MOMENT, Compiled, Computed, ask, change
from config.lib.registry import Registry
from config.lib.scoping import OwnedModel

log = logging.getLogger("jobs")

INTERACTIVE = 0
BACKGROUND = 5
PRIORITIES = (INTERACTIVE, BACKGROUND)
MAX_CLAIMS = 5
DRAIN_SECONDS = 60.0
# Redis hands a message that waits too long to a second worker; longer waits are `run_after` alone.
LONGEST_COUNTDOWN = 60.0
# Set when this process was asked to stop: work in hand is finished, nothing more is claimed.
stopping = threading.Event()
# What this process holds: the token of each claim that is being worked.
_held: dict[uuid.UUID, "Kind"] = {}
LADDER = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60))


class LeaseLost(RuntimeError):
    """The lease ran out and somebody else has the row: drop what you hold and leave."""


class LeasedJob(models.Model):
    """A row that workers claim. Its own meaning (`state` and the rest) is the concrete model's.

    `claims` counts claims since the last recorded progress: a row that kills its worker
    over and over is quarantined after MAX_CLAIMS. `attempts` counts failures in a row.
    """

    priority = models.PositiveSmallIntegerField(default=BACKGROUND)
    run_after = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=64, blank=True)
    error_params = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    def renew_lease(self, seconds: float = 60, **fields: Any) -> None:
        """Hold on for `seconds` from now, or as long as it is held already; call before each remote call.

        `fields` are persisted with it. Raises LeaseLost.
        """
        if not self._update({"lease_until": held_for(seconds), **fields}):
            raise LeaseLost(str(self.pk))

    def save_step(self, *, also: Callable[[], None] | None = None, **fields: Any) -> None:
        """Persist progress and keep the lease. Raises LeaseLost, and then nothing was written."""
        if not self._write({**fields, "claims": 0}, also):
            raise LeaseLost(str(self.pk))

    def finish(
        self, *, run_after: datetime | None = None, also: Callable[[], None] | None = None, **fields: Any
    ) -> bool:
        """Write the result and give the lease back; `also` runs in the same transaction.

        False: somebody else has the row by now and nothing was written.
        """
        released = {"lease_token": None, "lease_until": None, "claims": 0, "run_after": run_after}
        fields.setdefault("attempts", 0)
        fields.setdefault("priority", BACKGROUND)
        return self._write({**fields, **released}, also)

    def postpone(self, error: ExpectedError, *, also: Callable[[], None] | None = None) -> bool:
        """A failed attempt: the next one at the time the other side named, else on the ladder."""
        named = error.retry_at if isinstance(error, Transient) else None
        step = LADDER[min(self.attempts, len(LADDER) - 1)]
        return self.finish(
            run_after=named or clock.now() + step,
            attempts=self.attempts + 1,
            error_code=error.code,
            error_params=storable(error.params),
            also=also,
        )

    def _write(self, fields: dict[str, Any], also: Callable[[], None] | None) -> bool:
        if also is None:
            # One statement is its own transaction; most steps are one, and the brackets cost as much as it does.
            return self._update(fields)
        with transaction.atomic(using=router.db_for_write(type(self))):
            if not self._update(fields):
                return False
            also()
        return True

    def _update(self, fields: dict[str, Any]) -> bool:
        if not change(type(self), {"pk": self.pk, "lease_token": self.lease_token}, fields):
            return False
        for name, value in fields.items():
            if not isinstance(value, Computed):  # What came of that only the database knows.
                setattr(self, name, value)
        return True


def rows_of[M: models.Model](model: type[M]) -> models.QuerySet[M]:
    """All rows of a model, owned or not: jobs work across workspaces."""
    return model._default_manager.all()


def storable(params: dict[str, Any]) -> dict[str, Any]:
    """Error parameters as JSON: anything that is not plain becomes its text.

    Texts come from strangers' servers; PostgreSQL refuses NUL, and a refused write would lose the error.
    """
    return {name: _storable(value) for name, value in params.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")


def due_index(name: str) -> models.Index:
    """The index every concrete job needs; keeps an idle tick at one index look-up."""
    return models.Index(fields=["priority", "run_after"], name=name, condition=Q(run_after__isnull=False))


type Work = Callable[[Sequence[Any]], None]
type GiveUp = Callable[[Any, ExpectedError], None]


@dataclass(frozen=True)
class Kind:
    """How rows of one model are worked: `work` gets up to `batch` claimed rows, no transaction open.

    `give_up(job, error)` must end the row (`finish`) and leave a visible trace; it is called for
    NeedsUser and Permanent errors and for rows in quarantine. `load` reads claimed rows with what
    the work needs beside them. `limit(rows, now)` leaves out what may not be claimed at that moment; of time it knows
    `now` alone. `must_end` says which rows are half-way through something that must not stay so: they are worked even
    while their workspace is being deleted.
    """

    name: str
    model: type[LeasedJob]
    work: Work
    give_up: GiveUp
    queue: str = "work"
    batch: int = 1
    lease: timedelta = timedelta(seconds=60)
    limit: Callable[[models.QuerySet[Any], datetime], models.QuerySet[Any]] | None = None
    load: Callable[[models.QuerySet[Any]], Sequence[Any]] = list
    must_end: Q | None = None
    compiled: Compiled = field(default_factory=dict, compare=False, repr=False)


kinds: Registry[Kind] = Registry("job kinds")
# While one of these rows exists, nothing is due: asked in the very statement that claims.
brakes: Registry[Callable[[], Exists]] = Registry("brakes")


def register(kind: Kind) -> None:
    kinds.add(kind.name, kind)


def due(kind: Kind, *, interactive: bool = False) -> models.QuerySet[Any]:
    """Rows that may be claimed now, in the order in which they are to be worked."""
    return _due(kind, _priorities(interactive), clock.now()).order_by("priority", "run_after")


def is_due(kind: Kind, *, interactive: bool = False) -> bool:
    """Whether `due` has rows."""
    priorities = _priorities(interactive)
    return bool(ask(kind.compiled, ("due", priorities), partial(_one_due, kind, priorities), clock.now()))


def _one_due(kind: Kind, priorities: Sequence[int]) -> models.QuerySet[Any, Any]:
    return _due(kind, priorities, MOMENT).values_list("pk")[:1]


def _priorities(interactive: bool) -> tuple[int, ...]:
    return PRIORITIES[:1] if interactive else PRIORITIES


def _due(kind: Kind, priorities: Sequence[int], now: datetime) -> models.QuerySet[Any]:
    # Named, since PostgreSQL would otherwise read the whole index for the moments under every priority: a tick that
    # finds nothing among a million rows takes 49 ms without, and a half with.
    return kind.limit(_free(kind, priorities, now), now) if kind.limit else _free(kind, priorities, now)


def _free(kind: Kind, priorities: Sequence[int], now: datetime) -> models.QuerySet[Any]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    return _where_work_goes_on(kind).filter(free, priority__in=priorities, run_after__lte=now)


def _where_work_goes_on(kind: Kind) -> models.QuerySet[Any]:
    """Nothing is begun any more in a workspace that is being deleted, nor anywhere while a brake is on."""
    rows = rows_of(kind.model).filter(*(~brake() for brake in brakes))
    if not issubclass(kind.model, OwnedModel):
        return rows
    is_open = Q(workspace__closing_at__isnull=True)
    return rows.filter(is_open | kind.must_end if kind.must_end else is_open)


def claim(kind: Kind, *, interactive: bool = False) -> list[Any]:
    """Take up to one batch of due rows under one fresh lease token; safe against any number of claimers."""
    if not is_due(kind, interactive=interactive):
        return []
    token = uuid.uuid4()
    with transaction.atomic():
        keys = _taken_together(_locked(kind, _priorities(interactive)))
        return _taken(kind, keys, token)


def claim_beside(kind: Kind, job: LeasedJob, keys: Sequence[Any]) -> list[Any]:
    """Take those of `keys` that are due and free, past the kind's limit, under the token of a job in hand."""
    with transaction.atomic():
        rows = _free(kind, PRIORITIES, clock.now()).filter(pk__in=keys).exclude(pk=job.pk).order_by("pk")
        rows = rows.select_for_update(skip_locked=True, of=("self",))
        return _taken(kind, list(rows.values_list("pk", flat=True)), job.lease_token)


def _taken(kind: Kind, keys: Sequence[Any], token: uuid.UUID | None) -> list[Any]:
    until, claims = from_now(kind.lease), one_claim_more()
    rows = rows_of(kind.model).filter(pk__among=keys)
    if len(keys) == 1:
        change(kind.model, {"pk": keys[0]}, {"lease_token": token, "lease_until": until, "claims": claims})
    else:
        rows.update(lease_token=token, lease_until=until.expression, claims=claims.expression)
    return list(kind.load(rows.filter(lease_token=token).order_by("priority", "run_after")))


def _locked(kind: Kind, priorities: Sequence[int]) -> list[tuple[Any, int]]:
    """(key, claims) of the next rows, up to a batch: a query for each priority reads the index in its own order."""
    found: list[tuple[Any, ...]] = []
    for priority in priorities:
        room = kind.batch - len(found)
        if room:
            found += ask(
                kind.compiled, ("next", priority, room), partial(_next_rows, kind, priority, room), clock.now()
            )
    return [(key, claims) for key, claims in found]


def _next_rows(kind: Kind, priority: int, most: int) -> models.QuerySet[Any, Any]:
    rows = _due(kind, [priority], MOMENT).order_by("run_after").select_for_update(skip_locked=True, of=("self",))
    return rows.values_list("pk", "claims")[:most]


def _taken_together(rows: Sequence[tuple[Any, int]]) -> list[Any]:
    """A row that was claimed before without an end may have taken its worker down: it goes alone.

    Otherwise one such row would drag its whole batch into quarantine.
    """
    if rows and rows[0][1]:
        return [rows[0][0]]
    return [key for key, claims in rows if not claims]


def work_once(kind: Kind, *, interactive: bool = False) -> int:
    """Claim one batch and work it; how many rows were claimed. Errors end here, never in the caller."""
    jobs = claim(kind, interactive=interactive)
    poisoned = [job for job in jobs if job.claims > MAX_CLAIMS]
    for job in poisoned:
        log.error("job.quarantined", extra={"kind": kind.name, "job": str(job.pk)})
        kind.give_up(job, Permanent("job_quarantined", claims=job.claims))
    healthy = [job for job in jobs if job.claims <= MAX_CLAIMS]
    if healthy:
        with logged_with(**_named(kind, healthy)):
            _work_held(kind, healthy)
    return len(jobs)


def _named(kind: Kind, jobs: Sequence[Any]) -> dict[str, str]:
    """What every log line of this work has: the claim that it was done under, and the row where it is one."""
    fields = {"job_kind": kind.name, "claim": str(jobs[0].lease_token)}
    return fields | ({"job": str(jobs[0].pk)} if len(jobs) == 1 else {})


def _work_held(kind: Kind, jobs: list[Any]) -> None:
    began, token = time.monotonic(), jobs[0].lease_token
    _held[token] = kind
    try:
        _work(kind, jobs)
    finally:
        del _held[token]
    took = round((time.monotonic() - began) * 1000)
    log.info("job.worked", extra={"rows": len(jobs), "ms": took})


def hand_back() -> int:
    """Free every row that this process holds, as if it had not been claimed; how many. The process must end at once.

    Whoever claims one next goes on from what was persisted, as after a crash, but need not wait for a lease to run out.
    """
    unclaimed = {"lease_token": None, "lease_until": None, "claims": Greatest(F("claims") - 1, 0)}
    return sum(rows_of(kind.model).filter(lease_token=token).update(**unclaimed) for token, kind in [*_held.items()])


def _work(kind: Kind, jobs: list[Any]) -> None:
    try:
        kind.work(jobs)
    except LeaseLost:
        log.warning("job.lease_lost", extra={"kind": kind.name})
    except Transient as error:
        for job in jobs:
            job.postpone(error)
    except ExpectedError as error:
        for job in jobs:
            kind.give_up(job, error)
    except Exception:
        # A bug must not take the other rows of the queue with it. The lease stays, so that this row
        # comes back only after it has run out, and is quarantined when that happens again and again.
        log.exception("job.crashed", extra={"kind": kind.name, "jobs": [str(job.pk) for job in jobs]})


def run_due(name: str, *, interactive: bool = False, seconds: float = DRAIN_SECONDS) -> int:
    """Claim and work until nothing is due or `seconds` have passed; how many rows were claimed. Blocks."""
    kind = kinds.get(name)
    ends = time.monotonic() + seconds
    total = 0
    while time.monotonic() < ends and not stopping.is_set():
        claimed = work_once(kind, interactive=interactive)
        total += claimed
        if not claimed:
            break
        if claimed == kind.batch and not interactive and is_due(kind):
            ring(name)  # More than one batch waits: let another slot help.
    return total


def ring(name: str, *, interactive: bool = False, after: timedelta = timedelta(0)) -> None:
    """Tell the workers that `name` has due rows: after commit, without retry, never raising.

    `after` is for rows that are due within a minute: the ring comes when they are. A lost ring costs
    latency only; the tick finds the row. A broken broker must never turn a change that is committed
    into an error page.
    """
    transaction.on_commit(lambda: _publish(name, interactive, after.total_seconds()))


def _publish(name: str, interactive: bool, wait: float = 0) -> None:
    queue = kinds.get(name).queue
    if interactive and queue == "work":
        queue = "interactive"
    message = {"kind": name, "interactive": interactive}
    if wait > LONGEST_COUNTDOWN:
        return
    times = {"countdown": wait, "expires": wait + 60} if wait else {"expires": 60}
    try:
        current_app.send_task("drain", kwargs=message, queue=queue, retry=False, ignore_result=True, **times)
    except Exception as error:  # noqa: BLE001  (whatever the broker's client raises: see ring)
        log.warning("job.ring_failed", extra={"kind": name, "error": type(error).__name__})


def wait_for(reached: Callable[[], bool], *, seconds: float | None = None) -> bool:
    """Poll `reached` outside any transaction until it is true or time is up; what it said last.

    By default as long as a caller of the API waits for the row that was made due.
    """
    ends = time.monotonic() + (settings.ANSWER_WITHIN_SECONDS if seconds is None else seconds)
    pause = 0.05
    while not reached():
        if time.monotonic() >= ends:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.4)
    return True


def start_now(job: LeasedJob, **fields: Any) -> None:
    """Make a row due at once for a person who waits; repeatable. The caller rings."""
    rows_of(type(job)).filter(pk=job.pk).update(run_after=clock.now(), priority=INTERACTIVE, attempts=0, **fields)
    job.refresh_from_db()
