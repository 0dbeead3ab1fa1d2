"""Invitations: sent, sent again, revoked, and accepted by whoever has proven to own the invited address.

Nobody learns from inviting whether an address has an account: the answer and the mail are the same. The
link's token finds the invitation, the confirmed address opens it.
"""

import secrets
from datetime import timedelta
from typing import Literal

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from accounts.members import lock_people
from accounts.models import Invitation, Membership, Role, User, Workspace
from accounts.team_mail import mail_invitation, tell_joined
from accounts.token_text import token_digest
from auditlog.events import Actor, record
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser, Transient

type Standing = Literal["open", "expired", "used", "revoked", "unknown"]

OPEN_AT_MOST = 50
# Mails within a day: from one workspace, from one person wherever they invite, to one address.
MAILS_AT_MOST = 100
MAILS_TO_ONE = 5
DAY = timedelta(days=1)
SENDING = ("member.invited", "member.invited_again")


def invite_person(*, workspace: Workspace, inviter: User, actor: Actor, email: str, role: str) -> Invitation:
    """Mail a link to `email` that makes its owner a member; once more, with the new role, when one is open.

    `inviter` is the admin by whose right it stands. Raises NeedsUser and, when mails are spent, Transient.
    """
    address = email.strip().lower()
    with transaction.atomic():
        lock_people(workspace.pk)
        # One person's workspaces share a limit.
        User.objects.select_for_update(no_key=True).get(pk=inviter.pk)
        if not Workspace.objects.filter(pk=workspace.pk, closing_at=None).exists():
            raise Http404("no such workspace")
        _refuse_member(workspace, address)
        _refuse_flood(workspace, inviter, address)
        return _send(workspace=workspace, inviter=inviter, actor=actor, email=address, role=role)


def resend_invitation(*, invitation: Invitation, inviter: User, actor: Actor) -> Invitation:
    """A new link for another seven days, by the right of `inviter`; the old link stops."""
    with transaction.atomic():
        lock_people(invitation.workspace_id)
        row = open_invitations(invitation.workspace).filter(pk=invitation.pk).first()
        if row is None:
            raise NeedsUser("invitation_over")
        return invite_person(workspace=row.workspace, inviter=inviter, actor=actor, email=row.email, role=row.role)


def revoke_invitation(*, invitation: Invitation, actor: Actor) -> None:
    """At once and for good; repeatable, and without effect on one that was accepted."""
    with transaction.atomic():
        lock_people(invitation.workspace_id)
        rows = Invitation.objects.for_workspace(invitation.workspace_id).filter(pk=invitation.pk)
        if rows.filter(accepted_at=None, revoked_at=None).update(revoked_at=clock.now()):
            data = {"email": invitation.email}
            record("member.uninvited", workspace_id=invitation.workspace_id, actor=actor, data=data)


def accept_invitation(*, invitation: Invitation, user: User, actor: Actor) -> Membership:
    """Make `user` a member, once; for somebody who is one already, that membership as it is."""
    with transaction.atomic():
        lock_people(invitation.workspace_id)
        existing = (
            Membership.objects.open().select_related("workspace").filter(user=user, workspace=invitation.workspace_id)
        )
        if membership := existing.first():
            return membership
        row = _standing_rows().filter(pk=invitation.pk).first()
        if row is None or row.is_expired:
            raise NeedsUser("invitation_over")
        if not confirmed_addresses(user).filter(email=row.email).exists():
            raise NeedsUser("invitation_not_yours")
        return _join(row, user, actor)


def find_invitation(token: str) -> Invitation | None:
    """Whatever became of it; None for a token that is wrong or replaced, or whose workspace is being deleted."""
    rows = _reachable().annotate(is_vouched_for=_is_vouched_for())
    return rows.filter(digest=token_digest(token)).first()


def standing_of(invitation: Invitation | None) -> Standing:
    """What a row of `find_invitation` is good for."""
    if invitation is None:
        return "unknown"
    if invitation.accepted_at:
        return "used"
    if invitation.revoked_at or not invitation.is_vouched_for:  # type: ignore[attr-defined]
        return "revoked"
    return "expired" if invitation.is_expired else "open"


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    """Those of a workspace that can be accepted, sent again or revoked; expired ones too."""
    return _standing_rows().filter(workspace=workspace)


