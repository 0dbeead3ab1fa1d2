"""The room's pages. They work without a script; htmx makes them live."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib.errors import NeedsUser, Transient, in_one_line
from domains.add import add_domain, change_tags, delete_domain
from domains.forms import AddDomainForm, TagsForm
from domains.hosting.badges import hosting_shown
from domains.hosting.detecting import hosting_of
from domains.listing import FILTERS, SORTS, Shown, Wanted, by_weight, list_domains, note_of
from domains.models import Domain
from domains.ownership import ask_for_check, ownership_of
from domains.purge import purge_due_at
from domains.review import look_words, record_rows, review_of
from domains.tabs import domain_context
from domains.visit import ask_for_visit

FIRST_STEPS = [
    {"title": "Add a hostname", "detail": "we look at its certificate at once", "state": "now"},
    {"title": "Prove that it is yours", "detail": "one TXT record", "state": "todo"},
    {
        "title": "Issue and install",
        "detail": "until it is seen being served",
        "state": "todo",
    },
]


def find_domain(workspace: Workspace, domain_id: uuid.UUID) -> Domain:
    """The workspace's domain with its latest visit, or 404. For every tab of the domain's page."""
    rows = Domain.objects.for_workspace(workspace).select_related("workspace", "visit__inspection", "hosting")
    return get_object_or_404(rows, pk=domain_id)


@require_GET
@workspace_view("domain.view")
def show_list(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    wanted = Wanted.of(request.GET)
    shown = list_domains(workspace=workspace, wanted=wanted)
    context = {
        "section": "domains",
        "wanted": wanted,
        "shown": shown,
        "rows": [(domain, note_of(domain)) for domain in shown.rows],
        "filters": _filters(wanted, shown),
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
        "next_url": _query(wanted, cursor=shown.next) if shown.next else "",
        "current_total": shown.totals[wanted.show if wanted.show in shown.totals else "all"],
        "first_steps": FIRST_STEPS,
        "first_url": _query(wanted, cursor="") if wanted.cursor else "",
        "may_add": is_allowed(request.role, "domain.add"),
    }
    return render(request, "domains/list.html", context)


def _filters(wanted: Wanted, shown: Shown) -> list[dict[str, Any]]:
    return [
        {
            "label": one.label,
            "count": shown.totals[one.key or "all"],
            "url": _query(wanted, show=one.key, cursor=""),
            "is_current": one.key == wanted.show,
            "tone": one.tone,
        }
        for one in FILTERS
    ]


def _query(wanted: Wanted, **changed: str) -> str:
    """The list's address with some of its parameters changed; defaults are left out."""
    asked = {**vars(wanted), **changed}
    if asked["sort"] == "urgency":
        asked["sort"] = ""
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(kept)}"


@require_http_methods(["GET", "POST"])
@workspace_view("domain.add")
def add(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = AddDomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domain = add_domain(workspace=workspace, actor=request.actor, user=request.user, **form.cleaned_data)
        except NeedsUser as error:
            form.add_expected("hostname", error)
        else:
            return redirect("domains:domain-overview", workspace.pk, domain.pk)
    status = 422 if form.errors else 200
    return render(request, "domains/add.html", {"section": "domains", "form": form}, status=status)


@require_GET
@workspace_view("domain.view")
def show_overview(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    return render(request, "domains/overview.html", _overview(request, workspace, domain_id))


@require_GET
@workspace_view("domain.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """The Overview's body alone, for the page that polls it; a script-less visitor gets the page."""
    context = _overview(request, workspace, domain_id)
    if not request.htmx:
        return redirect("domains:domain-overview", workspace.pk, domain_id)
    return render(request, "domains/_overview.html", context | {"is_fragment": True})


def _overview(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> dict[str, Any]:
    domain = find_domain(workspace, domain_id)
    ownership = ownership_of(domain)
    review = review_of(domain)
    hosting = hosting_shown(getattr(domain, "hosting", None) or hosting_of(domain))
    context = domain_context(domain, "overview")
    return {
        **context,
        "review": review,
        "hosting": hosting,
        "ownership": ownership,
        "records": record_rows(ownership),
        "looks": look_words(ownership),
        "tags_form": TagsForm(initial={"tags": ", ".join(context["tags"])}),
        "purge_at": purge_due_at(domain),
        "is_live": review.is_under_way or ownership.is_under_way or hosting.is_under_way,
        "findings": by_weight(domain.findings.filter(closed_at=None).exclude(source="visit")),
        "may_edit": is_allowed(request.role, "domain.edit"),
    }


@require_POST
@workspace_view("domain.inspect")
def inspect(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    try:
        ask_for_visit(domain=find_domain(workspace, domain_id), actor=request.actor)
    except Transient as error:
        messages.error(request, in_one_line(error))
    return redirect("domains:domain-overview", workspace.pk, domain_id)


@require_POST
@workspace_view("domain.verify")
def verify(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    ask_for_check(domain=find_domain(workspace, domain_id), actor=request.actor)
    overview = reverse("domains:domain-overview", args=[workspace.pk, domain_id])
    return HttpResponseRedirect(f"{overview}#ownership")


@require_http_methods(["GET", "POST"])
@workspace_view("domain.delete")
def delete(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    if request.method == "POST":
        delete_domain(domain=domain, actor=request.actor)
        messages.success(request, f"{domain.label} is no longer watched.")
        return redirect("domains:domain-list", workspace.pk)
    context = {
        "section": "domains",
        "title": f"Delete {domain.label}?",
        "text": "Its history, its certificates with their keys and its deployment settings are deleted here. "
        "What your servers serve stays as it is.",
        "label": "Delete domain",
        "back_url": reverse("domains:domain-overview", args=[workspace.pk, domain.pk]),
    }
    return render(request, "confirm_page.html", context)


@require_POST
@workspace_view("domain.edit")
def edit_tags(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    form = TagsForm(request.POST)
    if form.is_valid():
        change_tags(domain=domain, actor=request.actor, tags=form.cleaned_data["tags"])
    else:
        messages.error(request, " ".join(str(text) for text in form.errors["tags"]))
    return redirect("domains:domain-overview", workspace.pk, domain_id)
