"""record(): the one verb of this room."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auditlog.kinds import KINDS
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs
from config.lib.prepared import add


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
    alerts: bool | None = None,
) -> Event:
    """Append one event inside the caller's transaction; an alerting kind also queues its reaction.

    `data` must be JSON and hold no secret; `alerts` stands in the place of what the kind says. An unknown kind is a
    bug (KeyError).
    """
    who = actor or SYSTEM
    event = Event(
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
    add(event)
    if KINDS[kind].alerts if alerts is None else alerts:
        PendingReaction.objects.create(event=event, run_after=clock.now())
    for doorbell in doorbells.get(kind, ()):
        jobs.ring(doorbell)
    return event


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`before` and `after` for an event's data: of each the fields that differ. Give it what may be shown, no secret.

    What is made has nothing before, what is deleted nothing after.
    """
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    old, new = ({name: fields[name] for name in names if name in fields} for fields in (before, after))
    return {"before": old, "after": new}


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?\Z")

# Filled by config.reactions at start-up: which queue to ring after which kind, for latency only.
doorbells: dict[str, tuple[str, ...]] = {}


def sentence(event: Event) -> str:
    """The event in words; a field that an old row lacks reads as an ellipsis."""
    told = {name: _in_words(value) for name, value in event.data.items()}
    values = _Lenient({**told, "actor": event.actor_label or "ManageMyCert", "domain": event.domain_label})
    return KINDS[event.kind].sentence.format_map(values) if event.kind in KINDS else event.kind


def _in_words(value: Any) -> Any:
    """A moment as its day, which is all that a sentence needs; everything else as it is."""
    if isinstance(value, str) and _MOMENT.match(value):
        moment = datetime.fromisoformat(value)
        return f"{moment.day} {moment:%B %Y}"
    return value


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"
