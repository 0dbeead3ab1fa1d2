"""The jobs of a workspace that is being deleted: taken off the queues, and waited for."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.jobs import Kind, kinds
from config.lib.scoping import OwnedModel

SHOWN_AT_WORK = 5


def rest_workspace(workspace_id: uuid.UUID) -> None:
    """Take every row of a workspace that is being deleted off the queues; what runs or must end stays. Repeatable.

    It also waits for claims that began before the workspace was closed: after this call each of them
    either has its lease, and `at_work` tells it, or finds nothing.
    """
    for kind, rows in _owned_rows(workspace_id):
        free = rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=Now()), run_after__isnull=False)
        if kind.must_end:
            # By key: an UPDATE cannot follow `must_end` into other tables.
            free = free.exclude(pk__in=rows.filter(kind.must_end).values("pk"))
        free.update(run_after=None)


def at_work(workspace_id: uuid.UUID) -> list[str]:
    """What workers hold of a workspace, and what must end there before its rows may go; empty: nothing."""
    found = []
    for kind, rows in _owned_rows(workspace_id):
        held = Q(lease_until__gte=Now())
        busy = rows.filter(held | (kind.must_end & Q(run_after__isnull=False)) if kind.must_end else held)
        found += [f"{kind.model._meta.verbose_name} {job}" for job in busy[:SHOWN_AT_WORK]]
    return found


def _owned_rows(workspace_id: uuid.UUID) -> Iterator[tuple[Kind, models.QuerySet[Any]]]:
    for kind in kinds:
        if issubclass(kind.model, OwnedModel):
            yield kind, kind.model.objects.for_workspace(workspace_id)
