"""The buttons of the Hosting card."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from config.lib.errors import Transient, in_one_line
from domains.hosting.detecting import ask_for_detection, doubt_detection
from domains.views import find_domain, return_to


@require_POST
@workspace_view("domain.inspect")
def detect(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    try:
        ask_for_detection(domain=find_domain(workspace, domain_id), actor=request.actor)
    except Transient as error:
        messages.error(request, in_one_line(error))
    return return_to(request, workspace, domain_id, "#hosting")


@require_POST
@workspace_view("domain.edit")
def doubt(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    doubt_detection(domain=find_domain(workspace, domain_id), actor=request.actor, is_doubted=True)
    return return_to(request, workspace, domain_id, "#hosting")


@require_POST
@workspace_view("domain.edit")
def trust(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    doubt_detection(domain=find_domain(workspace, domain_id), actor=request.actor, is_doubted=False)
    return return_to(request, workspace, domain_id, "#hosting")
