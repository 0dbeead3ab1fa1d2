"""The modes of the Renew & deploy tab, Enable auto-renew, and Renew now."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from certificates.renewal.now import is_before_its_time, renew_now, spent
from certificates.renewal.plan import Automation, set_automation
from config.lib.errors import ExpectedError, NeedsUser, in_one_line
from domains.models import Domain, Mode
from domains.views import find_domain


@require_POST
@workspace_view("certificate.issue")
def choose_mode(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Use this mode`. What the other modes have stored stays."""
    domain = find_domain(workspace, domain_id)
    mode = request.POST.get("mode", "")
    if mode not in Mode.values:
        messages.error(request, "Choose one of the four modes.")
        return to_modes(domain)
    return _set(request, domain, Automation(mode), f"The mode is {Mode(mode).label} from now on.")


@require_POST
@workspace_view("certificate.issue")
def enable(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Enable auto-renew`: refused with one message for each thing that is missing."""
    domain = find_domain(workspace, domain_id)
    names = request.POST.get("names", "").split()
    wanted = Automation(domain.mode, auto_renew=True, names=names or None)
    return _set(request, domain, wanted, "It renews by itself from now on.")


@require_POST
@workspace_view("certificate.issue")
def disable(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    said = "Nobody renews it by itself any more. Certificates on file stay."
    return _set(request, find_domain(workspace, domain_id), Automation(auto_renew=False), said)


@require_POST
@workspace_view("certificate.issue")
def renew(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    """`Renew now`: before its time it is asked once more, with what it would use up."""
    domain = find_domain(workspace, domain_id)
    force = "force" in request.POST
    try:
        early = None if force else is_before_its_time(domain)
        if early:
            return _ask_once(request, domain, early)
        renew_now(domain=domain, force=force, actor=request.actor)
    except ExpectedError as error:
        tell_refusal(request, error)
        return to_modes(domain)
    messages.success(request, "It is being renewed now; the new certificate then goes to every server.")
    return redirect("certificates:domain-issue", workspace.pk, domain.pk)


def _ask_once(request: WorkspaceRequest, domain: Domain, early: NeedsUser) -> HttpResponse:
    budget = spent(domain)
    context = {
        "section": "domains",
        "domain": domain,
        "opens": early.params["opens"],
        "budget": budget,
        "next": budget.used + 1 if budget else 0,
        "may_deploy": is_allowed(request.role, "deploy.run"),
        "back_url": f"{reverse('deploy:domain-deploy', args=[domain.workspace_id, domain.pk])}#auto-renew",
    }
    return render(request, "deploy/http01/renew_early.html", context)


def _set(request: WorkspaceRequest, domain: Domain, wanted: Automation, said: str) -> HttpResponse:
    try:
        set_automation(domain=domain, actor=request.actor, wanted=wanted)
    except ExpectedError as error:
        tell_refusal(request, error)
    else:
        messages.success(request, said)
    return to_modes(domain)


def tell_refusal(request: WorkspaceRequest, error: ExpectedError) -> None:
    """One message, or one for each thing that is missing."""
    if error.code != "auto_renew_incomplete":
        messages.error(request, in_one_line(error))
        return
    for missing in error.params["missing"]:
        messages.error(request, f"Auto-renew (SSH) still needs {missing}.")


def to_modes(domain: Domain) -> HttpResponse:
    return redirect(f"{reverse('deploy:domain-deploy', args=[domain.workspace_id, domain.pk])}#modes")
