"""The button of the Addresses card."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from config.lib.errors import Transient, in_one_line
from domains.addresses.checking import ask_for_addresses
from domains.views import find_domain


@require_POST
@workspace_view("domain.inspect")
def check(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    try:
        ask_for_addresses(domain=find_domain(workspace, domain_id), actor=request.actor)
    except Transient as error:
        messages.error(request, in_one_line(error))
    overview = reverse("domains:domain-overview", args=[workspace.pk, domain_id])
    return HttpResponseRedirect(f"{overview}#addresses")
