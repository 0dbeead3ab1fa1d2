"""The Audit logs page: everything that happened in a workspace, for its admins."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Membership, Workspace
from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages.exports import csv_of, pdf_of
from auditlog.pages.forms import AuditFilter
from auditlog.pages.search import VIEWS, Search, events_of, page_before

PAGE = 50
LABEL_OF_EVERYTHING = "Everything"


@workspace_view("log.export")
@require_safe
def show_events(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    return _page(request, workspace, AuditFilter(request.GET))


@workspace_view("log.export")
@require_safe
def download_csv(request: WorkspaceRequest, workspace: Workspace) -> HttpResponseBase:
    return _export(request, workspace, csv_of)


@workspace_view("log.export")
@require_safe
def download_pdf(request: WorkspaceRequest, workspace: Workspace) -> HttpResponseBase:
    return _export(request, workspace, pdf_of)


def _export(request: WorkspaceRequest, workspace: Workspace, give: Callable[..., HttpResponseBase]) -> HttpResponseBase:
    form = AuditFilter(request.GET)
    if not form.is_valid():
        return _page(request, workspace, form)
    return give(workspace, events_of(workspace, form.search), form.search.in_words(), request.actor)


def _page(request: WorkspaceRequest, workspace: Workspace, form: AuditFilter) -> HttpResponse:
    chosen = form.search if form.is_valid() else Search()
    cursor = request.GET.get("before", "")
    found = page_before(events_of(workspace, chosen), cursor, PAGE)
    given = {name: str(value) for name, value in request.GET.items() if name != "before" and value}
    context = {
        "section": "audit",
        "form": form,
        "views": _views(given),
        "rows": [_row(event) for event in found.events],
        "people": _people(workspace),
        "is_filtered": chosen != Search(),
        "query": urlencode(given),
        "older_url": f"?{urlencode({**given, 'before': found.older})}" if found.older else "",
        "newer_url": f"?{urlencode(given)}" if cursor else "",
    }
    return render(request, "auditlog/audit.html", context, status=422 if form.errors else 200)


def _views(given: dict[str, str]) -> list[dict[str, Any]]:
    labels = {"": LABEL_OF_EVERYTHING, **{key: label for key, (label, _) in VIEWS.items()}}
    rest = {name: value for name, value in given.items() if name != "view"}
    return [
        {
            "label": label,
            "url": f"?{urlencode({**rest, 'view': key} if key else rest)}",
            "is_current": given.get("view", "") == key,
        }
        for key, label in labels.items()
    ]


def _row(event: Event) -> dict[str, Any]:
    return {"event": event, "what": sentence(event), "url": _where(event), "details": _details(event)}


def _where(event: Event) -> str:
    """To the run that it belongs to, unfolded, or to the domain's log."""
    if event.domain_id is None or event.workspace_id is None:
        return ""
    url = reverse("auditlog:domain-activity", args=[event.workspace_id, event.domain_id])
    return f"{url}?open={event.run_id}" if event.run_id else url


def _details(event: Event) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in event.data.items() if value not in ("", None, [], {})]


def _people(workspace: Workspace) -> list[str]:
    rows = Membership.objects.filter(workspace=workspace).order_by("user__email")
    return list(rows.values_list("user__email", flat=True)[:500])
