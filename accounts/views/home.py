"""Where everybody lands."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, account_view
from accounts.workspaces import ensure_workspace


@account_view
@require_safe
def show_home(request: WorkspaceRequest) -> HttpResponse:
    """The first workspace's domains; who has been removed everywhere gets a workspace of their own."""
    workspace = ensure_workspace(user=request.user, actor=request.actor)
    return redirect("domains:domain-list", workspace_id=workspace.pk)
