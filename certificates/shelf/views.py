"""The list of a workspace's certificates, the page of one, and what can be done with it."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from certificates.bundles import export_certificate
from certificates.downloads import as_download
from certificates.models import Certificate
from certificates.pull.tokens import tokens_for
from certificates.revoking import read_reason, reason_words, revoke_certificate
from certificates.shelf.forms import ExportForm, RevokeForm
from certificates.shelf.listing import FILTERS, matching, totals
from certificates.shelf.shown import show
from config.lib import clock
from config.lib.errors import ExpectedError, in_one_line

PAGE = 40


@require_GET
@workspace_view("certificate.view")
def show_list(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    q, wanted = request.GET.get("q", "").strip()[:253], request.GET.get("show", "")
    rows = matching(workspace, q=q, show=wanted).select_related("domain").order_by("-created_at", "-pk")
    found = totals(workspace, q=q)
    context = {
        "section": "certificates",
        "q": q,
        "show": wanted,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "filters": _filters(q, wanted, found),
        "is_empty": not q and not found["all"],
        "now": clock.now(),
    }
    return render(request, "certificates/shelf/list.html", context)


def _filters(q: str, wanted: str, found: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "label": one.label,
            "count": found[one.key or "all"],
            "url": "?" + urlencode({name: value for name, value in (("q", q), ("show", one.key)) if value}),
            "is_current": one.key == wanted,
            "tone": one.tone,
        }
        for one in FILTERS
    ]


def find_certificate(workspace: Workspace, certificate_id: uuid.UUID) -> Certificate:
    rows = Certificate.objects.for_workspace(workspace).select_related("domain__workspace", "private_key", "revocation")
    return get_object_or_404(rows, pk=certificate_id)


@require_GET
@workspace_view("certificate.view")
def show_certificate(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    certificate = find_certificate(workspace, certificate_id)
    is_own = certificate.source == Certificate.Source.ACME
    words = reason_words(certificate.revocation_reason)
    context = {
        "section": "certificates",
        "shown": show(certificate),
        "certificate": certificate,
        "is_own": is_own,
        "revoked_why": f"On {certificate.revoked_at:%Y-%m-%d}, because {words}." if certificate.revoked_at else "",
        "may_download": is_own and bool(certificate.private_key_id) and may(request, "download"),
        "may_revoke": is_own and not certificate.revoked_at and may(request, "revoke"),
        "may_delete": may(request, "delete"),
        "may_replace": not certificate.revoked_at and is_allowed(request.role, "replacement.edit"),
        "pulls": tokens_for(certificate),
        "may_pull": is_own and bool(certificate.private_key_id) and is_allowed(request.role, "pull.edit"),
        "may_edit_pulls": is_allowed(request.role, "pull.edit"),
    }
    return render(request, "certificates/shelf/certificate.html", context)


def may(request: WorkspaceRequest, verb: str) -> bool:
    return is_allowed(request.role, f"certificate.{verb}")


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
@workspace_view("certificate.download", fresh=True)
def export(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    """PFX and HAProxy's PEM: asked for by a form, since a PFX wants a password."""
    certificate = find_certificate(workspace, certificate_id)
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        chosen, password = form.cleaned_data["format"], form.cleaned_data["password"]
        try:
            made = export_certificate(certificate=certificate, form=chosen, password=password, actor=request.actor)
        except ExpectedError as error:
            form.add_expected("format", error)
        else:
            return as_download(made)
    context = {"section": "certificates", "form": form, "certificate": certificate}
    return render(request, "certificates/shelf/export.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_view("certificate.revoke", fresh=True)
def revoke(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    certificate = find_certificate(workspace, certificate_id)
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = read_reason(form.cleaned_data["reason"])
        try:
            revoke_certificate(certificate=certificate, reason=reason, actor=request.actor)
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        else:
            messages.success(request, "The CA is being told to revoke this certificate.")
        return redirect("certificates:certificate-show", workspace.pk, certificate.pk)
    context = {"section": "certificates", "form": form, "certificate": certificate}
    return render(request, "certificates/shelf/revoke.html", context, status=422 if form.errors else 200)
