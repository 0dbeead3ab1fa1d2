"""Pages about people: home, team, general settings, API tokens, security."""

import uuid
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view, workspace_view
from accounts.forms import TokenForm, WorkspaceForm
from accounts.models import ApiToken, Membership, Workspace
from accounts.policy import is_allowed
from accounts.tokens import make_token, revoke_token
from accounts.workspaces import change_workspace, ensure_workspace
from config.lib import clock

SETTINGS_TABS = (
    ("General", "accounts:settings-general", "workspace.view"),
    ("API tokens", "accounts:token-list", "token.view"),
    ("Security", "accounts:settings-security", "workspace.view"),
)


@account_view
@require_safe
def show_home(request: WorkspaceRequest) -> HttpResponse:
    """The first workspace's domains; who has been removed everywhere gets a workspace of their own."""
    workspace = ensure_workspace(user=request.user, actor=request.actor)
    return redirect("domains:domain-list", workspace_id=workspace.pk)


@workspace_view("member.view")
@require_safe
def list_members(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    members = Membership.objects.select_related("user").filter(workspace=workspace).order_by("created_at", "id")
    return render(request, "accounts/members.html", {"section": "team", "members": members[:500]})


@workspace_view("workspace.view")
@require_safe
def show_general(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = WorkspaceForm(instance=workspace)
    may_edit = is_allowed(request.role, "workspace.edit")
    for field in form.fields.values():
        field.disabled = not may_edit
    return _settings(request, "accounts/general.html", "General", form=form, may_edit=may_edit)


@workspace_view("workspace.edit")
@require_POST
def edit_general(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    # The form validates into its own copy: the row in the header keeps its name when the input is refused.
    form = WorkspaceForm(request.POST, instance=Workspace.objects.get(pk=workspace.pk))
    if not form.is_valid():
        return _settings(request, "accounts/general.html", "General", form=form, may_edit=True)
    change_workspace(workspace=workspace, actor=request.actor, changes=form.cleaned_data)
    messages.success(request, "Settings saved.")
    return redirect("accounts:settings-general", workspace_id=workspace.pk)


@workspace_view("token.view")
@require_safe
def list_tokens(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    rows = ApiToken.objects.for_workspace(workspace).select_related("made_by").order_by("-created_at", "id")
    return _settings(request, "accounts/tokens.html", "API tokens", tokens=rows[:200], now=clock.now())


@workspace_view("token.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def create_token(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """The secret is in this one answer and nowhere else, hence no redirect after it."""
    form = TokenForm(request.POST or None)
    if not form.is_valid():
        return _settings(request, "accounts/token_form.html", "API tokens", form=form)
    days = form.cleaned_data.pop("days")
    expires_at = clock.now() + timedelta(days=days) if days else None
    token, secret = make_token(
        workspace=workspace, maker=request.user, actor=request.actor, expires_at=expires_at, **form.cleaned_data
    )
    return _settings(request, "accounts/token_made.html", "API tokens", token=token, secret=secret)


@workspace_view("token.edit", fresh=True)
@require_POST
def revoke_one_token(request: WorkspaceRequest, workspace: Workspace, token_id: uuid.UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.for_workspace(workspace), pk=token_id)
    revoke_token(token=token, actor=request.actor)
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("accounts:token-list", workspace_id=workspace.pk)


@workspace_view("workspace.view")
@require_safe
def show_security(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    address = EmailAddress.objects.filter(user=request.user, primary=True).first()
    has_mfa = is_mfa_enabled(request.user)
    return _settings(request, "accounts/security.html", "Security", address=address, has_mfa=has_mfa)


def _settings(request: WorkspaceRequest, template: str, label: str, **context: Any) -> HttpResponse:
    """A page under Settings, below the tabs that this role may open."""
    tabs = [
        {"label": each, "url": reverse(name, args=[request.workspace.pk]), "is_current": each == label}
        for each, name, action in SETTINGS_TABS
        if is_allowed(request.role, action)
    ]
    return render(request, template, {"section": "settings", "tabs": tabs, **context})