def invitations_to(user: User) -> QuerySet[Invitation]:
    """What `user` could accept now, the newest first: by confirmed addresses, into workspaces not joined yet."""
    joined = Membership.objects.filter(user=user, workspace=OuterRef("workspace"))
    mine = _standing_rows().filter(email__in=confirmed_addresses(user).values("email"), expires_at__gt=clock.now())
    return mine.exclude(Exists(joined)).order_by("-expires_at")


def confirmed_addresses(user: User) -> QuerySet[EmailAddress]:
    rows: QuerySet[EmailAddress] = EmailAddress.objects.filter(user=user, verified=True)
    return rows


def _reachable() -> QuerySet[Invitation]:
    """Unscoped: invitees stand outside of the workspace. One that is being deleted is not there for anybody."""
    return Invitation.unscoped.select_related("workspace", "invited_by").filter(workspace__closing_at=None)


def _is_vouched_for() -> Exists:
    """Whoever invited is an admin there still, and can sign in."""
    admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True, workspace=OuterRef("workspace"))
    return Exists(admins.filter(user=OuterRef("invited_by")))


def _standing_rows() -> QuerySet[Invitation]:
    return _reachable().filter(_is_vouched_for(), accepted_at=None, revoked_at=None)


def _send(*, workspace: Workspace, inviter: User, actor: Actor, email: str, role: str) -> Invitation:
    token = secrets.token_urlsafe(32)
    values = {
        "role": role,
        "invited_by": inviter,
        "digest": token_digest(token),
        "expires_at": clock.now() + Invitation.LIFE,
    }
    rows = Invitation.objects.for_workspace(workspace)
    row, is_new = rows.update_or_create(
        workspace=workspace, email=email, accepted_at=None, revoked_at=None, defaults=values
    )
    data = {"email": email, "role": role, "inviter": str(inviter.pk)}
    kind = "member.invited" if is_new else "member.invited_again"
    record(kind, workspace_id=workspace.pk, actor=actor, data=data)
    mail_invitation(invitation=row, token=token)
    return row


def _join(invitation: Invitation, user: User, actor: Actor) -> Membership:
    workspace = invitation.workspace
    membership = Membership.objects.create(user=user, workspace=workspace, role=invitation.role)
    rows = Invitation.objects.for_workspace(workspace).filter(pk=invitation.pk)
    rows.update(accepted_at=clock.now())
    data = {"email": user.email, "role": invitation.role, "invited_by": invitation.invited_by.email}
    record("member.added", workspace_id=workspace.pk, actor=actor, data=data)
    tell_joined(invitation=invitation, membership=membership)
    return membership


def _refuse_member(workspace: Workspace, address: str) -> None:
    """Only a confirmed address counts: whoever merely typed it in somewhere is not its owner."""
    owners = EmailAddress.objects.filter(email=address, verified=True).values("user")
    if Membership.objects.filter(workspace=workspace, user__in=owners).exists():
        raise NeedsUser("already_member", email=address)


def _refuse_flood(workspace: Workspace, inviter: User, address: str) -> None:
    """The portal's mail server is nobody's cannon."""
    if open_invitations(workspace).exclude(email=address).count() >= OPEN_AT_MOST:
        raise NeedsUser("invitations_full", limit=OPEN_AT_MOST)
    # Counts what was sent, not what is still there. Unscoped: one person's workspaces together, and all to one address.
    sent = Event.unscoped.filter(kind__in=SENDING, at__gt=clock.now() - DAY).order_by("at")
    _refuse_above(MAILS_TO_ONE, "address", sent.filter(data__email=address))
    _refuse_above(MAILS_AT_MOST, "workspace", sent.filter(workspace_id=workspace.pk))
    _refuse_above(MAILS_AT_MOST, "person", sent.filter(data__inviter=str(inviter.pk)))


def _refuse_above(limit: int, of: str, sent: QuerySet[Event]) -> None:
    times = list(sent.values_list("at", flat=True)[: limit + 1])
    if len(times) >= limit:
        raise Transient("invitation_mails_spent", retry_at=times[-limit] + DAY, limit=limit, of=of)
