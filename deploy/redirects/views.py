"""`Fix ACME redirect` in a target's row: look, `Apply this change`, `Undo`."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from config.lib.errors import ExpectedError, in_one_line
from deploy.models import Target, TargetRun
from deploy.redirects.starting import start_fix
from deploy.views import find_target, keep_and_look, tab_url

Deed = TargetRun.Deed


@require_POST
@workspace_view("target.edit")
def look(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    """What was typed is kept first, as for every look."""
    target = find_target(workspace, target_id)
    try:
        return keep_and_look(request, target.domain, str(target.pk), partial(start_fix, deed=Deed.LOOK))
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
        return _to_row(target)


@require_POST
@workspace_view("target.edit")
def apply(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    """What was shown, from the settings as they are stored."""
    return _start(request, find_target(workspace, target_id), Deed.APPLY)


@require_POST
@workspace_view("target.edit")
def undo(request: WorkspaceRequest, workspace: Workspace, target_id: uuid.UUID) -> HttpResponse:
    return _start(request, find_target(workspace, target_id), Deed.UNDO)


def _start(request: WorkspaceRequest, target: Target, deed: TargetRun.Deed) -> HttpResponse:
    try:
        start_fix(target=target, deed=deed, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    return _to_row(target)


def _to_row(target: Target) -> HttpResponse:
    return HttpResponseRedirect(f"{tab_url(target.domain)}#server-{target.pk}")
