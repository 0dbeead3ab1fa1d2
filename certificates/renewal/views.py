"""Turning renewal on and off on the Let's Encrypt tab."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from certificates.renewal.plan import RENEWING, Automation, set_automation
from config.lib.errors import NeedsUser, in_one_line
from domains.models import Mode
from domains.views import find_domain


@require_POST
@workspace_view("certificate.issue")
def turn_on(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    said = "It renews by itself from now on."
    domain = find_domain(workspace, domain_id)
    mode = Mode(domain.mode) if domain.mode in RENEWING else Mode.DNS
    return _set(request, workspace, domain_id, Automation(mode, auto_renew=True), said)


@require_POST
@workspace_view("certificate.issue")
def turn_off(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    said = "Nobody renews it by itself any more. Certificates on file stay."
    return _set(request, workspace, domain_id, Automation(auto_renew=False), said)


def _set(
    request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID, wanted: Automation, said: str
) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    try:
        set_automation(domain=domain, actor=request.actor, wanted=wanted)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, said)
    return redirect("certificates:domain-issue", workspace.pk, domain_id)
