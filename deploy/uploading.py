"""The upload form of the Renew & deploy tab."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from certificates.models import Certificate
from certificates.uploads.forms import UploadForm
from certificates.uploads.storing import store_upload
from config.lib.errors import ExpectedError, describe
from deploy import shown
from deploy.deployments import running_deployment
from deploy.forms import TargetForm
from deploy.views import tab_context, to_tab
from domains.models import Domain
from domains.views import find_domain


@never_cache
@sensitive_post_parameters("pem", "password")
@require_POST
@workspace_view("certificate.upload")
def upload(request: WorkspaceRequest, workspace: Workspace, domain_id: uuid.UUID) -> HttpResponse:
    domain = find_domain(workspace, domain_id)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            certificate, is_new = store_upload(domain=domain, upload=form.upload, actor=request.actor)
        except ExpectedError as error:
            form.refuse(error)
        else:
            tell_stored(request, certificate, is_new=is_new)
            return after_upload(domain, certificate)
    targets = shown.targets_of(domain)
    rows = [TargetForm(domain=domain, target=target) for target in targets] or [TargetForm(domain=domain)]
    context = tab_context(request, domain, targets, rows) | {"upload_form": form}
    return render(request, "deploy/renew_deploy.html", context, status=422)


def tell_stored(request: WorkspaceRequest, certificate: Certificate, *, is_new: bool) -> None:
    words = "Certificate stored." if is_new else "This certificate was on file already; nothing was stored twice."
    messages.success(request, words)
    for one in certificate.warnings:
        wording = describe(one["code"], one["params"])
        messages.warning(request, f"{wording.title}. {wording.why} {wording.fix}")


def after_upload(domain: Domain, certificate: Certificate) -> HttpResponse:
    """To the deployment that it has started, if there is one."""
    running = running_deployment(domain)
    if running and running.certificate_id == certificate.pk:
        return redirect("deploy:deployment-show", domain.workspace_id, running.pk)
    return to_tab(domain)
