"""Settings, API tokens."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.forms import TokenForm
from accounts.models import ApiToken, Membership, Workspace
from accounts.tokens import make_token, revoke_token
from accounts.views.settings import settings_page
from config.lib import clock

PAGE = 50


@workspace_view("token.view")
@require_safe
def list_tokens(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Each with what its maker may do here now, since a token never does more."""
    makers = Membership.objects.filter(workspace=workspace, user=OuterRef("made_by"), user__is_active=True)
    rows = ApiToken.objects.for_workspace(workspace).annotate(maker_role=Subquery(makers.values("role")))
    listed = Paginator(rows.select_related("made_by").order_by("-created_at", "id"), PAGE)
    page = listed.get_page(request.GET.get("page"))
    return settings_page(request, "accounts/tokens.html", "API tokens", page=page, now=clock.now())


@workspace_view("token.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def create_token(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """The secret is in this one answer and nowhere else, hence no redirect after it."""
    form = TokenForm(request.POST or None)
    if not form.is_valid():
        return settings_page(request, "accounts/token_form.html", "API tokens", form=form)
    days = form.cleaned_data.pop("days")
    expires_at = clock.now() + timedelta(days=days) if days else None
    token, secret = make_token(
        workspace=workspace, maker=request.user, actor=request.actor, expires_at=expires_at, **form.cleaned_data
    )
    return settings_page(request, "accounts/token_made.html", "API tokens", token=token, secret=secret)


@workspace_view("token.edit", fresh=True)
@require_POST
def revoke_one_token(request: WorkspaceRequest, workspace: Workspace, token_id: uuid.UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.for_workspace(workspace), pk=token_id)
    revoke_token(token=token, actor=request.actor)
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("accounts:token-list", workspace_id=workspace.pk)
