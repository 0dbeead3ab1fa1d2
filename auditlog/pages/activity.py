"""The Activity log tab: every run of a domain as it happens, and what else happened to it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from auditlog.pages import events, issuances, refusals, renewals
from auditlog.pages.deployments import Deployments, SingleRuns
from auditlog.pages.entries import Entry, Source
from config.lib.moments import parse_moment
from domains.models import Domain
from domains.tabs import Tab, domain_context, register
from domains.views import find_domain

PAGE = 20
# Runs that are shown with their steps unless another one is asked for.
UNFOLDED = 2
DEPLOYMENTS, SINGLE_RUNS = Deployments(), SingleRuns()
# With their renewals the deployments of those are shown already.
SOURCES: Sequence[Source] = (
    Deployments(leave_out=renewals.of_renewals),
    SINGLE_RUNS,
    issuances,
    renewals,
    refusals,
    events,
)
# The quick filters, each by where its entries come from.
SHOWS: Mapping[str, tuple[str, Sequence[Source]]] = {
    "": ("All", SOURCES),
    "issuing": ("Issuing", (issuances, renewals, refusals)),
    "renewals": ("Renewals", (renewals, refusals)),
    "deployments": ("Deployments", (DEPLOYMENTS,)),
    "tests": ("Tests and detection", (SINGLE_RUNS,)),
    "events": ("Other events", (events,)),
}

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
    domain: Domain,
    *,
    before: datetime | None = None,
    opened: uuid.UUID | None = None,
    limit: int = PAGE,
    show: str = "",
    problems: bool = False,
) -> Timeline:
    """One page over the sources of `show`: a bounded number of queries, whatever the length of the past.

    The newest runs, those under way and the `opened` one come with their steps.
    """
    sources = SHOWS[show][1]
    opened = renewals.run_of(domain, opened) if opened and DEPLOYMENTS not in sources else opened
    found = [
        (at, key, source)
        for source in sources
        for at, key in source.newest(domain, before, limit + 1, problems=problems)
    ]
    found.sort(key=lambda item: item[:2], reverse=True)
    chosen = found[:limit]
    runs = [key for _, key, source in chosen if source is not events]
    unfolded = {*runs[:UNFOLDED], *([opened] if opened else [])}
    entries = [
        entry
        for source in sources
        for entry in source.entries(domain, [key for _, key, owner in chosen if owner is source], unfolded)
    ]
    if opened and opened not in {key for _, key, _ in chosen}:  # Linked to from elsewhere: it is shown all the same.
        runs_of = [source for source in SOURCES if source is not events]
        entries += [entry for source in runs_of for entry in source.entries(domain, [opened], unfolded)]
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
    given = _given(request.GET)
    timeline = load_timeline(
        domain,
        before=before,
        opened=_key(request.GET.get("open", "")),
        show=given.get("show", ""),
        problems="problems" in given,
    )
    return {
        **domain_context(domain, "activity"),
        "timeline": timeline,
        "shows": _shows(given),
        "is_filtered": bool(given),
        "older_url": f"?{urlencode({**given, 'before': timeline.older.isoformat()})}" if timeline.older else "",
        "newer_url": f"?{urlencode(given)}" if before else "",
        "is_newest": before is None,
    }


def _given(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that are understood; others let all through."""
    show = query.get("show", "")
    found = {"show": show if show in SHOWS else "", "problems": "1" if query.get("problems") == "1" else ""}
    return {name: value for name, value in found.items() if value}


def _shows(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The quick filters by kind, each under the one by severity, which is the last."""
    show, problems = given.get("show", ""), given.get("problems", "")
    kinds = [
        {"label": label, "url": _url(show=key, problems=problems), "is_current": key == show}
        for key, (label, _) in SHOWS.items()
    ]
    severity = {"label": "Problems only", "url": _url(show=show, problems="" if problems else "1")}
    return [*kinds, {**severity, "is_current": bool(problems)}]


def _url(**given: str) -> str:
    return f"?{urlencode({name: value for name, value in given.items() if value})}"


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
