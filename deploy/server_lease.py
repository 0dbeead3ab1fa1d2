"""One run at a time on a server or panel: no reload of ours falls between another run's renames.

Held under the lease token of the claim, so that a worker whose run was claimed again neither keeps nor frees it;
reserved under the run's id while a run that is half-done waits for its next claim.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from config.lib import jobs
from config.lib.errors import NeedsUser
from config.lib.leases import from_now, held_for
from config.lib.prepared import change
from deploy.models import PanelAccount, Server, TargetRun

SECONDS = 90
# So that a deployment always finds a free worker; two of them are kept for people.
REHEARSALS_AT_ONCE = min(4, max(1, (settings.WORKER_CONCURRENCY - 2) // 4))
# Between two sets of files: the journal says so, and only a run that goes on or back ends it.
HALF_DONE = Q(
    kind__in=(TargetRun.Kind.DEPLOY, TargetRun.Kind.UNDO),
    state__in=TargetRun.OPEN_STATES,
    target__journal__isnull=False,
) | Q(
    kind=TargetRun.Kind.FIX_REDIRECT,
    deed__in=(TargetRun.Deed.APPLY, TargetRun.Deed.UNDO),
    state__in=TargetRun.OPEN_STATES,
    target__redirect_fix__phase__in=("changing", "putting_back"),
)


def refuse_half_done(server: Server, **of: Any) -> None:
    """Raises NeedsUser target_half_done while a run is between two sets of files there, `of` all its targets or some.

    The journal, which alone knows the way on or back, would be forgotten. Locks the server: nothing is begun meanwhile,
    since what is written to the journal needs the server too. Call inside a transaction.
    """
    Server.unscoped.select_for_update(no_key=True).filter(pk=server.pk).first()
    if TargetRun.unscoped.filter(HALF_DONE, state=TargetRun.State.RUNNING, server=server, **of).exists():
        raise NeedsUser("target_half_done", host=server.label)


def has_one(run: TargetRun) -> bool:
    """Whether there is anything to hold: server and account may have been deleted.

    A rehearsal changes nothing on a server, so it holds none: no deployment waits for it.
    """
    if run.kind == TargetRun.Kind.REHEARSE:
        return bool(run.panel_account_id)
    return bool(run.server_id or run.panel_account_id)


def _rows(run: TargetRun) -> QuerySet[Server] | QuerySet[PanelAccount]:
    """The server of the run, or the panel account."""
    if run.panel_account_id:
        return PanelAccount.unscoped.filter(pk=run.panel_account_id)
    return Server.unscoped.filter(Q(pk=run.server_id))


def _change(run: TargetRun, token: uuid.UUID | None, **values: Any) -> bool:
    """Write to the server or account of the run while it is held under `token`; whether it is."""
    model, key = (PanelAccount, run.panel_account_id) if run.panel_account_id else (Server, run.server_id)
    return bool(change(model, {"pk": key, "lease_token": token}, values))


def take(run: TargetRun) -> bool:
    """Take the server of a claimed run, unless another claim has it. Repeatable."""
    own = Q(lease_token=run.pk) | Q(lease_token=run.lease_token)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now()) | own
    rows = _rows(run).filter(free)
    return bool(rows.update(lease_token=run.lease_token, lease_until=Now() + timedelta(seconds=SECONDS)))


def hold(run: TargetRun, seconds: float) -> None:
    """Keep the server for `seconds` from now, or as long as another run of the claim has it.

    Raises jobs.LeaseLost when it is not this claim's any more.
    """
    if not has_one(run):
        return
    if not _change(run, run.lease_token, lease_until=held_for(seconds)):
        raise jobs.LeaseLost(str(run.pk))


def is_held(run: TargetRun, token: uuid.UUID | None) -> bool:
    """Whether the server is this claim's. Inside a transaction it stays so until that one ends."""
    rows = _rows(run).filter(lease_token=token, lease_token__isnull=False).values_list("pk", flat=True)
    return rows.select_for_update(no_key=True).first() is not None


def require_held(run: TargetRun) -> None:
    """Raises jobs.LeaseLost when the server is not this claim's any more. Call inside a transaction."""
    if not is_held(run, run.lease_token):
        raise jobs.LeaseLost(str(run.pk))


def give_back(run: TargetRun, token: uuid.UUID | None) -> None:
    """Let the next run have the server that this claim held; no harm when somebody else has it by now."""
    _change(run, token, lease_token=None, lease_until=None)


def reserve(run: TargetRun, token: uuid.UUID | None, wait: timedelta) -> None:
    """Keep the server that this claim held for the run's next claim, which is due after `wait`."""
    _change(run, token, lease_token=run.pk, lease_until=from_now(wait + timedelta(seconds=SECONDS)))


def leave_busy_out(rows: QuerySet[TargetRun], now: datetime) -> QuerySet[TargetRun]:
    """Runs whose server nobody else is working on, and where no other run is half-done.

    The others are not worth a claim yet: a reload of theirs would bring half of a set into use.
    """
    busy = Q(server__lease_until__gte=Now()) & ~Q(server__lease_token=F("pk"))
    busy_panel = Q(panel_account__lease_until__gte=Now()) & ~Q(panel_account__lease_token=F("pk"))
    half_done = TargetRun.unscoped.filter(HALF_DONE, server=OuterRef("server"), run_after__lte=now)
    free = _few_rehearsals(rows.exclude(busy).exclude(busy_panel), now)
    return free.filter(HALF_DONE | Q(target__journal__isnull=False) | ~Exists(half_done))


def _few_rehearsals(rows: QuerySet[TargetRun], now: datetime) -> QuerySet[TargetRun]:
    """Of the rehearsals that nobody waits for only so many at a time: a deployment always finds a free worker."""
    held = {"lease_until__gte": Now(), "run_after__lte": now, "priority": jobs.BACKGROUND}
    at_work = TargetRun.unscoped.filter(kind=TargetRun.Kind.REHEARSE, **held).order_by("run_after")
    is_full = Exists(at_work[REHEARSALS_AT_ONCE - 1 : REHEARSALS_AT_ONCE])
    return rows.filter(~Q(kind=TargetRun.Kind.REHEARSE) | Q(priority=jobs.INTERACTIVE) | ~is_full)
