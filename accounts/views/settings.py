"""Settings: General and Security, and the frame of every page below Settings."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.forms import WorkspaceForm
from accounts.members import is_last_admin
from accounts.models import Membership, Workspace
from accounts.policy import is_allowed
from accounts.sessions import live_sessions
from accounts.workspaces import change_workspace, require_second_factor
from config.lib.errors import NeedsUser, in_one_line

SETTINGS_TABS = (
    ("General", "accounts:settings-general", "workspace.view"),
    ("Notification gateways", "notifications:gateway-list", "gateway.view"),
    ("Alert templates", "notifications:template-list", "template.view"),
    ("Alert rules", "notifications:rule-list", "rule.view"),
    ("API tokens", "accounts:token-list", "token.view"),
    ("Trusted authorities", "domains:root-list", "authority.view"),
    ("Certificate authorities", "certificates:ca-list", "ca.view"),
    ("DNS providers", "certificates:dns-provider-list", "dns_provider.view"),
    ("Servers", "deploy:server-list", "server.view"),
    ("Feeds", "domains:feed-list", "feed.view"),
    ("Billing", "billing:home", "billing.view"),
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
    people = Membership.objects.filter(workspace=workspace)
    context = {
        "address": EmailAddress.objects.filter(user=request.user, primary=True).first(),
        "has_mfa": is_mfa_enabled(request.user),
        "session_count": live_sessions(request.user).count(),
        "people": people.count(),
        "without_mfa": people.exclude(user__in=Authenticator.objects.values("user")).count(),
        "may_secure": is_allowed(request.role, "workspace.secure"),
    }
    return settings_page(request, "accounts/security.html", "Security", **context)


@workspace_view("workspace.secure", fresh=True)
@require_POST
def secure_workspace(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    is_required = request.POST.get("requires_mfa") == "on"
    try:
        require_second_factor(workspace=workspace, actor=request.actor, by=request.user, is_required=is_required)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(
            request, "Two-step sign-in is required now." if is_required else "It is up to each person now."
        )
    return redirect("accounts:settings-security", workspace_id=workspace.pk)


def settings_page(request: WorkspaceRequest, template: str, label: str, **context: Any) -> HttpResponse:
    """A page under Settings, below the tabs that this role may open."""
    tabs = [
        {"label": each, "url": reverse(name, args=[request.workspace.pk]), "is_current": each == label}
        for each, name, action in SETTINGS_TABS
        # Where nothing costs anything, nothing says that it could.
        if is_allowed(request.role, action) and (action != "billing.view" or settings.STRIPE_SECRET_KEY)
    ]
    return render(request, template, {"section": "settings", "tabs": tabs, **context})
