"""The Audit logs page: everything that happened in the workspace, for its admins."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Membership, Workspace
from accounts.paging import make_cursor, open_cursor
from accounts.problems import Problem
from auditlog.chain import head_of
from auditlog.events import SYSTEM
from auditlog.pages.changes import changes_of, rest_of
from auditlog.pages.feed import Line, Place, load_lines
from auditlog.pages.forms import AuditFilter
from auditlog.pages.wanted import SHOWS, Wanted, day_ends, day_starts, domains_called
from domains.models import Domain

PAGE = 40
# Names that are offered while one is typed; any other may be typed all the same.
OFFERED = 100


@workspace_view("log.export")
@require_safe
def show_events(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = AuditFilter(request.GET)
    show = request.GET.get("show", "")
    given = _given(form, show if show in SHOWS else "")
    before = _place(request.GET.get("before", ""))
    lines = load_lines(workspace, _wanted(workspace, form, given), before, PAGE + 1)
    shown = lines[:PAGE]
    context = {
        "section": "audit",
        "filters": form,
        "shows": _shows(given),
        "is_filtered": bool(given) or before is not None,
        "show": given.get("show", ""),
        "rows": [(line, changes_of(line.data), rest_of(line.data)) for line in shown],
        "older_url": _older(given, shown) if len(lines) > PAGE else "",
        "newest_url": f"?{urlencode(given)}" if before else "",
        "exports": {form: _export_url(workspace, form, given) for form in ("csv", "pdf")},
        "linked": _still_there(workspace, shown),
        "head": head_of(workspace.pk),
        **_offers(workspace),
    }
    return render(request, "auditlog/audit.html", context)


def _given(form: AuditFilter, show: str) -> dict[str, str]:
    """What was filled in and is understood, as a query; the rest is told beside its field and lets all through."""
    form.is_valid()
    found = {"show": show, **{name: str(value) for name, value in form.cleaned_data.items() if value}}
    return {name: value for name, value in found.items() if value}


def _wanted(workspace: Workspace, form: AuditFilter, given: Mapping[str, str]) -> Wanted:
    start, end = form.cleaned_data.get("start"), form.cleaned_data.get("end")
    return Wanted(
        start=day_starts(start, workspace) if start else None,
        end=day_ends(end, workspace) if end else None,
        person=given.get("person", ""),
        domains=domains_called(workspace, given["hostname"]) if "hostname" in given else None,
        kind=given.get("kind", ""),
        severity=given.get("severity", ""),
        show=given.get("show", ""),
    )


def _shows(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The quick filters, each under the other filters that stand."""
    current = given.get("show", "")
    rest = {name: value for name, value in given.items() if name != "show"}
    return [
        {"label": label, "url": f"?{urlencode(rest | ({'show': key} if key else {}))}", "is_current": key == current}
        for key, label in SHOWS.items()
    ]


def _older(given: Mapping[str, str], shown: list[Line]) -> str:
    return f"?{urlencode({**given, 'before': make_cursor(*shown[-1].place)})}"


def _export_url(workspace: Workspace, form: str, given: Mapping[str, str]) -> str:
    return f"{reverse(f'api:export_{form}')}?{urlencode({'workspace': workspace.pk, **given})}"


def _still_there(workspace: Workspace, lines: list[Line]) -> set[uuid.UUID]:
    """The domains among those of the lines that have pages to link to."""
    named = {line.domain_id for line in lines if line.run_id and line.domain_id}
    return set(Domain.objects.for_workspace(workspace).filter(pk__in=named).values_list("pk", flat=True))


def _place(cursor: str) -> Place | None:
    """What is no cursor of ours shows the newest page."""
    try:
        return open_cursor(cursor)
    except Problem:
        return None


def _offers(workspace: Workspace) -> dict[str, list[str]]:
    people = Membership.objects.filter(workspace=workspace).order_by("user__email")
    domains = Domain.objects.for_workspace(workspace).order_by("host")
    return {
        "people": [*people.values_list("user__email", flat=True)[:OFFERED], SYSTEM.label],
        "hosts": list(domains.values_list("host", flat=True).distinct()[:OFFERED]),
    }
