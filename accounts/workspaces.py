"""Workspaces: making them and changing their settings."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import Membership, Role, User, Workspace
from auditlog.events import Actor, record
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser

MADE_A_DAY = 20
PERSONAL_NAME = "{name}'s workspace"


def create_workspace(*, user: User, name: str, actor: Actor) -> Workspace:
    """A workspace with `user` as its admin. The name is kept as typed, only trimmed; an empty one makes it personal."""
    typed = " ".join(name.split()) if "\n" in name else name.strip()
    with transaction.atomic():
        workspace = Workspace.objects.create(name=typed or personal_name(user), is_personal=not typed)
        Membership.objects.create(user=user, workspace=workspace, role=Role.ADMIN)
        record("workspace.created", workspace_id=workspace.pk, actor=actor, data={"name": workspace.name})
        record("member.added", workspace_id=workspace.pk, actor=actor, data={"email": user.email, "role": "admin"})
    return workspace


def add_workspace(*, user: User, name: str, actor: Actor) -> Workspace:
    """`New workspace`: one more for somebody who has one. Raises NeedsUser("too_many_workspaces")."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one at a time, or the limit would be none
        today = clock.now() - timedelta(days=1)
        # Counts what was made, not what is still there.
        made = Event.unscoped.filter(actor_kind="user", actor_id=user.pk, kind="workspace.created", at__gt=today)
        if made.count() >= MADE_A_DAY:
            raise NeedsUser("too_many_workspaces", most=MADE_A_DAY)
        return create_workspace(user=user, name=name, actor=actor)


def personal_name(user: User) -> str:
    """`ann's workspace` for ann@example.com."""
    return PERSONAL_NAME.format(name=user.email.partition("@")[0])[:120]


def change_workspace(*, workspace: Workspace, actor: Actor, changes: Mapping[str, Any]) -> Workspace:
    """Set the given fields; only real differences are written and recorded. Repeatable."""
    with transaction.atomic():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        real = {name: value for name, value in changes.items() if getattr(row, name) != value}
        if not real:
            return row
        said = ", ".join(f"{name} from {getattr(row, name)} to {value}" for name, value in sorted(real.items()))
        Workspace.objects.filter(pk=row.pk).update(**real)
        record("workspace.changed", workspace_id=row.pk, actor=actor, data={"changes": said})
        row.refresh_from_db()
    return row


def sign_up(*, user: User, name: str, actor: Actor) -> Workspace:
    """What every new person gets: a workspace, admin of it, and the first line of its history."""
    with transaction.atomic():
        workspace = create_workspace(user=user, name=name, actor=actor)
        record("user.signed_up", workspace_id=workspace.pk, actor=actor)
    return workspace


def ensure_workspace(*, user: User, actor: Actor) -> Workspace:
    """The workspace to open first, the one joined first; a personal one for whoever has none. Repeatable."""
    rows = Membership.objects.open().select_related("workspace").filter(user=user)
    membership = rows.order_by("created_at", "id").first()
    return membership.workspace if membership else create_workspace(user=user, name="", actor=actor)
