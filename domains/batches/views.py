"""The pages of work over many domains: 'Add many', the list's bulk actions, and the page of one batch."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from config.lib.errors import NeedsUser, in_one_line
from config.lib.spreadsheets import csv_lines
from domains.batches import starting
from domains.batches.forms import AddManyForm
from domains.batches.reading import COLUMNS
from domains.batches.shown import (
    NOT_DONE,
    REFUSED_COLUMNS,
    counts_of,
    filters_of,
    label_of,
    refused_rows,
    show_lines,
    title_of,
)
from domains.listing import Wanted, wanted_rows
from domains.models import Batch, BatchKind, BatchState, Domain, LineState

PAGE = 50
CHOSEN_BY_HAND_AT_MOST = 500
SAMPLE = """hostname;port;protocol;tags;notes
www.shop.net;;;shop, prod;Ann looks after it
mail.shop.net;465;tls;mail;
bücher.de;;;;"""


@require_http_methods(["GET", "POST"])
@workspace_view("domain.add")
def add_many(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = AddManyForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            batch = starting.draft_import(
                workspace=workspace,
                actor=request.actor,
                user=request.user,
                rows=form.cleaned_data["rows"],
                source=form.cleaned_data["source"],
            )
        except NeedsUser as error:
            form.add_expected("file" if form.cleaned_data.get("file") else "lines", error)
        else:
            if unused := form.cleaned_data["unused"]:
                messages.warning(
                    request, f"Columns that were passed over: {', '.join(unused)}. The names are {', '.join(COLUMNS)}."
                )
            return redirect("domains:batch-show", workspace.pk, batch.pk)
    status = 422 if form.errors else 200
    context = {"section": "domains", "form": form, "sample": SAMPLE}
    return render(request, "domains/add_many.html", context, status=status)


@require_POST
@workspace_view("domain.inspect")
def check(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    return _act(request, workspace, BatchKind.CHECK)


@require_POST
@workspace_view("domain.edit")
def tag(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    return _act(request, workspace, BatchKind.TAG)


@require_POST
@workspace_view("domain.edit")
def untag(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    return _act(request, workspace, BatchKind.UNTAG)


@require_POST
@workspace_view("domain.delete")
def delete(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Takes down what was chosen; the batch's page then asks, and names every domain."""
    return _act(request, workspace, BatchKind.DELETE)


def _act(request: WorkspaceRequest, workspace: Workspace, kind: str) -> HttpResponse:
    back = request.POST.get("back", "").replace("\0", "")
    back = back if back.startswith("?") else ""
    try:
        # Together: a draft of what asks for no confirmation would wait for nobody.
        with transaction.atomic():
            batch = starting.draft_action(
                kind=kind,
                workspace=workspace,
                actor=request.actor,
                user=request.user,
                chosen=_chosen(request, workspace),
                tag=request.POST.get("new_tag", "").replace("\0", "")
                if kind in (BatchKind.TAG, BatchKind.UNTAG)
                else "",
                back=back,
            )
            if kind != BatchKind.DELETE:
                starting.begin_batch(batch=batch, actor=request.actor, user=request.user)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
        return redirect(reverse("domains:domain-list", args=[workspace.pk]) + back)
    return redirect("domains:batch-show", workspace.pk, batch.pk)


def _chosen(request: WorkspaceRequest, workspace: Workspace) -> Any:
    """The domains that were ticked, or all that match the list's filters."""
    if request.POST.get("all"):
        return wanted_rows(workspace=workspace, wanted=Wanted.of(request.POST))
    keys = [key for text in request.POST.getlist("id")[:CHOSEN_BY_HAND_AT_MOST] if (key := _id(text))]
    return Domain.objects.for_workspace(workspace).filter(pk__in=keys)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def find_batch(workspace: Workspace, batch_id: uuid.UUID) -> Batch:
    return get_object_or_404(Batch.objects.for_workspace(workspace), pk=batch_id)


@require_GET
@workspace_view("domain.view")
def show(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> HttpResponse:
    """The preview, the progress and the result, whichever it is; for htmx, which polls it, the body alone."""
    batch = find_batch(workspace, batch_id)
    context = _context(request, batch)
    name = "domains/_batch.html" if request.htmx else "domains/batch.html"
    return render(request, name, context)


def _context(request: WorkspaceRequest, batch: Batch) -> dict[str, Any]:
    counts = counts_of(batch)
    current = request.GET.get("show", "")
    current = current if current in LineState.values else ""
    lines = batch.lines.filter(state=current) if current else batch.lines.all()
    page = Paginator(lines.order_by("number"), PAGE).get_page(request.GET.get("page"))
    settled = batch.total - counts[LineState.WAITING]
    return {
        "section": "domains",
        "batch": batch,
        "counts": counts,
        "title": title_of(batch, counts),
        "label": label_of(batch, counts),
        "filters": filters_of(batch, counts, current),
        "page": page,
        "lines": show_lines(batch, list(page)),
        "settled": settled,
        "refused": sum(counts[state] for state in NOT_DONE),
        "is_draft": batch.state == BatchState.DRAFT,
        "is_live": batch.state == BatchState.RUNNING,
        "is_import": batch.kind == BatchKind.IMPORT,
        "is_delete": batch.kind == BatchKind.DELETE,
        "may_edit": is_allowed(request.role, "domain.edit"),
    }


@require_POST
@workspace_view("domain.add")
def begin_import(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> HttpResponse:
    return _begin(request, find_batch(workspace, batch_id), BatchKind.IMPORT)


@require_POST
@workspace_view("domain.delete")
def begin_delete(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> HttpResponse:
    return _begin(request, find_batch(workspace, batch_id), BatchKind.DELETE)


def _begin(request: WorkspaceRequest, batch: Batch, kind: str) -> HttpResponse:
    """Only what this address asks the right for."""
    try:
        if batch.kind != kind:
            raise NeedsUser("batch_not_waiting")
        starting.begin_batch(batch=batch, actor=request.actor, user=request.user)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    return redirect("domains:batch-show", batch.workspace_id, batch.pk)


@require_POST
@workspace_view("domain.edit")
def stop(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> HttpResponse:
    batch = find_batch(workspace, batch_id)
    try:
        starting.stop_batch(batch=batch, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    return redirect("domains:batch-show", workspace.pk, batch.pk)


@require_POST
@workspace_view("domain.edit")
def discard(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> HttpResponse:
    batch = find_batch(workspace, batch_id)
    if not starting.discard_batch(batch=batch):
        messages.error(request, in_one_line(NeedsUser("batch_not_waiting")))
        return redirect("domains:batch-show", workspace.pk, batch.pk)
    messages.success(request, "Discarded. Nothing was changed.")
    return redirect(reverse("domains:domain-list", args=[workspace.pk]) + batch.back)


@require_GET
@workspace_view("domain.view")
def download_refused(request: WorkspaceRequest, workspace: Workspace, batch_id: uuid.UUID) -> StreamingHttpResponse:
    """The lines that were not done, with the reason of each."""
    batch = find_batch(workspace, batch_id)
    answer = StreamingHttpResponse(
        csv_lines(REFUSED_COLUMNS, refused_rows(batch)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = 'attachment; filename="refused-lines.csv"'
    return answer
