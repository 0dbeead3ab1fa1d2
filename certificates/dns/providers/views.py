"""Settings, DNS providers."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from certificates.dns.providers.forms import ProviderForm
from certificates.dns.providers.kinds import ProviderKind, kinds
from certificates.dns.providers.saving import ask_for_test, providers_of, remove_provider, save_provider
from certificates.models import DnsProvider
from config.lib.errors import ExpectedError, InvalidValue, NeedsUser, describe, in_one_line

LABEL = "DNS providers"


def find_provider(workspace: Workspace, provider_id: uuid.UUID) -> DnsProvider:
    return get_object_or_404(providers_of(workspace), pk=provider_id)


@workspace_view("dns_provider.view")
@require_safe
def list_providers(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All of them, there are never more than PROVIDERS_AT_MOST; and the kinds to add."""
    rows = [shown(row) for row in providers_of(workspace)]
    context = {
        "providers": rows,
        "kinds": list(kinds),
        "may_edit": is_allowed(request.role, "dns_provider.edit"),
        "is_live": any(row["is_under_way"] for row in rows),
    }
    return settings_page(request, "certificates/dns/providers.html", LABEL, **context)


def shown(row: DnsProvider) -> dict[str, object]:
    state, words = ("failed", "Does not work") if row.error_code else ("ok", "Works")
    if row.is_under_way or row.tested_at is None:
        state, words = "running", "Testing…"
    return {
        "id": row.pk,
        "zone": row.zone,
        "kind": kinds.get(row.kind),
        "state": state,
        "words": words,
        "tested_at": row.tested_at,
        "is_under_way": row.is_under_way,
        "trouble": describe(row.error_code, row.error_params) if row.error_code and not row.is_under_way else None,
    }


@workspace_view("dns_provider.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Which kind says `?kind=`; without one the list is the place to choose it."""
    key = request.GET.get("kind", "")
    if key not in kinds:
        return _to_list(workspace)
    return _form(request, workspace, kinds.get(key), None)


@workspace_view("dns_provider.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: WorkspaceRequest, workspace: Workspace, dns_provider_id: uuid.UUID) -> HttpResponse:
    row = find_provider(workspace, dns_provider_id)
    return _form(request, workspace, kinds.get(row.kind), row)


def _form(request: WorkspaceRequest, workspace: Workspace, kind: ProviderKind, row: DnsProvider | None) -> HttpResponse:
    form = ProviderForm(request.POST or None, kind=kind, provider=row)
    if form.is_valid():
        told = {"kind": kind.key, "zone": form.cleaned_data["zone"], "given": form.given}
        try:
            saved = save_provider(workspace=workspace, actor=request.actor, **told)
        except NeedsUser as error:
            form.add_expected(form.input_of(error.field_name) if isinstance(error, InvalidValue) else "zone", error)
        else:
            messages.success(request, f"{saved.zone} is saved and being tested.")
            return _to_list(workspace)
    answer = settings_page(request, "certificates/dns/provider_form.html", LABEL, form=form, kind=kind, provider=row)
    answer.status_code = 422 if form.errors else 200
    return answer


@workspace_view("dns_provider.edit")
@require_POST
def test(request: WorkspaceRequest, workspace: Workspace, dns_provider_id: uuid.UUID) -> HttpResponse:
    ask_for_test(find_provider(workspace, dns_provider_id))
    return _to_list(workspace)


@workspace_view("dns_provider.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: WorkspaceRequest, workspace: Workspace, dns_provider_id: uuid.UUID) -> HttpResponse:
    row = find_provider(workspace, dns_provider_id)
    if request.method == "POST":
        try:
            remove_provider(provider=row, actor=request.actor)
            messages.success(request, f"The credentials for {row.zone} are removed.")
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        return _to_list(workspace)
    context = {
        "section": "settings",
        "title": f"Remove the credentials for {row.zone}?",
        "text": "Certificates with names in this zone no longer renew by themselves, unless a CNAME covers them.",
        "label": "Remove",
        "back_url": reverse("certificates:dns-provider-list", args=[workspace.pk]),
    }
    return render(request, "confirm_page.html", context)


def _to_list(workspace: Workspace) -> HttpResponse:
    return redirect("certificates:dns-provider-list", workspace.pk)
