"""Who belongs to a workspace: roles, removals, and always somebody left who can manage it."""

import uuid

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404

from accounts.models import ApiToken, Invitation, Membership, Role, User, Workspace
from accounts.team_mail import tell_removed, tell_role_changed
from accounts.tokens import revoke_token
from auditlog.events import Actor, record
from config.lib import clock
from config.lib.errors import NeedsUser


def change_role(*, membership: Membership, role: str, actor: Actor) -> Membership:
    """Make a member an admin, or an admin a member, and tell them. Repeatable; Http404 when they are gone."""
    with transaction.atomic():
        row = _lock_membership(membership)
        before = row.role
        if before == role:
            return row
        if role != Role.ADMIN:
            _keep_an_admin(row)
            _withdraw_invitations(workspace=row.workspace, inviter=row.user, actor=actor)
        row.role = role
        row.save(update_fields=["role"])
        data = {"email": row.user.email, "role": role, "before": before}
        record("member.role_changed", workspace_id=row.workspace_id, actor=actor, data=data)
        tell_role_changed(membership=row, actor=actor)
    return row


def remove_member(*, membership: Membership, actor: Actor) -> None:
    """Shut a member out at once and tell them; Http404 when they are gone already."""
    with transaction.atomic():
        row = _lock_membership(membership)
        _end_membership(membership=row, actor=actor)
        data = {"email": row.user.email}
        record("member.removed", workspace_id=row.workspace_id, actor=actor, data=data)
        tell_removed(membership=row, actor=actor)


def leave_workspace(*, membership: Membership, actor: Actor) -> None:
    """Raises NeedsUser("last_admin"); Http404 when they are gone already."""
    with transaction.atomic():
        row = _lock_membership(membership)
        _end_membership(membership=row, actor=actor)
        record("member.left", workspace_id=row.workspace_id, actor=actor, data={"email": row.user.email})


def _end_membership(*, membership: Membership, actor: Actor) -> None:
    """Delete a membership from `_lock_membership` with all that lives by it; the caller records why.

    Its API tokens are revoked and its open invitations withdrawn for good: whoever is let in again gets neither
    back. Raises NeedsUser("last_admin").
    """
    _keep_an_admin(membership)
    _withdraw_invitations(workspace=membership.workspace, inviter=membership.user, actor=actor)
    tokens = ApiToken.objects.for_workspace(membership.workspace_id)
    for token in tokens.filter(made_by=membership.user, revoked_at=None):
        revoke_token(token=token, actor=actor)
    Membership.objects.filter(pk=membership.pk).delete()


def lock_people(workspace_id: uuid.UUID) -> None:
    """Until the transaction ends, everybody else waits who changes roles, members or invitations here."""
    Workspace.objects.select_for_update(no_key=True).filter(pk=workspace_id).first()


def _lock_membership(membership: Membership) -> Membership:
    """The membership as it is now, behind `lock_people`. Raises Http404 when it is gone."""
    lock_people(membership.workspace_id)
    row = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if row is None:
        raise Http404("no longer a member")
    return row


def _keep_an_admin(membership: Membership) -> None:
    """Raise NeedsUser("last_admin") for the last one, from `_lock_membership`, who can manage the workspace."""
    if is_last_admin(membership):
        raise NeedsUser("last_admin", email=membership.user.email)


def is_last_admin(membership: Membership) -> bool:
    others = managing_admins(membership.workspace_id).exclude(pk=membership.pk)
    return membership.role == Role.ADMIN and not others.exists()


def managing_admins(workspace_id: uuid.UUID) -> QuerySet[Membership]:
    """Whoever is disabled does not count: they cannot sign in."""
    return Membership.objects.filter(workspace_id=workspace_id, role=Role.ADMIN, user__is_active=True)


def admins_to_tell(workspace_id: uuid.UUID) -> list[User]:
    """Active admins whose address is proven to be theirs, the oldest member first."""
    rows = managing_admins(workspace_id)
    proven = rows.filter(user__emailaddress__verified=True, user__emailaddress__email=F("user__email"))
    return [row.user for row in proven.select_related("user").order_by("created_at", "id")]


def _withdraw_invitations(*, workspace: Workspace, inviter: User, actor: Actor) -> None:
    """Invitations end with their inviter's right to invite, and do not come back with it."""
    rows = Invitation.objects.for_workspace(workspace).filter(invited_by=inviter, accepted_at=None, revoked_at=None)
    for email in list(rows.values_list("email", flat=True)):
        record("member.uninvited", workspace_id=workspace.pk, actor=actor, data={"email": email})
    rows.update(revoked_at=clock.now())
