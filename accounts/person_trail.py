"""What happens to a person's account, in the logs of those whose safety hangs on it."""

import uuid
from collections.abc import Mapping
from typing import Any

from accounts.models import Membership, User
from auditlog.events import Actor, record


def record_of_person(kind: str, *, user: User, actor: Actor, data: Mapping[str, Any] | None = None) -> None:
    """In the log of each workspace that the person belongs to; in nobody's where there is none (decision 21)."""
    rows = Membership.objects.open().filter(user=user).order_by("workspace_id")
    homes: list[uuid.UUID | None] = [*rows.values_list("workspace_id", flat=True)]
    for workspace_id in homes or [None]:
        record(kind, workspace_id=workspace_id, actor=actor, data=data)
