"""The Let's Encrypt tab and the page of an issuance. They work without a script; htmx makes them live."""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from certificates.bundles import download_bundle
from certificates.cas.known import ca_label
from certificates.cas.shown import budgets_of
from certificates.dns.showing import hands_free_of
from certificates.downloads import as_download
from certificates.forms import StartForm
from certificates.gates import Wish, read_wish, require_open_window
from certificates.issuance import cancel_issuance, issue_certificate, start_again, start_issuance
from certificates.models import Certificate, Issuance
from certificates.records import keep_looking
from certificates.renewal.plan import usual_names
from certificates.renewal.shown import renewal_of
from certificates.stepper import HOW_IT_GOES, ends_in, stepper_of
from certificates.store import certificates_for, delete_certificate
from config.lib.errors import ExpectedError, describe, in_one_line
from domains.models import Domain
from domains.tabs import domain_context
from domains.views import find_domain

CERTIFICATES_SHOWN = 20


def find_issuance(workspace: Workspace, issuance_id: uuid.UUID) -> Issuance:
    rows = Issuance.objects.for_workspace(workspace).select_related("domain__workspace", "certificate")
    return get_object_or_404(rows.prefetch_related("authorizations"), pk=issuance_id)


def find_certificate(workspace: Workspace, certificate_id: uuid.UUID) -> Certificate:
    rows = Certificate.objects.for_workspace(workspace).select_related("domain__workspace", "private_key")
    return get_object_or_404(rows, pk=certificate_id)


