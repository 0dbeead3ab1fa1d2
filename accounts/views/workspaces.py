"""Workspaces: one more, leaving one, deleting one."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, account_view, workspace_view
from accounts.closing import close_workspace, contents_of
from accounts.forms import ConfirmForm, NewWorkspaceForm
from accounts.members import leave_workspace
from accounts.models import Membership, Workspace
from accounts.views.settings import settings_page
from accounts.workspaces import add_workspace
from config.lib.errors import NeedsUser, in_one_line

PAGE = 100


@account_view
@require_safe
def list_all(request: WorkspaceRequest) -> HttpResponse:
    """The menu shows the first few; agencies have more."""
    rows = Membership.objects.open().filter(user=request.user).select_related("workspace")
    page = Paginator(rows.order_by("workspace__name", "pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/workspaces.html", {"page": page})


@account_view
@require_http_methods(["GET", "HEAD", "POST"])
def create_one(request: WorkspaceRequest) -> HttpResponse:
    form = NewWorkspaceForm(request.POST or None)
    if form.is_valid():
        try:
            workspace = add_workspace(user=request.user, name=form.cleaned_data["name"], actor=request.actor)
        except NeedsUser as error:
            form.add_error(None, in_one_line(error))
        else:
            messages.success(request, f"{workspace.name} is ready.")
            return redirect("domains:domain-list", workspace_id=workspace.pk)
    return render(request, "accounts/workspace_form.html", {"form": form})


@workspace_view("workspace.leave", fresh=True)
@require_POST
def leave(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    try:
        leave_workspace(membership=request.membership, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
        return redirect("accounts:settings-general", workspace_id=workspace.pk)
    messages.success(request, f"You have left {workspace.name}.")
    return redirect("accounts:home")


@workspace_view("workspace.delete", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Everything that will be destroyed, and the name to be typed; a page of its own, since it cannot be undone."""
    form = ConfirmForm(request.POST or None, expected=workspace.name)
    if form.is_valid():
        close_workspace(workspace=workspace, actor=request.actor)
        messages.success(request, f"{workspace.name} is gone, and everything in it is being destroyed.")
        return redirect("accounts:home")
    held = contents_of(workspace.pk)[workspace.pk]
    return settings_page(request, "accounts/workspace_delete.html", "General", form=form, held=held)
