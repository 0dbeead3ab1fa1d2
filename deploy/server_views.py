"""Settings, Servers: each server of the workspace with its targets, its host key, and what failed there."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from config.lib.errors import ExpectedError, in_one_line
from deploy import server_shown as shown
from deploy.models import Server
from deploy.server_forms import ServerForm
from deploy.servers import change_server, delete_server, trust_server

LABEL = "Servers"


def find_server(workspace: Workspace, server_id: uuid.UUID) -> Server:
    return get_object_or_404(shown.find(workspace), pk=server_id)


@require_GET
@workspace_view("server.view")
def list_servers(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    page = shown.page_of_servers(workspace, request.GET.get("page"))
    servers = [shown.shown_server(row) for row in page.object_list]
    return settings_page(request, "deploy/servers/list.html", LABEL, page=page, servers=servers)


@require_GET
@workspace_view("server.view")
def show(request: WorkspaceRequest, workspace: Workspace, server_id: uuid.UUID) -> HttpResponse:
    server = find_server(workspace, server_id)
    return _page(request, server, ServerForm(server=server))


@require_POST
@workspace_view("server.edit")
def change(request: WorkspaceRequest, workspace: Workspace, server_id: uuid.UUID) -> HttpResponse:
    server = find_server(workspace, server_id)
    form = ServerForm(request.POST, server=server)
    if not form.is_valid():
        return _page(request, server, form, status=422)
    change_server(server=server, access=form.access, actor=request.actor)
    messages.success(request, "Server saved.")
    return redirect("deploy:server-show", workspace.pk, server.pk)


@require_POST
@workspace_view("server.trust")
def trust(request: WorkspaceRequest, workspace: Workspace, server_id: uuid.UUID) -> HttpResponse:
    """`Trust this key`: the fingerprint that was shown, not whatever is seen meanwhile."""
    server = find_server(workspace, server_id)
    try:
        trust_server(server=server, fingerprint=request.POST.get("fingerprint", ""), actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"The host key of {server.label} is trusted from now on.")
    return redirect("deploy:server-show", workspace.pk, server.pk)


@require_http_methods(["GET", "POST"])
@workspace_view("server.edit")
def delete(request: WorkspaceRequest, workspace: Workspace, server_id: uuid.UUID) -> HttpResponse:
    server = find_server(workspace, server_id)
    if request.method == "POST":
        try:
            delete_server(server=server, actor=request.actor)
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
            return redirect("deploy:server-show", workspace.pk, server.pk)
        messages.success(request, f"{server.label} is forgotten, and its key destroyed.")
        return redirect("deploy:server-list", workspace.pk)
    context = {
        "section": "settings",
        "title": f"Forget {server.label}?",
        "text": "Its key is destroyed here. What lies on the server stays, as does the line in authorized_keys.",
        "label": "Forget server",
        "back_url": reverse("deploy:server-show", args=[workspace.pk, server.pk]),
    }
    return render(request, "confirm_page.html", context)


def _page(request: WorkspaceRequest, server: Server, form: ServerForm, *, status: int = 200) -> HttpResponse:
    page = shown.page_of_targets(server, request.GET.get("page"))
    # The lines to paste are of use only when they are all of them.
    every = list(shown.targets_on(server))
    context = {
        "server": server,
        "form": form,
        "health": shown.shown_server(server).health,
        "is_changed": shown.is_changed(server),
        "page": page,
        "targets": page.object_list,
        "runs": shown.last_runs(server),
        "user_lines": shown.user_lines(server, every),
        "sudo_lines": shown.sudo_lines(server, every),
        "may_edit": is_allowed(request.role, "server.edit"),
        "may_trust": is_allowed(request.role, "server.trust"),
    }
    answer = settings_page(request, "deploy/servers/show.html", LABEL, **context)
    answer.status_code = status
    return answer
