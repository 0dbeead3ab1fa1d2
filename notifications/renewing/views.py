"""The form of the boxes; the page that shows it is the Renew & deploy tab."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from config.lib.errors import NeedsUser, in_one_line
from domains.views import find_domain
from notifications.renewing.boxes import choose_boxes

_NUMBERS = "numbers-"


@require_POST
@workspace_view("rule.edit")
def save_boxes(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    numbers = {name.removeprefix(_NUMBERS): request.POST[name] for name in request.POST if name.startswith(_NUMBERS)}
    try:
        choose_boxes(domain=domain, actor=request.actor, ticked=request.POST.getlist("notify"), numbers=numbers)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, "Saved. This is who hears of each renewal, whether it succeeds or fails.")
    return HttpResponseRedirect(reverse("deploy:domain-deploy", args=[workspace.pk, domain.pk]) + "#notify")
