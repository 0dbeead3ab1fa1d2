"""What an invited person sees: the mailed link, and the list of what awaits them."""

import uuid
from typing import Literal

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view, public_view
from accounts.invitations import (
    accept_invitation,
    confirmed_addresses,
    find_invitation,
    invitations_to,
    standing_of,
)
from accounts.models import Invitation, Membership
from config.lib.errors import ExpectedError, in_one_line

type Reader = Literal["stranger", "invited", "unconfirmed", "other"]

LIST_AT_MOST = 50


@public_view("the mailed link: it tells what it is about and changes nothing")
@cache_control(no_store=True)
@require_safe
def show_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A link that no longer opens anything names neither the workspace nor anybody in it."""
    invitation = find_invitation(token)
    if invitation and _is_member(request, invitation):
        return redirect("domains:domain-list", workspace_id=invitation.workspace_id)
    standing = standing_of(invitation)
    if invitation is None or standing != "open":
        status = 404 if invitation is None else 410
        return render(request, "accounts/invitation_over.html", {"standing": standing}, status=status)
    context = {
        "invitation": invitation,
        "reader": _reader(request, invitation),
        "login_query": urlencode({REDIRECT_FIELD_NAME: request.path}),
        "signup_query": urlencode({REDIRECT_FIELD_NAME: request.path, "email": invitation.email}),
    }
    return render(request, "accounts/invitation.html", context)


@account_view
@require_safe
def list_invitations(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "accounts/invitations.html", {"invitations": invitations_to(request.user)[:LIST_AT_MOST]})


@account_view
@require_POST
def accept_one_invitation(request: WorkspaceRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Unscoped: the invitee stands outside of the workspace. To everybody else the row is not there."""
    mine = Invitation.unscoped.filter(email__in=confirmed_addresses(request.user).values("email"))
    invitation = get_object_or_404(mine, pk=invitation_id)
    try:
        membership = accept_invitation(invitation=invitation, user=request.user, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
        return redirect("accounts:invitation-list")
    workspace = membership.workspace
    messages.success(request, f"You belong to {workspace.name} now, as {membership.get_role_display()}.")
    return redirect("domains:domain-list", workspace_id=workspace.pk)


def _reader(request: HttpRequest, invitation: Invitation) -> Reader:
    """Who looks at the link. An account that only claims the address is led to confirm it."""
    if not request.user.is_authenticated:
        return "stranger"
    claimed = EmailAddress.objects.filter(user_id=request.user.pk, email=invitation.email).order_by("-verified").first()
    if claimed is None:
        return "other"
    return "invited" if claimed.verified else "unconfirmed"


def _is_member(request: HttpRequest, invitation: Invitation) -> bool:
    if not request.user.is_authenticated:
        return False
    return Membership.objects.filter(user_id=request.user.pk, workspace=invitation.workspace_id).exists()
