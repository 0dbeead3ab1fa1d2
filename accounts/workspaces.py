"""Workspaces: making them and changing their settings."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.db import transaction

from accounts.models import Membership, Role, User, Workspace
from auditlog.events import Actor, difference, record
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.registry import Registry

MADE_A_DAY = 20
PERSONAL_NAME = "{name}'s workspace"
# What the rooms do after settings have changed, each given the workspace and what is new; all are repeatable.
type Follow = Callable[[Workspace, Mapping[str, Any]], None]
followers: Registry[Follow] = Registry("followers of workspace settings")
# What the rooms put into a new workspace, in the transaction that makes it.
type Furnish = Callable[[Workspace], None]
furnishers: Registry[Furnish] = Registry("furnishers of new workspaces")


def create_workspace(*, user: User, name: str, actor: Actor) -> Workspace:
    """A workspace with `user` as its admin. The name is kept as typed, only trimmed; an empty one makes it personal."""
    typed = clean_name(name)
    with transaction.atomic():
        workspace = Workspace.objects.create(name=typed or personal_name(user), is_personal=not typed)
        Membership.objects.create(user=user, workspace=workspace, role=Role.ADMIN)
        record("workspace.created", workspace_id=workspace.pk, actor=actor, data={"name": workspace.name})
        record("member.added", workspace_id=workspace.pk, actor=actor, data={"email": user.email, "role": "admin"})
        for furnish in furnishers:
            furnish(workspace)
    return workspace


def clean_name(name: str) -> str:
    """As typed, but on one line, without spaces around it, and without what cannot be seen.

    A line break would let a name write whole paragraphs into our mails; letters that reverse the direction would
    let it look like another.
    """
    seen = "".join(" " if letter.isspace() else letter for letter in name if letter.isspace() or _is_visible(letter))
    return seen.strip()


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cn", "Co", "Cs")


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
    if "name" in changes:
        changes = {**changes, "name": clean_name(changes["name"])}
    with transaction.atomic():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        real = {name: value for name, value in changes.items() if getattr(row, name) != value}
        if not real:
            return row
        said = ", ".join(f"{name} from {getattr(row, name)} to {value}" for name, value in sorted(real.items()))
        Workspace.objects.filter(pk=row.pk).update(**real)
        told = {"changes": said, **difference({name: getattr(row, name) for name in real}, real)}
        record("workspace.changed", workspace_id=row.pk, actor=actor, data=told)
        row.refresh_from_db()
    for follow in followers:
        follow(row, real)
    return row


def require_second_factor(*, workspace: Workspace, actor: Actor, by: User, is_required: bool) -> None:
    """Whether everybody here needs one. Raises NeedsUser: nobody can require of others what they lack themselves."""
    if is_required and not is_mfa_enabled(by):
        raise NeedsUser("second_factor_of_your_own_first")
    change_workspace(workspace=workspace, actor=actor, changes={"requires_mfa": is_required})


def sign_up(*, user: User, name: str, actor: Actor) -> Workspace:
    """What every new person gets: a workspace, admin of it, and the first line of its history."""
    with transaction.atomic():
        workspace = create_workspace(user=user, name=name, actor=actor)
        record("user.signed_up", workspace_id=workspace.pk, actor=actor)
    return workspace


def ensure_workspace(*, user: User, actor: Actor) -> Workspace:
    """The workspace to open first, the one joined first; a personal one for whoever has none. Repeatable."""
    found = _first_workspace(user)
    if found:
        return found
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two tabs at once make one
        return _first_workspace(user) or create_workspace(user=user, name="", actor=actor)


def _first_workspace(user: User) -> Workspace | None:
    rows = Membership.objects.open().select_related("workspace").filter(user=user)
    membership = rows.order_by("created_at", "id").first()
    return membership.workspace if membership else None
