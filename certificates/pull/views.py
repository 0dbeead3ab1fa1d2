"""A token to pull a certificate by: made on the certificate's page, and revoked there."""

import uuid

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.workspaces import clean_name
from certificates.models import Certificate, PullToken
from certificates.pull.tokens import make_pull_token, revoke_pull_token
from config.lib.errors import NeedsUser
from domains.forms import CatalogueForm

NO_NAME = "A token needs a name that can be seen."


class PullForm(CatalogueForm):
    name = forms.CharField(
        label="Name", max_length=80, help_text="The server or job that will fetch it, such as 'mail-02'."
    )

    def clean_name(self) -> str:
        name = clean_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(NO_NAME)
        return name


@never_cache
@workspace_view("pull.edit", fresh=True)
@require_http_methods(["GET", "POST"])
def create(request: WorkspaceRequest, workspace: Workspace, certificate_id: uuid.UUID) -> HttpResponse:
    """The token is in this one answer and nowhere else, hence no redirect after it."""
    rows = Certificate.objects.for_workspace(workspace).select_related("domain")
    certificate = get_object_or_404(rows, pk=certificate_id)
    form = PullForm(request.POST or None)
    context = {"section": "certificates", "form": form, "certificate": certificate}
    if request.method == "POST" and form.is_valid():
        try:
            token, secret = make_pull_token(
                certificate=certificate, name=form.cleaned_data["name"], actor=request.actor, user=request.user
            )
        except NeedsUser as error:
            form.add_expected("name", error)
        else:
            made = {"token": token, "secret": secret, "header": f"Authorization: Bearer {secret}"}
            return render(request, "certificates/pull/made.html", {**context, **made, "address": address_of("tar")})
    return render(request, "certificates/pull/form.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_view("pull.edit")
def revoke(request: WorkspaceRequest, workspace: Workspace, pull_token_id: uuid.UUID) -> HttpResponse:
    token = get_object_or_404(PullToken.objects.for_workspace(workspace).select_related("domain"), pk=pull_token_id)
    revoke_pull_token(token=token, actor=request.actor)
    messages.success(request, f"{token.name} can no longer pull the certificate. What it fetched, it has.")
    newest = Certificate.objects.for_workspace(workspace).filter(domain=token.domain_id).order_by("-created_at").first()
    if newest is None:
        return redirect("certificates:certificate-list", workspace.pk)
    return redirect("certificates:certificate-show", workspace.pk, newest.pk)


def address_of(form: str) -> str:
    """The whole address, as it is pasted elsewhere; `form` is tar or pem."""
    return f"{settings.SITE_URL}{reverse(f'certificates:pull-{form}')}"
