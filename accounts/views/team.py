"""Team: who belongs to a workspace, and who is invited."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.forms import InviteForm, RoleForm
from accounts.invitations import invite_person, open_invitations, resend_invitation, revoke_invitation
from accounts.members import change_role, managing_admins, remove_member
from accounts.models import Invitation, Membership, Workspace
from accounts.policy import is_allowed
from config.lib.errors import ExpectedError, in_one_line

# Each row of an admin carries its own forms, and a page weighs less than 100 KB.
PAGE = 25


@workspace_view("member.view")
@require_safe
def list_members(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    rows = Membership.objects.filter(workspace=workspace)
    listed = Paginator(rows.select_related("user").order_by("user__email", "pk"), PAGE)
    context: dict[str, Any] = {"section": "team", "page": listed.get_page(request.GET.get("page"))}
    if is_allowed(request.role, "member.edit"):
        context["may_edit"] = True
        context["is_only_admin"] = managing_admins(workspace.pk).count() == 1
        context["invitations"] = list(open_invitations(workspace).order_by("-expires_at", "pk"))
    return render(request, "accounts/members.html", context)


@workspace_view("member.edit", fresh=True)
@require_POST
def edit_role(request: WorkspaceRequest, workspace: Workspace, member_id: uuid.UUID) -> HttpResponse:
    membership = _find_member(workspace, member_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role. Nothing was changed.")
    else:
        try:
            row = change_role(membership=membership, role=form.cleaned_data["role"], actor=request.actor)
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        else:
            messages.success(request, f"{row.user.email} is {row.get_role_display()} now.")
    return redirect("accounts:member-list", workspace_id=workspace.pk)


@workspace_view("member.edit", fresh=True)
@require_POST
def remove_one_member(request: WorkspaceRequest, workspace: Workspace, member_id: uuid.UUID) -> HttpResponse:
    membership = _find_member(workspace, member_id)
    try:
        remove_member(membership=membership, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"{membership.user.email} no longer belongs to {workspace.name}.")
        if membership.user_id == request.user.pk:
            return redirect("accounts:home")
    return redirect("accounts:member-list", workspace_id=workspace.pk)


@workspace_view("member.invite", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = InviteForm(request.POST or None)
    if form.is_valid():
        try:
            invite_person(workspace=workspace, inviter=request.user, actor=request.actor, **form.cleaned_data)
        except ExpectedError as error:
            form.add_error("email", in_one_line(error))
        else:
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("accounts:member-list", workspace_id=workspace.pk)
    return render(request, "accounts/invite.html", {"section": "team", "form": form})


@workspace_view("member.invite", fresh=True)
@require_POST
def resend_one_invitation(request: WorkspaceRequest, workspace: Workspace, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = _find_invitation(workspace, invitation_id)
    try:
        resend_invitation(invitation=invitation, inviter=request.user, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"A new link is on its way to {invitation.email}. The one before has stopped.")
    return redirect("accounts:member-list", workspace_id=workspace.pk)


@workspace_view("member.invite", fresh=True)
@require_POST
def revoke_one_invitation(request: WorkspaceRequest, workspace: Workspace, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = _find_invitation(workspace, invitation_id)
    revoke_invitation(invitation=invitation, actor=request.actor)
    messages.success(request, f"The invitation of {invitation.email} is revoked.")
    return redirect("accounts:member-list", workspace_id=workspace.pk)


def _find_member(workspace: Workspace, member_id: uuid.UUID) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user").filter(workspace=workspace), pk=member_id)


def _find_invitation(workspace: Workspace, invitation_id: uuid.UUID) -> Invitation:
    rows = Invitation.objects.for_workspace(workspace).select_related("workspace")
    return get_object_or_404(rows, pk=invitation_id)
