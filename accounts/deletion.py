"""Deleting an account: what stands in the way, what goes with it, and what stays."""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse

from accounts.access import has_verified_email
from accounts.closing import close_workspace
from accounts.members import leave_workspace
from accounts.models import Membership, PlatformMail, Role, User, Workspace
from accounts.outbox import queue_mail
from auditlog.events import Actor, record
from config.lib.crash import crash_here
from config.lib.errors import NeedsUser


@dataclass(frozen=True)
class Ties:
    """Somebody's workspaces: `stuck` would be left without an admin, `alone` have nobody else, `shared` go on."""

    stuck: Sequence[Workspace]
    alone: Sequence[Workspace]
    shared: Sequence[Membership]


def ties_of(user: User) -> Ties:
    """One query, however many there are."""
    is_admin = Q(workspace__memberships__role=Role.ADMIN, workspace__memberships__user__is_active=True)
    rows = Membership.objects.open().filter(user=user).select_related("workspace")
    rows = rows.annotate(
        people=Count("workspace__memberships"), admins=Count("workspace__memberships", filter=is_admin)
    ).order_by("workspace__name", "id")
    stuck, alone, shared = [], [], []
    for row in rows:
        if row.people == 1:
            alone.append(row.workspace)
        elif row.role == Role.ADMIN and row.admins == 1:
            stuck.append(row.workspace)
        else:
            shared.append(row)
    return Ties(stuck, alone, shared)


def delete_account(*, user: User, actor: Actor, kind: str = "user.deleted") -> None:
    """The account and everything that is only this person's, at once; events keep its id and its label.

    Workspaces without anybody else are closed with it, of the others it leaves. Raises
    NeedsUser("last_admin_elsewhere"), and then nothing was changed.
    """
    with transaction.atomic():
        row = _lock(user)
        if row is None:
            return
        ties = ties_of(row)
        if ties.stuck:
            raise NeedsUser("last_admin_elsewhere", email=row.email, names=[each.name for each in ties.stuck])
        if any(each.requires_mfa for each in ties.alone) and not is_mfa_enabled(row) and actor.kind == "user":
            raise NeedsUser("second_factor_required")
        for workspace in ties.alone:
            close_workspace(workspace=workspace, actor=actor, tell=False)
        for membership in ties.shared:
            leave_workspace(membership=membership, actor=actor)
        closed = [each.name for each in ties.alone]
        record(kind, workspace_id=None, actor=actor, data={"email": row.email, "id": str(row.pk), "closed": closed})
        _forget_mails(row, closed)
        row.delete()
        crash_here("account.rows_gone")
    crash_here("account.deleted")


def _lock(user: User) -> User | None:
    """The workspaces first, as everybody does who changes who belongs there; nobody joins or is let in meanwhile."""
    belongs = Membership.objects.filter(user=user).values("workspace_id")
    list(Workspace.objects.select_for_update().filter(pk__in=belongs).order_by("pk"))
    return User.objects.select_for_update().filter(pk=user.pk).first()


def _forget_mails(user: User, closed: list[str]) -> None:
    """What was mailed to the address goes, but for one last mail. An address that was never proven is a stranger's."""
    if not has_verified_email(user):
        return
    PlatformMail.objects.filter(to=user.email).exclude(state=PlatformMail.State.WAITING).delete()
    page = f"{settings.SITE_URL}{reverse('account_signup')}"
    queue_mail(to=user.email, template="account_deleted", context={"closed": closed, "action_url": page})