@require_GET
@workspace_view("certificate.view")
def show_tab(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    return render(request, "certificates/lets_encrypt.html", tab_context(request, domain, latest_issuance(domain)))


@require_POST
@workspace_view("certificate.issue")
def start(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    form, in_the_way = StartForm(request.POST, domain=domain), None
    if form.is_valid():
        try:
            issuance, _ = start_issuance(domain=domain, wish=form.wish, actor=request.actor)
        except ExpectedError as error:
            form.add_expected("names", error)
            in_the_way = error
        else:
            return to_issuance(issuance)
    context = tab_context(request, domain, None) | {"form": form}
    if "wish" in form.cleaned_data:
        context |= _budget_context(request, domain, form.wish)
    if in_the_way and in_the_way.code == "issuance_window":
        context["window"] = closed_by(in_the_way)
    return render(request, "certificates/lets_encrypt.html", context, status=422)


@require_GET
@workspace_view("certificate.view")
def show_issuance(request: WorkspaceRequest, workspace: Workspace, issuance_id: uuid.UUID) -> HttpResponse:
    issuance = find_issuance(workspace, issuance_id)
    context = tab_context(request, issuance.domain, issuance)
    return render(request, "certificates/lets_encrypt.html", context)


@require_GET
@workspace_view("certificate.view")
def show_live(request: WorkspaceRequest, workspace: Workspace, issuance_id: uuid.UUID) -> HttpResponse:
    """The stepper alone, for the page that polls it: 204 while it would show what the page shows already.

    The end changes more than the stepper (state, stored certificates, the form), so the page reloads then.
    """
    if not request.htmx:
        return redirect("certificates:issuance-show", workspace.pk, issuance_id)
    issuance = find_issuance(workspace, issuance_id)
    context = tab_context(request, issuance.domain, issuance)
    if request.GET.get("shown") == context["stepper"].digest:
        return HttpResponse(status=204)
    if not issuance.is_open:
        return HttpResponseClientRefresh()
    return render(request, "certificates/_issuing.html", context)


@require_POST
@workspace_view("certificate.issue")
def issue(request: WorkspaceRequest, workspace: Workspace, issuance_id: uuid.UUID) -> HttpResponse:
    issuance = find_issuance(workspace, issuance_id)
    tell(request, lambda: issue_certificate(issuance=issuance, actor=request.actor))
    return to_issuance(issuance)


@require_POST
@workspace_view("certificate.cancel")
def cancel(request: WorkspaceRequest, workspace: Workspace, issuance_id: uuid.UUID) -> HttpResponse:
    issuance = find_issuance(workspace, issuance_id)
    if not tell(request, lambda: cancel_issuance(issuance=issuance, actor=request.actor)):
        return to_issuance(issuance)
    messages.success(request, "Challenge cancelled. Its TXT records may be removed.")
    return redirect("certificates:domain-issue", workspace.pk, issuance.domain_id)


@require_POST
@workspace_view("certificate.issue")
def again(request: WorkspaceRequest, workspace: Workspace, issuance_id: uuid.UUID) -> HttpResponse:
    issuance = find_issuance(workspace, issuance_id)
    started: list[Issuance] = []
    tell(request, lambda: started.append(start_again(issuance=issuance, actor=request.actor)))
    return to_issuance(started[0] if started else issuance)


@never_cache
@require_GET
@workspace_view("certificate.download", fresh=True)
def download(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    """The one page through which a private key reaches a browser."""
    certificate = find_certificate(workspace, certificate_id)
    try:
        packed = download_bundle(certificate=certificate, actor=request.actor)
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
        return redirect("certificates:domain-issue", workspace.pk, certificate.domain_id)
    return as_download(packed)


@require_http_methods(["GET", "POST"])
@workspace_view("certificate.delete")
def delete(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    certificate = find_certificate(workspace, certificate_id)
    back_url = reverse("certificates:domain-issue", args=[workspace.pk, certificate.domain_id])
    if request.method == "POST":
        delete_certificate(certificate=certificate, actor=request.actor)
        messages.success(request, "Certificate deleted, private key destroyed.")
        return redirect(back_url)
    context = {
        "section": "domains",
        "title": f"Delete the certificate for {certificate.names[0]}?",
        "text": f"It is valid until {certificate.not_after:%Y-%m-%d}. Its private key is destroyed here and cannot be "
        "brought back; servers that already hold both go on serving them.",
        "label": "Delete certificate",
        "back_url": back_url,
    }
    return render(request, "confirm_page.html", context)


def latest_issuance(domain: Domain) -> Issuance | None:
    """What the tab shows: the open issuance, or the last one while it failed and nothing came after it."""
    rows = Issuance.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    rows = rows.select_related("domain__workspace", "certificate").prefetch_related("authorizations")
    found = rows.filter(state__in=Issuance.OPEN_STATES).order_by("-created_at").first()
    if found:
        return found
    last = rows.order_by("-created_at").first()
    return last if last and last.state == Issuance.State.FAILED else None


def tab_context(request: WorkspaceRequest, domain: Domain, issuance: Issuance | None) -> dict[str, Any]:
    """Everything both pages show; someone looking at an open issuance keeps its records being looked for."""
    if issuance:
        keep_looking(issuance)
    others = Issuance.objects.for_workspace(domain.workspace_id).filter(domain=domain, state__in=Issuance.OPEN_STATES)
    return {
        **domain_context(domain, "lets-encrypt"),
        "stepper": stepper_of(issuance) if issuance else None,
        "issuance": issuance,
        "ends_at": ends_in(issuance) if issuance else None,
        "form": StartForm(domain=domain),
        "how_it_goes": HOW_IT_GOES,
        "hands_free": hands_free_of(domain, request.role),
        "window": window_of(domain),
        **_budget_context(request, domain),
        "certificates": list(certificates_for(domain).order_by("-created_at")[:CERTIFICATES_SHOWN]),
        "other_issuances": [row for row in others.order_by("-created_at")[:10] if row != issuance],
        "renewal": renewal_of(domain),
        "ca": ca_label(settings.ACME_DIRECTORY_URL),
        "may_issue": is_allowed(request.role, "certificate.issue"),
        "may_download": is_allowed(request.role, "certificate.download"),
        "may_delete": is_allowed(request.role, "certificate.delete"),
    }


def _budget_context(request: WorkspaceRequest, domain: Domain, wish: Wish | None = None) -> dict[str, Any]:
    """For what somebody chose, else for the next certificate with the names of the newest."""
    if not is_allowed(request.role, "certificate.issue"):
        return {"budgets": []}
    names, at = (wish.names, wish.directory_url) if wish else (usual_names(domain), settings.ACME_DIRECTORY_URL)
    return {"budgets": budgets_of(domain, names, at), "budget_names": names, "budget_ca": ca_label(at)}


def closed_by(error: ExpectedError) -> dict[str, Any]:
    """Why nothing can be ordered yet: the words, and the certificate on file, if that is why."""
    return {"wording": describe(error.code, error.params), "certificate": error.params.get("certificate")}


def window_of(domain: Domain) -> dict[str, Any] | None:
    """Why the host alone cannot be ordered again yet; None when it can."""
    try:
        require_open_window(domain.workspace, read_wish([domain.host]))
    except ExpectedError as error:
        return closed_by(error)
    return None


def to_issuance(issuance: Issuance) -> HttpResponse:
    return redirect("certificates:issuance-show", issuance.workspace_id, issuance.pk)


def tell(request: WorkspaceRequest, act: Callable[[], object]) -> bool:
    """Do it; whether it went well. What is in the way becomes a message on the next page."""
    try:
        act()
    except ExpectedError as error:
        messages.error(request, in_one_line(error))
        return False
    return True
