"""record(): the one verb of this room."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditlog.kinds import KINDS
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs


@dataclass(frozen=True)
class Actor:
    """Who did it. `kind` is user, token or system."""

    kind: str
    id: uuid.UUID | None = None
    label: str = ""
    ip: str | None = None


SYSTEM = Actor("system", label="ManageMyCert")


def record(
    kind: str,
    *,
    workspace_id: uuid.UUID | None,
    actor: Actor | None = None,
    domain_id: uuid.UUID | None = None,
    domain_label: str = "",
    run_id: uuid.UUID | None = None,
    data: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event inside the caller's transaction; an alerting kind also queues its reaction.

    `data` must be JSON and hold no secret. An unknown kind is a bug (KeyError).
    """
    who = actor or SYSTEM
    event = Event.objects.create(
        workspace_id=workspace_id,
        at=clock.now(),
        kind=kind,
        severity=KINDS[kind].severity,
        actor_kind=who.kind,
        actor_id=who.id,
        actor_label=who.label,
        actor_ip=who.ip,
        domain_id=domain_id,
        domain_label=domain_label,
        run_id=run_id,
        data=dict(data or {}),
    )
    if KINDS[kind].alerts:
        PendingReaction.objects.create(event=event, run_after=clock.now())
    for doorbell in doorbells.get(kind, ()):
        jobs.ring(doorbell)
    return event


# Filled by config.reactions at start-up: which queue to ring after which kind, for latency only.
doorbells: dict[str, tuple[str, ...]] = {}


def sentence(event: Event) -> str:
    """The event in words; a field that an old row lacks reads as an ellipsis."""
    values = _Lenient({**event.data, "actor": event.actor_label or "ManageMyCert", "domain": event.domain_label})
    return KINDS[event.kind].sentence.format_map(values) if event.kind in KINDS else event.kind


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"
