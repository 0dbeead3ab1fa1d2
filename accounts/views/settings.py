"""Settings: General and Security, and the frame of every page below Settings."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.forms import WorkspaceForm
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.workspaces import change_workspace, is_last_admin

SETTINGS_TABS = (
    ("General", "accounts:settings-general", "workspace.view"),
    ("API tokens", "accounts:token-list", "token.view"),
    ("Security", "accounts:settings-security", "workspace.view"),
)


@workspace_view("workspace.view")
@require_safe
def show_general(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = WorkspaceForm(instance=workspace)
    if not is_allowed(request.role, "workspace.edit"):
        for field in form.fields.values():
            field.disabled = True
    return _general(request, form)


@workspace_view("workspace.edit")
@require_POST
def edit_general(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    # The form validates into its own copy: the row in the header keeps its name when the input is refused.
    form = WorkspaceForm(request.POST, instance=Workspace.objects.get(pk=workspace.pk))
    if not form.is_valid():
        return _general(request, form)
    change_workspace(workspace=workspace, actor=request.actor, changes=form.cleaned_data)
    messages.success(request, "Settings saved.")
    return redirect("accounts:settings-general", workspace_id=workspace.pk)


def _general(request: WorkspaceRequest, form: WorkspaceForm) -> HttpResponse:
    may = {verb: is_allowed(request.role, f"workspace.{verb}") for verb in ("edit", "delete")}
    is_last = is_last_admin(request.membership)
    return settings_page(request, "accounts/general.html", "General", form=form, may=may, is_last_admin=is_last)


@workspace_view("workspace.view")
@require_safe
def show_security(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    address = EmailAddress.objects.filter(user=request.user, primary=True).first()
    has_mfa = is_mfa_enabled(request.user)
    return settings_page(request, "accounts/security.html", "Security", address=address, has_mfa=has_mfa)


def settings_page(request: WorkspaceRequest, template: str, label: str, **context: Any) -> HttpResponse:
    """A page under Settings, below the tabs that this role may open."""
    tabs = [
        {"label": each, "url": reverse(name, args=[request.workspace.pk]), "is_current": each == label}
        for each, name, action in SETTINGS_TABS
        if is_allowed(request.role, action)
    ]
    return render(request, template, {"section": "settings", "tabs": tabs, **context})
