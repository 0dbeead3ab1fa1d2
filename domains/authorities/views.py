"""Settings, Trusted authorities."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.views.settings import settings_page
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.authorities.forms import AuthorityForm
from domains.authorities.trusting import distrust_authority, trust_authorities
from domains.models import WorkspaceRoot

LABEL = "Trusted authorities"
PAGE = 50


@workspace_view("authority.view")
@require_safe
def list_roots(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    rows = WorkspaceRoot.objects.for_workspace(workspace).select_related("added_by").order_by("-created_at", "-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return settings_page(request, "domains/authorities.html", LABEL, page=page, now=clock.now())


@workspace_view("authority.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def add_roots(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = AuthorityForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = trust_authorities(workspace=workspace, user=request.user, actor=request.actor, given=form.given)
        except NeedsUser as error:
            form.add_expected(form.given_by, error)
        else:
            messages.success(request, _added_words(len(added)))
            return redirect("domains:root-list", workspace.pk)
    response = settings_page(request, "domains/authority_form.html", LABEL, form=form)
    response.status_code = 422 if form.errors else 200
    return response


def _added_words(count: int) -> str:
    if not count:
        return "Nothing new: this workspace trusts them already."
    what = "1 authority is" if count == 1 else f"{count} authorities are"
    return f"{what} trusted now. Your domains are looked at anew within the next minutes."


@workspace_view("authority.edit", fresh=True)
@require_POST
def remove_root(request: WorkspaceRequest, workspace: Workspace, root_id: uuid.UUID) -> HttpResponse:
    root = get_object_or_404(WorkspaceRoot.objects.for_workspace(workspace), pk=root_id)
    distrust_authority(root=root, actor=request.actor)
    messages.success(request, f"{root.subject} is no longer trusted. Your domains are looked at anew.")
    return redirect("domains:root-list", workspace.pk)
