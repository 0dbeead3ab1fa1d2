"""The pages of replacing many certificates: what is chosen, the plan before, and the progress."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from certificates.models import ReplacedCertificate, Replacement
from certificates.replacing.forms import ReplaceForm
from certificates.replacing.planning import PER_MINUTE, Plan, end_replacement, plan_of, start_replacement, try_again
from certificates.replacing.shown import lines_of, progress_of, with_counts
from certificates.revoking import read_reason
from certificates.views import tell
from config.lib.errors import ExpectedError

PAGE = 40


def find_replacement(workspace: Workspace, replacement_id: uuid.UUID) -> Replacement:
    return get_object_or_404(with_counts(Replacement.objects.for_workspace(workspace)), pk=replacement_id)


@require_GET
@workspace_view("replacement.view")
def show_list(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    rows = with_counts(Replacement.objects.for_workspace(workspace)).order_by("-created_at", "-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "certificates",
        "page": page,
        "progresses": [progress_of(row) for row in page],
        "may_edit": is_allowed(request.role, "replacement.edit"),
    }
    return render(request, "certificates/replacing/list.html", context)


@require_http_methods(["GET", "POST"])
@workspace_view("replacement.edit", fresh=True)
def begin(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """GET with values shows the plan, whose button posts the same values; nothing is kept in between."""
    given = request.POST or (request.GET if request.GET.get("by") else None)
    form = ReplaceForm(given, workspace=workspace)
    plan = _plan(workspace, form) if given is not None and form.is_valid() else None
    if request.method == "POST" and plan is not None:
        replacement = _started(request, workspace, form)
        if replacement is not None:
            return redirect("certificates:replacement-show", workspace.pk, replacement.pk)
    context = {
        "section": "certificates",
        "form": form,
        "plan": plan,
        "per_minute": PER_MINUTE,
        **({how: plan.count(how) for how in ("itself", "person", "follows")} if plan else {}),
        "given": [(name, value) for name, value in given.items() if name != "csrfmiddlewaretoken"] if given else [],
        "page": Paginator(plan.planned if plan else [], PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "certificates/replacing/begin.html", context, status=422 if form.errors else 200)


def _started(request: WorkspaceRequest, workspace: Workspace, form: ReplaceForm) -> Replacement | None:
    """None when it is refused: the form says why."""
    told, reason = form.cleaned_data, read_reason(form.cleaned_data["reason"])
    try:
        return start_replacement(
            workspace=workspace, choice=form.choice, reason=reason, revokes=told["revoke"], actor=request.actor
        )
    except ExpectedError as error:
        form.add_expected("by", error)
        return None


def _plan(workspace: Workspace, form: ReplaceForm) -> Plan | None:
    try:
        return plan_of(workspace, form.choice)
    except ExpectedError as error:
        form.add_expected("by", error)
        return None


@require_GET
@workspace_view("replacement.view")
def show(request: WorkspaceRequest, workspace: Workspace, replacement_id: uuid.UUID) -> HttpResponse:
    replacement = find_replacement(workspace, replacement_id)
    page = Paginator(entries_of(replacement), PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "certificates",
        "replacement": replacement,
        "progress": progress_of(replacement),
        "page": page,
        "lines": lines_of(page),
        "may_edit": replacement.is_open and is_allowed(request.role, "replacement.edit"),
    }
    name = "_progress.html" if request.htmx else "replacement.html"
    return render(request, f"certificates/replacing/{name}", context)


def entries_of(replacement: Replacement) -> QuerySet[ReplacedCertificate]:
    """What needs somebody first, what is done last."""
    rows = ReplacedCertificate.objects.for_workspace(replacement.workspace_id).filter(replacement=replacement)
    return rows.select_related("certificate__domain", "successor").order_by("-state", "-changed_at", "pk")


@require_POST
@workspace_view("replacement.edit")
def again(request: WorkspaceRequest, workspace: Workspace, replacement_id: uuid.UUID) -> HttpResponse:
    replacement = find_replacement(workspace, replacement_id)
    tell(request, lambda: try_again(replacement=replacement, actor=request.actor))
    return redirect("certificates:replacement-show", workspace.pk, replacement.pk)


@require_POST
@workspace_view("replacement.edit")
def end(request: WorkspaceRequest, workspace: Workspace, replacement_id: uuid.UUID) -> HttpResponse:
    replacement = find_replacement(workspace, replacement_id)
    if tell(request, lambda: end_replacement(replacement=replacement, actor=request.actor)):
        messages.success(request, "Stopped. What was ordered already comes and is installed all the same.")
    return redirect("certificates:replacement-show", workspace.pk, replacement.pk)
