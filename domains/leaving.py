"""What rooms above have to put away when a domain is deleted; rows that belong to it alone go by themselves."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator

from django.db import transaction
from django.db.models import QuerySet

from config.lib.jobs import LeasedJob, rows_of
from config.lib.registry import Registry
from domains.models import Domain

# The transactions of workers end within moments; whoever deletes tries so long to find none of them at work.
PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.02

# Called inside the transaction that deletes it, while the domain and its rows are still there.
type Leave = Callable[[Domain], None]

steps: Registry[Leave] = Registry("steps of a domain's leaving")


def put_away(domain: Domain) -> None:
    for leave in steps:
        leave(domain)


def hold(keys: Collection[uuid.UUID]) -> None:
    """Lock these domains with every job that hangs on them. Inside a transaction that has locked none of them yet.

    All or none: a worker has its job and wants the domain, a change of settings has the domain and wants a job, and
    whoever waited for the one while it held the other would wait for somebody who waits for it.
    """
    ends = time.monotonic() + PATIENCE_SECONDS
    while not _are_held(keys) and time.monotonic() < ends:
        time.sleep(_PAUSE_SECONDS)


def _are_held(keys: Collection[uuid.UUID]) -> bool:
    with transaction.atomic():
        if all(_is_held(rows) for rows in _rows_of(keys)):
            return True
        transaction.set_rollback(True)  # It frees what was locked so far.
    return False


def _is_held(rows: QuerySet[Domain] | QuerySet[LeasedJob]) -> bool:
    free = rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    return set(rows.values_list("pk", flat=True)) <= set(free)


def _rows_of(keys: Collection[uuid.UUID]) -> Iterator[QuerySet[Domain] | QuerySet[LeasedJob]]:
    yield Domain.unscoped.filter(pk__in=keys)
    for relation in Domain._meta.related_objects:
        if issubclass(relation.related_model, LeasedJob):
            yield rows_of(relation.related_model).filter(**{f"{relation.field.name}__in": keys})
