"""`Rehearse now` on the Renew & deploy tab, and the switch beside it."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib.errors import ExpectedError, in_one_line
from deploy.readiness.asking import ask_now, switch_rehearsals
from deploy.readiness.showing import readiness_of
from deploy.views import tab_url
from domains.models import Domain
from domains.views import find_domain


@require_POST
@workspace_view("target.test")
def rehearse(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    try:
        ask_now(domain=domain, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    return _to_panel(domain)


@require_POST
@workspace_view("target.edit")
def switch(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`on` in the form is empty or not."""
    domain = find_domain(workspace, domain_id)
    is_on = bool(request.POST.get("on"))
    try:
        switch_rehearsals(domain=domain, is_on=is_on, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, "Rehearsals are on." if is_on else "Rehearsals are off.")
    return _to_panel(domain)


@require_GET
@workspace_view("target.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """The panel alone, for the page that polls it."""
    domain = find_domain(workspace, domain_id)
    if not request.htmx:
        return redirect("deploy:domain-deploy", workspace.pk, domain.pk)
    context = {
        "domain": domain,
        "readiness": readiness_of(domain),
        "may_rehearse": is_allowed(request.role, "target.test"),
        "may_edit": is_allowed(request.role, "target.edit"),
    }
    return render(request, "deploy/readiness/_panel.html", context)


def _to_panel(domain: Domain) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{tab_url(domain)}#readiness")
