"""The Site uptime tab. Periods are plain links, and every bar has its row in the table below."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from domains.tabs import domain_context
from domains.uptime.figures import PERIODS
from domains.uptime.page import uptime_of
from domains.uptime.probing import has_website
from domains.views import find_domain


@require_GET
@workspace_view("domain.view")
def show_uptime(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    context = domain_context(domain, "uptime") | {"has_website": has_website(domain)}
    if domain.is_verified and context["has_website"]:
        period = PERIODS.get(request.GET.get("period", ""), PERIODS["24h"])
        context["shown"] = uptime_of(domain, period, timezone.get_current_timezone())
    return render(request, "domains/uptime.html", context)
