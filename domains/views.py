"""The room's pages. They work without a script; htmx makes them live."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, has_verified_email, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib.errors import NeedsUser, Transient, in_one_line
from domains.add import add_domain, change_domain, delete_domain
from domains.addresses.shown import addresses_shown
from domains.batches.shown import open_batches
from domains.forms import AddDomainForm, NotesForm, TagsForm
from domains.history import before_this, difference, with_differences
from domains.hosting.badges import hosting_shown
from domains.hosting.detecting import hosting_of
from domains.listing import FILTERS, SORTS, Shown, Wanted, by_weight, list_domains
from domains.models import Domain, Inspection, Ownership
from domains.ownership import ask_for_check, ownership_of
from domains.purge import purge_due_at
from domains.review import do_resolvers_decide, look_words, record_rows, review_of
from domains.revocation.shown import revocation_shown
from domains.rows import rows_html
from domains.tabs import domain_context
from domains.visit import ask_for_visit

HISTORY_PAGE = 20
FIRST_STEPS = [
    {"title": "Add a hostname", "detail": "we look at its certificate at once", "state": "now"},
    {"title": "Prove that it is yours", "detail": "one TXT record", "state": "todo"},
    {
        "title": "Issue and install",
        "detail": "until it is seen being served",
        "state": "todo",
    },
]

ADDING = [
    {"title": "Hostname", "state": "now"},
    {"title": "Review", "state": "todo"},
    {"title": "Prove ownership", "state": "todo"},
]


def find_domain(workspace: Workspace, domain_id: uuid.UUID) -> Domain:
    """The workspace's domain with its latest visit, or 404. For every tab of the domain's page."""
    rows = Domain.objects.for_workspace(workspace).select_related(
        "workspace", "visit__inspection", "hosting", "address_check"
    )
    return get_object_or_404(rows, pk=domain_id)


@require_GET
@workspace_view("domain.view")
def show_list(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    wanted = Wanted.of(request.GET)
    shown = list_domains(workspace=workspace, wanted=wanted)
    may_edit = is_allowed(request.role, "domain.edit")
    context = {
        "section": "domains",
        "wanted": wanted,
        "shown": shown,
        "rows": rows_html(
            shown.rows,
            tag_base=_and(_query(wanted, tag="", cursor="")),
            may_choose=may_edit,
            are_chosen=request.GET.get("choose") == "page",
        ),
        "batches": open_batches(workspace),
        "filters": _filters(wanted, shown),
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
        "next_url": _query(wanted, cursor=shown.next) if shown.next else "",
        "current_total": shown.totals[wanted.show if wanted.show in shown.totals else "all"],
        "first_steps": FIRST_STEPS,
        "first_url": _query(wanted, cursor="") if wanted.cursor else "",
        "page_query": _query(wanted),
        "is_page_chosen": request.GET.get("choose") == "page",
        "may_add": is_allowed(request.role, "domain.add"),
        "may_edit": may_edit,
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


def _and(query: str) -> str:
    """A query to which one more parameter can be written."""
    return query if query == "?" else f"{query}&"


@require_http_methods(["GET", "POST"])
@workspace_view("domain.add")
def add(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = AddDomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domain = add_domain(workspace=workspace, actor=request.actor, user=request.user, **form.cleaned_data)
        except (NeedsUser, Transient) as error:
            form.add_expected("hostname", error)
        else:
            return redirect("domains:domain-review", workspace.pk, domain.pk)
    status = 422 if form.errors else 200
    context = {"section": "domains", "form": form, "steps": ADDING}
    return render(request, "domains/add.html", context, status=status)


@require_GET
@workspace_view("domain.view")
def show_review(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """What the first look found, before the person confirms; the row exists already, and is its truth."""
    return _step(request, workspace, domain_id, "review")


@require_GET
@workspace_view("domain.view")
def show_prove(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """The records to publish, and whether they are seen."""
    return _step(request, workspace, domain_id, "prove")


def _step(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID, step: str) -> HttpResponse:
    """One step of adding: the page, or for htmx, which polls it, its body alone."""
    context = _overview(request, workspace, domain_id)
    context |= {"step": step, "steps": _steps(context["domain"], step)}
    return render(request, f"domains/_{step}.html" if request.htmx else f"domains/{step}.html", context)


def _steps(domain: Domain, step: str) -> list[dict[str, str]]:
    """The way of a new domain as `components/stepper.html` takes it."""
    is_reviewed = step == "prove"
    proof = "done" if domain.is_verified else "now" if is_reviewed else "todo"
    return [
        {"title": "Hostname", "state": "done"},
        {"title": "Review", "state": "done" if is_reviewed else "now"},
        {"title": "Prove ownership", "state": proof},
    ]


def return_to(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID, place: str) -> HttpResponse:
    """Back to the step of adding that a button was pressed on (`?step=`), else to that place of the Overview."""
    step = request.GET.get("step")
    name = f"domains:domain-{step}" if step in ("review", "prove") else "domains:domain-overview"
    return HttpResponseRedirect(reverse(name, args=[workspace.pk, domain_id]) + place)


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
    domain, ownership = _with_ownership(workspace, domain_id)
    review = review_of(domain)
    hosting = hosting_shown(getattr(domain, "hosting", None) or hosting_of(domain))
    addresses = addresses_shown(getattr(domain, "address_check", None))
    context = domain_context(domain, "overview")
    looks = look_words(ownership)
    return {
        **context,
        **_latest_change(domain),
        "review": review,
        "addresses": addresses,
        "revocation": revocation_shown(domain),
        "hosting": hosting,
        "ownership": ownership,
        "records": record_rows(ownership),
        "looks": looks,
        "has_hearsay": any(one["is_told"] for one in looks),
        "resolvers_decide": do_resolvers_decide(ownership),
        "tags_form": TagsForm(initial={"tags": ", ".join(context["tags"])}),
        "notes_form": NotesForm(initial={"notes": domain.notes}),
        "purge_at": purge_due_at(domain),
        "is_live": any(one.is_under_way for one in (review, ownership, hosting, addresses)),
        "findings": by_weight(domain.findings.filter(closed_at=None).exclude(source="visit")),
        "may_edit": is_allowed(request.role, "domain.edit"),
        # Said where the records are shown: not only after somebody has published one and presses the button.
        "must_confirm_email": not domain.is_verified and not has_verified_email(request.user),
    }


def _with_ownership(workspace: Workspace, domain_id: uuid.UUID) -> tuple[Domain, Ownership]:
    """Both as of one moment."""
    domain = find_domain(workspace, domain_id)
    ownership = ownership_of(domain)
    if ownership.proven_at and not domain.is_verified:
        # Proven between the two reads. As they are, the page would say 'Not found yet' and stop asking.
        domain = find_domain(workspace, domain_id)
    return domain, ownership


def _latest_change(domain: Domain) -> dict[str, Any]:
    """What is served now beside what was served before; nothing before the first change."""
    inspection = domain.visit.inspection
    before = before_this(inspection) if inspection else None
    if inspection is None or before is None:
        return {}
    return {"change": difference(before, inspection), "before": before, "after": inspection}


@require_GET
@workspace_view("domain.view")
def show_history(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    rows = Inspection.unscoped.filter(domain=domain).order_by("-seen_at", "-pk")
    page = Paginator(rows, HISTORY_PAGE).get_page(request.GET.get("page"))
    # One more than is shown: the last entry's difference is to the first of the next page.
    shown = list(rows[page.start_index() - 1 : page.end_index() + 1]) if page.object_list else []
    changes = with_differences(shown)[: len(page)]
    current = domain.visit.inspection_id
    context = {"page": page, "changes": changes, "current": current, "review": review_of(domain)}
    return render(request, "domains/history.html", {**domain_context(domain, "overview"), **context})


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
    return return_to(request, workspace, domain_id, "#ownership")


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
        change_domain(domain=domain, actor=request.actor, tags=form.cleaned_data["tags"])
    else:
        messages.error(request, " ".join(str(text) for text in form.errors["tags"]))
    return redirect("domains:domain-overview", workspace.pk, domain_id)


@require_POST
@workspace_view("domain.edit")
def edit_notes(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    form = NotesForm(request.POST)
    if form.is_valid():
        change_domain(domain=domain, actor=request.actor, notes=form.cleaned_data["notes"])
    else:
        messages.error(request, " ".join(str(text) for text in form.errors["notes"]))
    return redirect("domains:domain-overview", workspace.pk, domain_id)
