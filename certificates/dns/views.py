"""'Renew without your hands' on the Let's Encrypt tab."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from certificates.dns.delegations import add_delegation, check_now, check_soon, remove_delegation
from certificates.dns.showing import shown_delegation
from certificates.models import Delegation
from config.lib.errors import ExpectedError, in_one_line
from domains.models import Domain
from domains.views import find_domain


def find_delegation(workspace: Workspace, delegation_id: uuid.UUID) -> Delegation:
    rows = Delegation.objects.for_workspace(workspace).select_related("domain").prefetch_related("values")
    return get_object_or_404(rows, pk=delegation_id)


@require_POST
@workspace_view("certificate.issue")
def add(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    try:
        add_delegation(domain=domain, host=request.POST.get("host", "")[:300] or domain.host, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
    return _to_tab(domain)


@require_GET
@workspace_view("certificate.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, delegation_id: uuid.UUID) -> HttpResponse:
    """One delegation's card for the page that polls it: 204 while it would show what the page shows already."""
    row = find_delegation(workspace, delegation_id)
    if not request.htmx:
        return _to_tab(row.domain)
    check_soon(row)
    shown = shown_delegation(row, request.role)
    if request.GET.get("shown") == shown["digest"]:
        return HttpResponse(status=204)
    return render(request, "certificates/dns/_delegation.html", {"delegation": shown})


@require_POST
@workspace_view("certificate.issue")
def check(request: WorkspaceRequest, workspace: Workspace, delegation_id: uuid.UUID) -> HttpResponse:
    row = find_delegation(workspace, delegation_id)
    check_now(row)
    return _to_tab(row.domain)


@require_http_methods(["GET", "POST"])
@workspace_view("certificate.issue")
def delete(request: WorkspaceRequest, workspace: Workspace, delegation_id: uuid.UUID) -> HttpResponse:
    row = find_delegation(workspace, delegation_id)
    if request.method == "POST":
        remove_delegation(delegation=row, actor=request.actor)
        messages.success(request, f"{row.host} is published by hand again; its CNAME may be removed.")
        return _to_tab(row.domain)
    return render(request, "confirm_page.html", _asking(row))


def _asking(row: Delegation) -> dict[str, Any]:
    return {
        "section": "domains",
        "title": f"Stop renewing {row.host} by its CNAME?",
        "text": f"Certificates with {row.host} no longer renew by themselves. If you want it back later, the CNAME "
        "gets another target.",
        "label": "Stop",
        "back_url": _tab_url(row.domain),
    }


def _to_tab(domain: Domain) -> HttpResponse:
    return redirect(_tab_url(domain))


def _tab_url(domain: Domain) -> str:
    return reverse("certificates:domain-issue", args=[domain.workspace_id, domain.pk]) + "#hands-free"
