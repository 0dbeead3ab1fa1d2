"""How long events are kept, and the archives of what is older."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from auditlog.events import record
from auditlog.keeping import ARCHIVE_KEPT, CHOICES, days_of, keep_for
from auditlog.models import Archive
from auditlog.pages.forms import KeepingForm

SHOWN = 100


@workspace_view("log.export")
@require_safe
def show_keeping(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    archives = Archive.objects.filter(workspace_id=workspace.pk).exclude(content=b"").defer("content")
    context = {
        "section": "audit",
        "days": CHOICES.get(days_of(workspace.pk)),
        "archives": [(row, row.made_at + ARCHIVE_KEPT) for row in archives.order_by("-first")[:SHOWN]],
    }
    return render(request, "auditlog/keeping.html", context)


@workspace_view("log.keep", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_keeping(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = KeepingForm(request.POST or None, initial={"days": days_of(workspace.pk)})
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["days"]
        keep_for(workspace_id=workspace.pk, days=days, actor=request.actor)
        messages.success(request, f"Events are kept {CHOICES[days]}.")
        return redirect("auditlog:keeping", workspace.pk)
    return render(request, "auditlog/keeping_form.html", {"section": "audit", "form": form})


@workspace_view("log.export")
@require_safe
def download_archive(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """The archive that begins with event `?first=`; without one, where they are listed."""
    first = request.GET.get("first", "")
    rows = Archive.objects.filter(workspace_id=workspace.pk).exclude(content=b"")
    row = rows.filter(first=int(first)).first() if first.isdecimal() and len(first) < 19 else None
    if row is None:
        return redirect("auditlog:keeping", workspace.pk)
    told = {"form": "archive", "filters": f"events {row.first} to {row.last}"}
    record("log.exported", workspace_id=workspace.pk, actor=request.actor, data=told)
    answer = HttpResponse(bytes(row.content), content_type="application/gzip")
    answer["Content-Disposition"] = f'attachment; filename="audit-log-{row.first}-{row.last}.jsonl.gz"'
    return answer
