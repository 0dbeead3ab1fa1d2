"""Pages about who belongs to a workspace."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Membership, Workspace


@workspace_view("member.view")
@require_safe
def list_members(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    members = Membership.objects.select_related("user").filter(workspace=workspace).order_by("created_at", "id")
    return render(request, "accounts/members.html", {"section": "team", "members": members[:500]})
