"""The Activity log tab: every run of a domain as it happens, and what else happened to it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from auditlog.pages import events, issuances
from auditlog.pages.deployments import Deployments, SingleRuns
from auditlog.pages.entries import Entry, Source
from config.lib.moments import parse_moment
from domains.models import Domain
from domains.tabs import Tab, domain_context, register
from domains.views import find_domain

PAGE = 20
# Runs that are shown with their steps unless another one is asked for.
UNFOLDED = 2
SOURCES: Sequence[Source] = (Deployments(), SingleRuns(), issuances, events)

register(Tab(key="activity", label="Activity log", url_name="auditlog:domain-activity", position=50))


@dataclass(frozen=True)
class Timeline:
    """Newest first; `older` is where the next page goes on, None on the last."""

    entries: Sequence[Entry]
    older: datetime | None

    @property
    def is_live(self) -> bool:
        return any(entry.is_open for entry in self.entries)


def load_timeline(
    domain: Domain, *, before: datetime | None = None, opened: uuid.UUID | None = None, limit: int = PAGE
) -> Timeline:
    """One page over all sources: a bounded number of queries, whatever the length of the past.

    The newest runs, those under way and the `opened` one come with their steps.
    """
    found = [(at, key, source) for source in SOURCES for at, key in source.newest(domain, before, limit + 1)]
    found.sort(key=lambda item: item[:2], reverse=True)
    chosen = found[:limit]
    runs = [key for _, key, source in chosen if source is not events]
    unfolded = {*runs[:UNFOLDED], *([opened] if opened else [])}
    entries = [
        entry
        for source in SOURCES
        for entry in source.entries(domain, [key for _, key, owner in chosen if owner is source], unfolded)
    ]
    entries.sort(key=lambda entry: (entry.at, entry.key), reverse=True)
    return Timeline(entries, chosen[-1][0] if len(found) > limit else None)


@require_GET
@workspace_view("log.view")
def show_activity(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    return render(request, "auditlog/activity.html", _context(request, workspace, domain_id))


@require_GET
@workspace_view("log.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """The log's body alone, for the page that polls it; a script-less visitor gets the page."""
    if not request.htmx:
        return redirect("auditlog:domain-activity", workspace.pk, domain_id)
    return render(request, "auditlog/_timeline.html", _context(request, workspace, domain_id))


def _context(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> dict[str, Any]:
    domain = find_domain(workspace, domain_id)
    before = _moment(request.GET.get("before", ""))
    timeline = load_timeline(domain, before=before, opened=_key(request.GET.get("open", "")))
    return {
        **domain_context(domain, "activity"),
        "timeline": timeline,
        "older_url": f"?{urlencode({'before': timeline.older.isoformat()})}" if timeline.older else "",
        "newer_url": "?" if before else "",
        "is_newest": before is None,
    }


def _moment(text: str) -> datetime | None:
    """A time from the address bar; what is none shows the newest page."""
    try:
        return parse_moment(text)
    except ValueError:
        return None


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
