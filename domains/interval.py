"""Visits follow their workspace's Monitor interval when it is changed."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import batched
from typing import Any

from django.db import transaction

from accounts.models import Workspace
from config.lib import clock
from domains.conclusion import spread
from domains.models import Visit
from domains.writing import update_rows

SLICE = 500


def follow_interval(workspace: Workspace, changed: Mapping[str, Any]) -> None:
    """Give the verified domains the beat of the new interval, where that comes sooner than what is planned. Repeatable.

    A longer interval begins after the visits that are planned already. Outside of the change's transaction, in slices:
    visits are locked for moments only. One that is being made just now keeps the old beat once more.
    """
    if "monitor_interval_minutes" not in changed:
        return
    interval = timedelta(minutes=workspace.monitor_interval_minutes)
    # No beat of the new interval comes sooner than after half of it.
    planned = Visit.objects.for_workspace(workspace).filter(
        domain__verified_at__isnull=False, run_after__gt=clock.now() + interval / 2
    )
    for keys in batched(planned.order_by("pk").values_list("pk", flat=True), SLICE):
        _bring_forward(keys, interval)


@transaction.atomic
def _bring_forward(keys: Sequence[uuid.UUID], interval: timedelta) -> None:
    now = clock.now()
    rows = Visit.unscoped.filter(pk__in=keys, run_after__gt=now)
    # In the order in which visits lock them.
    planned = rows.select_for_update(no_key=True).order_by("pk").values_list("pk", "run_after")
    wanted = [(key, run_after, now + spread(interval, key, now)) for key, run_after in planned]
    update_rows(Visit, [{"id": key, "run_after": new} for key, old, new in wanted if old and new < old])
