"""Settings, Certificate authorities."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from certificates.cas.accounts import accounts_of, add_ca, ask_for_look, ask_for_new_key, change_ca, remove_ca, use_of
from certificates.cas.choosing import addable, default_url
from certificates.cas.forms import CaForm
from certificates.cas.given import OTHER
from certificates.cas.known import Ca, ca_at, known_ca
from certificates.cas.shown import shown_cas
from certificates.models import AcmeAccount
from config.lib.errors import ExpectedError, NeedsUser, in_one_line

LABEL = "Certificate authorities"


def find_account(workspace: Workspace, account_id: uuid.UUID) -> AcmeAccount:
    return get_object_or_404(accounts_of(workspace), pk=account_id)


@workspace_view("ca.view")
@require_safe
def list_cas(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All of them, there are never more than ACCOUNTS_AT_MOST; and those that can be added."""
    rows = shown_cas(workspace)
    context = {
        "cas": rows,
        "addable": addable(workspace),
        "default_url": default_url(),
        "may_edit": is_allowed(request.role, "ca.edit"),
        "is_live": any(row.state == "running" for row in rows),
    }
    return settings_page(request, "certificates/cas/list.html", LABEL, **context)


@workspace_view("ca.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Which one says `?ca=`; without a known one the list is the place to choose it."""
    key = request.GET.get("ca", "")
    ca = known_ca(key)
    if ca is None and key != OTHER:
        return _to_list(workspace)
    form = CaForm(posted(request), ca=ca)
    if form.is_valid():
        try:
            account = add_ca(workspace=workspace, given=form.given, actor=request.actor)
        except NeedsUser as error:
            form.add_expected("directory_url" if "directory_url" in form.fields else "preferred_chain", error)
        else:
            messages.success(request, f"{ca_at(account.directory_url).title} is added; its directory is being read.")
            return _to_list(workspace)
    return _form(request, form, ca, None)


@workspace_view("ca.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: WorkspaceRequest, workspace: Workspace, acme_account_id: uuid.UUID) -> HttpResponse:
    account = find_account(workspace, acme_account_id)
    ca = ca_at(account.directory_url)
    form = CaForm(posted(request), ca=ca, account=account)
    if form.is_valid():
        change_ca(account=account, given=form.given, actor=request.actor)
        messages.success(request, f"{ca.title} is saved.")
        return _to_list(workspace)
    return _form(request, form, ca, account)


def posted(request: WorkspaceRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _form(request: WorkspaceRequest, form: CaForm, ca: Ca | None, account: AcmeAccount | None) -> HttpResponse:
    title = ca.title if ca else "Another certificate authority"
    answer = settings_page(
        request, "certificates/cas/form.html", LABEL, form=form, ca=ca, account=account, page_title=title
    )
    answer.status_code = 422 if form.errors else 200
    return answer


@workspace_view("ca.edit")
@require_POST
def look(request: WorkspaceRequest, workspace: Workspace, acme_account_id: uuid.UUID) -> HttpResponse:
    ask_for_look(find_account(workspace, acme_account_id))
    return _to_list(workspace)


@workspace_view("ca.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def new_key(request: WorkspaceRequest, workspace: Workspace, acme_account_id: uuid.UUID) -> HttpResponse:
    account = find_account(workspace, acme_account_id)
    if request.method == "POST":
        try:
            ask_for_new_key(account=account, actor=request.actor)
            messages.success(request, "The account is getting a new key.")
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        return _to_list(workspace)
    text = (
        "The portal makes a new key, has the CA take it in place of the old one, and forgets the old one. Account, "
        "certificates and CAA records stay as they are."
    )
    title = f"Give the account at {ca_at(account.directory_url).label} a new key?"
    return _confirm(request, workspace, title=title, text=text, label="Change the key")


@workspace_view("ca.edit", fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: WorkspaceRequest, workspace: Workspace, acme_account_id: uuid.UUID) -> HttpResponse:
    account = find_account(workspace, acme_account_id)
    ca = ca_at(account.directory_url)
    if request.method == "POST":
        try:
            remove_ca(account=account, actor=request.actor)
            messages.success(request, f"The account at {ca.label} is being closed.")
        except ExpectedError as error:
            messages.error(request, in_one_line(error))
        return _to_list(workspace)
    held = use_of(account).certificates
    kept = f" {held} valid certificates from there stay, but can no longer be revoked here." if held else ""
    text = f"The account is closed at the CA for good, and its key destroyed here.{kept}"
    return _confirm(request, workspace, title=f"Remove {ca.label}?", text=text, label="Remove")


def _confirm(request: WorkspaceRequest, workspace: Workspace, **told: str) -> HttpResponse:
    back_url = reverse("certificates:ca-list", args=[workspace.pk])
    return render(request, "confirm_page.html", {"section": "settings", "back_url": back_url, **told})


def _to_list(workspace: Workspace) -> HttpResponse:
    return redirect("certificates:ca-list", workspace.pk)
