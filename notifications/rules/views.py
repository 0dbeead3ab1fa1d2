"""Settings, Alert rules. They work without a script; htmx renews the preview while somebody types."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from config.lib import clock
from config.lib.errors import NeedsUser, in_one_line
from domains.models import DomainTag
from notifications.models import Rule
from notifications.rules.forms import ExampleForm, RuleForm
from notifications.rules.saving import (
    change_rule,
    create_rule,
    delete_rule,
    duplicate_rule,
    pause_rule,
    rules_of,
)
from notifications.rules.shown import Shown, show_rule, would_send
from notifications.wordings.preview import domains_offered

LABEL = "Alert rules"
PAGE = 100
TAGS_OFFERED = 100


def find_rule(workspace: Workspace, rule_id: uuid.UUID) -> Rule:
    return get_object_or_404(rules_of(workspace).select_related("workspace"), pk=rule_id)


@workspace_view("rule.view")
@require_safe
def list_rules(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """The newest first; `q` finds names, hosts and tags, for those who have rules about single domains."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()[:80]
    rows = rules_of(workspace)
    if wanted:
        rows = rows.filter(Q(name__icontains=wanted) | Q(tag__icontains=wanted) | Q(domain__host__icontains=wanted))
    page = Paginator(rows.order_by("-created_at", "-days_before_expiry", "-id"), PAGE).get_page(request.GET.get("page"))
    shown = [Shown(rule) for rule in page.object_list]
    context = {"page": page, "rules": shown, "q": wanted, **_may(request)}
    return settings_page(request, "notifications/rules/list.html", LABEL, **context)


@workspace_view("rule.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add_rule(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = RuleForm(request.POST or None, workspace=workspace)
    if form.is_valid():
        try:
            rule = create_rule(workspace=workspace, actor=request.actor, wish=form.wish)
        except NeedsUser as error:
            form.refuse(error)
        else:
            messages.success(request, f"{rule.name} is saved. {Shown(rule).begins}")
            return _to(rule)
    return _form_page(request, form, None)


@workspace_view("rule.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    rule = find_rule(workspace, rule_id)
    form = RuleForm(request.POST or None, workspace=workspace, rule=rule)
    if form.is_valid():
        try:
            changed = change_rule(rule=rule, actor=request.actor, wish=form.wish)
        except NeedsUser as error:
            form.refuse(error)
        else:
            messages.success(request, f"{changed.name} is saved.")
            return _to(changed)
    return _form_page(request, form, rule)


@workspace_view("rule.edit")
@require_POST
def preview_new(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """What is typed, with a real domain; nothing is saved."""
    return _preview_page(request, None)


@workspace_view("rule.edit")
@require_POST
def preview_one(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    return _preview_page(request, find_rule(workspace, rule_id))


def _preview_page(request: WorkspaceRequest, rule: Rule | None) -> HttpResponse:
    """The preview alone for htmx; without a script the whole form again, with what was typed."""
    form = RuleForm(request.POST, workspace=request.workspace, rule=rule)
    if request.htmx:
        context = {"sending": would_send(form, rule, request.POST.get("about", "")), **_may(request)}
        return render(request, "notifications/rules/_sending.html", context)
    answer = _form_page(request, form, rule)
    # Nothing was to be saved: a mistake is what the preview shows.
    answer.status_code = 200
    return answer


@workspace_view("rule.view")
@require_safe
def show_one_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    rule = find_rule(workspace, rule_id)
    about = request.GET.get("about", "")
    context = {
        "rule": Shown(rule),
        "sending": show_rule(rule, about, clock.now()),
        "about_form": ExampleForm(initial={"about": about}),
        "domains": domains_offered(workspace),
        **_may(request),
    }
    return settings_page(request, "notifications/rules/detail.html", LABEL, **context)


@workspace_view("rule.edit")
@require_POST
def pause_one_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    rule = pause_rule(rule=find_rule(workspace, rule_id), actor=request.actor, is_paused=True)
    messages.success(request, f"{rule.name} is paused: it says nothing until you resume it.")
    return _to(rule)


@workspace_view("rule.edit")
@require_POST
def resume_one_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    rule = pause_rule(rule=find_rule(workspace, rule_id), actor=request.actor, is_paused=False)
    messages.success(request, f"{rule.name} is on again.")
    return _to(rule)


@workspace_view("rule.edit")
@require_POST
def duplicate_one_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    """To be changed before it speaks: the copy is paused, and its form opens."""
    rule = find_rule(workspace, rule_id)
    try:
        copy = duplicate_rule(rule=rule, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
        return _to(rule)
    messages.success(request, f"{copy.name} is made, and paused. Change it, then resume it.")
    return redirect("notifications:rule-edit", workspace_id=workspace.pk, rule_id=copy.pk)


@workspace_view("rule.edit")
@require_POST
def delete_one_rule(request: WorkspaceRequest, workspace: Workspace, rule_id: uuid.UUID) -> HttpResponse:
    rule = find_rule(workspace, rule_id)
    delete_rule(rule=rule, actor=request.actor)
    messages.success(request, f"{rule.name} is deleted. What it had put out already is still delivered.")
    return redirect("notifications:rule-list", workspace_id=workspace.pk)


def _to(rule: Rule) -> HttpResponse:
    return redirect("notifications:rule-detail", workspace_id=rule.workspace_id, rule_id=rule.pk)


def _may(request: WorkspaceRequest) -> dict[str, bool]:
    """Whoever may edit rules also sees to whom they go."""
    return {"may_edit": is_allowed(request.role, "rule.edit")}


def _form_page(request: WorkspaceRequest, form: RuleForm, rule: Rule | None) -> HttpResponse:
    workspace = request.workspace
    keys = {"workspace_id": workspace.pk, **({"rule_id": rule.pk} if rule else {})}
    about = request.POST.get("about", "")
    context: dict[str, Any] = {
        "save_url": reverse(f"notifications:rule-{'edit' if rule else 'add'}", kwargs=keys),
        "form": form,
        "rule": rule,
        "sending": would_send(form, rule, about),
        "about_form": ExampleForm(initial={"about": about}),
        "preview_url": reverse(f"notifications:rule-preview{'' if rule else '-new'}", kwargs=keys),
        "domains": domains_offered(workspace),
        "tags": _tags_offered(workspace),
        **_may(request),
    }
    answer = settings_page(request, "notifications/rules/form.html", LABEL, **context)
    answer.status_code = 422 if form.errors else 200
    return answer


def _tags_offered(workspace: Workspace) -> list[str]:
    names = DomainTag.objects.for_workspace(workspace).order_by("name").values_list("name", flat=True)
    return list(names.distinct()[:TAGS_OFFERED])
