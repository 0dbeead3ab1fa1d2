"""What people are told by mail about who belongs to a workspace."""

from django.conf import settings
from django.urls import reverse

from accounts.models import Invitation, Membership
from accounts.outbox import queue_mail
from auditlog.events import Actor
from config.lib import clock, wording


def mail_invitation(*, invitation: Invitation, token: str) -> None:
    """The link, which is nowhere else."""
    context = {
        "inviter": invitation.invited_by.email,
        "workspace": invitation.workspace.name,
        "role": invitation.get_role_display(),
        "email": invitation.email,
        "until": wording.day(invitation.expires_at, clock.now()),
        "action_url": _link("accounts:invitation-detail", token),
    }
    queue_mail(to=invitation.email, template="invitation", context=context)


def tell_joined(*, invitation: Invitation, membership: Membership) -> None:
    """One mail, to whoever invited."""
    _tell(
        to=invitation.invited_by.email,
        happened=f"{membership.user.email} joined {membership.workspace.name}",
        meaning=f"Their role is {membership.get_role_display()}.",
        action=("Open the team", _link("accounts:member-list", membership.workspace_id)),
        why="you invited them",
    )


def tell_role_changed(*, membership: Membership, actor: Actor) -> None:
    if actor.id == membership.user_id:
        return
    _tell(
        to=membership.user.email,
        happened=f"Your role in {membership.workspace.name} is {membership.get_role_display()} now",
        meaning=f"{actor.label} changed it. Members view domains, alerts and activity; admins do everything else.",
        action=("Open the workspace", _link("domains:domain-list", membership.workspace_id)),
        why="you belong to that workspace",
    )


def tell_removed(*, membership: Membership, actor: Actor) -> None:
    if actor.id == membership.user_id:
        return
    _tell(
        to=membership.user.email,
        happened=f"You no longer belong to {membership.workspace.name}",
        meaning=f"{actor.label} removed you. API tokens that you made there are revoked; your account stays as it is.",
        action=("Open your domains", f"{settings.SITE_URL}/"),
        why="you belonged to that workspace",
    )


def _tell(*, to: str, happened: str, meaning: str, action: tuple[str, str], why: str) -> None:
    label, url = action
    context = {"happened": happened, "meaning": meaning, "action_label": label, "action_url": url, "why_you": why}
    queue_mail(to=to, template="team_notice", context=context)


def _link(name: str, *arguments: object) -> str:
    return settings.SITE_URL + reverse(name, args=arguments)
