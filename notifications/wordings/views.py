"""Settings, Alert templates. They work without a script; htmx renews the preview while somebody types."""

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
from config.lib import clock
from config.lib.errors import NeedsUser, in_one_line
from notifications.models import AlertTemplate, Channel, Trigger
from notifications.wordings.defaults import default_text
from notifications.wordings.forms import PreviewForm, TemplateForm
from notifications.wordings.preview import Preview, domains_offered, preview_of
from notifications.wordings.saving import (
    InvalidTemplate,
    change_template,
    create_template,
    delete_template,
    templates_of,
)
from notifications.wordings.variables import VARIABLES

LABEL = "Alert templates"


def find_template(workspace: Workspace, template_id: uuid.UUID) -> AlertTemplate:
    return get_object_or_404(templates_of(workspace), pk=template_id)


@workspace_view("template.view")
@require_safe
def list_templates(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All of them: there are never more than TEMPLATES_AT_MOST."""
    context = {
        "templates": templates_of(workspace).order_by("channel", "name", "id"),
        "may_edit": is_allowed(request.role, "template.edit"),
    }
    return settings_page(request, "notifications/wordings/list.html", LABEL, **context)


@workspace_view("template.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add_template(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    form = _form(request, None)
    if form.is_valid():
        try:
            template = create_template(
                workspace=workspace, actor=request.actor, channel=form.cleaned_data["channel"], **form.texts
            )
        except NeedsUser as error:
            _refuse(form, error)
        else:
            messages.success(request, f"{template.name} is saved. Alert rules for its channel may use it now.")
            return redirect("notifications:template-list", workspace_id=workspace.pk)
    return _form_page(request, form, None)


@workspace_view("template.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_template(request: WorkspaceRequest, workspace: Workspace, template_id: uuid.UUID) -> HttpResponse:
    template = find_template(workspace, template_id)
    form = _form(request, template)
    if form.is_valid():
        try:
            changed = change_template(template=template, actor=request.actor, **form.texts)
        except NeedsUser as error:
            _refuse(form, error)
        else:
            messages.success(request, f"{changed.name} is saved. What is sent from now on says this.")
            return redirect("notifications:template-list", workspace_id=workspace.pk)
    return _form_page(request, form, template)


@workspace_view("template.edit")
@require_POST
def delete_one_template(request: WorkspaceRequest, workspace: Workspace, template_id: uuid.UUID) -> HttpResponse:
    template = find_template(workspace, template_id)
    try:
        delete_template(template=template, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
    else:
        messages.success(request, f"{template.name} is deleted.")
    return redirect("notifications:template-list", workspace_id=workspace.pk)


@workspace_view("template.view")
@require_POST
def preview_new(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """What is typed, with a real domain; nothing is saved."""
    return _preview_page(request, None)


@workspace_view("template.view")
@require_POST
def preview_one(request: WorkspaceRequest, workspace: Workspace, template_id: uuid.UUID) -> HttpResponse:
    return _preview_page(request, find_template(workspace, template_id))


def _preview_page(request: WorkspaceRequest, template: AlertTemplate | None) -> HttpResponse:
    """The preview alone for htmx; without a script the whole form again, with what was typed."""
    if request.htmx:
        return render(request, "notifications/wordings/_preview.html", _preview(request, template))
    typed = {name: request.POST.get(name, "") for name in ("channel", "name", "subject", "body")}
    form = TemplateForm(initial=typed, template=template, channel=typed["channel"])
    return _form_page(request, form, template)


def _form(request: WorkspaceRequest, template: AlertTemplate | None) -> TemplateForm:
    """Begins with the template's texts, or with the ones that messages have without any."""
    channel = _channel(request, template)
    if request.method == "POST":
        return TemplateForm(request.POST, template=template, channel=channel)
    return TemplateForm(initial=_texts(request, template), template=template, channel=channel)


def _channel(request: WorkspaceRequest, template: AlertTemplate | None) -> str:
    if template:
        return template.channel
    asked = request.POST.get("channel") or request.GET.get("channel", "")
    return asked if asked in Channel.values else Channel.EMAIL.value


def _texts(request: WorkspaceRequest, template: AlertTemplate | None) -> dict[str, str]:
    if request.method == "POST":
        return {name: request.POST.get(name, "") for name in ("subject", "body")}
    if template:
        return {"name": template.name, "subject": template.subject, "body": template.body}
    channel = _channel(request, template)
    subject, body = default_text(channel, Trigger.EXPIRY)
    return {"channel": channel, "subject": subject, "body": body}


def _preview(request: WorkspaceRequest, template: AlertTemplate | None) -> dict[str, Any]:
    texts = _texts(request, template)
    chosen = request.POST if request.method == "POST" else {}
    trigger = chosen.get("trigger", "")
    shown: Preview = preview_of(
        workspace=request.workspace,
        channel=_channel(request, template),
        subject=texts["subject"],
        body=texts["body"],
        trigger=trigger if trigger in Trigger.values else Trigger.EXPIRY,
        wanted=chosen.get("domain", ""),
        now=clock.now(),
    )
    return {"preview": shown}


def _refuse(form: TemplateForm, error: NeedsUser) -> None:
    form.add_expected(error.field_name if isinstance(error, InvalidTemplate) else "name", error)


def _form_page(request: WorkspaceRequest, form: TemplateForm, template: AlertTemplate | None) -> HttpResponse:
    workspace = request.workspace
    keys = {"workspace_id": workspace.pk, **({"template_id": template.pk} if template else {})}
    context = {
        "form": form,
        "kept": template,
        "preview_form": PreviewForm(initial=request.POST.dict() if request.method == "POST" else None),
        "save_url": reverse(f"notifications:template-{'edit' if template else 'add'}", kwargs=keys),
        "preview_url": reverse(f"notifications:template-preview{'' if template else '-new'}", kwargs=keys),
        "domains": domains_offered(workspace),
        "variables": VARIABLES.values(),
        **_preview(request, template),
    }
    answer = settings_page(request, "notifications/wordings/form.html", LABEL, **context)
    answer.status_code = 422 if form.errors else 200
    return answer
