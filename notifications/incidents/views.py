"""The Alerts tab of a domain. It works without a script."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib import clock
from config.lib.errors import NeedsUser, in_one_line
from domains.models import Finding
from domains.tabs import domain_context
from domains.views import find_domain
from notifications.incidents.acknowledging import acknowledge, unacknowledge
from notifications.incidents.forms import NoteForm
from notifications.incidents.shown import coming_of, incidents_of, sent_of


@require_GET
@workspace_view("rule.view")
def show_alerts(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    context = {
        "incidents": [(one, _form(one.finding)) for one in incidents_of(domain)],
        "coming": coming_of(domain, clock.now()),
        "sent": sent_of(domain),
        "may_acknowledge": is_allowed(request.role, "finding.acknowledge"),
        # Who gets what is the admins' business, as in the list of deliveries.
        "may_see_places": is_allowed(request.role, "rule.edit"),
    }
    return render(request, "notifications/incidents/alerts.html", domain_context(domain, "alerts") | context)


def _form(finding: Finding) -> NoteForm:
    """Its own names, since a page has one for each finding."""
    return NoteForm(initial={"note": finding.note}, auto_id=f"note-{finding.pk}-%s")


def find_finding(workspace: Workspace, domain_id: uuid.UUID, finding_id: uuid.UUID) -> Finding:
    domain = find_domain(workspace, domain_id)
    return get_object_or_404(Finding.objects.for_workspace(workspace), domain=domain, pk=finding_id)


@require_POST
@workspace_view("finding.acknowledge")
def acknowledge_one(
    request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID, finding_id: uuid.UUID
) -> HttpResponse:
    finding = find_finding(workspace, domain_id, finding_id)
    try:
        acknowledge(finding=finding, actor=request.actor, note=request.POST.get("note", ""))
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, "Acknowledged. Nobody is reminded of it any more; it stays open until it is over.")
    return redirect("notifications:domain-alerts", workspace.pk, domain_id)


@require_POST
@workspace_view("finding.acknowledge")
def unacknowledge_one(
    request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID, finding_id: uuid.UUID
) -> HttpResponse:
    finding = find_finding(workspace, domain_id, finding_id)
    try:
        unacknowledge(finding=finding, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, "Reminders go on, spaced by the cooldown.")
    return redirect("notifications:domain-alerts", workspace.pk, domain_id)
