"""Settings, Notification gateways."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from config.lib import errors, jobs
from config.lib.errors import InvalidValue, NeedsUser, in_one_line
from notifications.gateways import kinds
from notifications.gateways.forms import GatewayForm, TestForm
from notifications.gateways.kind import GatewayKind
from notifications.gateways.saving import (
    change_gateway,
    create_gateway,
    delete_gateway,
    gateways_of,
    pause_gateway,
    resume_gateway,
)
from notifications.gateways.testing import has_ended, last_deliveries, send_test
from notifications.models import Channel, Delivery, Gateway

LABEL = "Notification gateways"
SHOWN_DELIVERIES = 50


def find_gateway(workspace: Workspace, gateway_id: uuid.UUID) -> Gateway:
    return get_object_or_404(gateways_of(workspace), pk=gateway_id)


@workspace_view("gateway.view")
@require_safe
def list_gateways(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All of them, there are never more than GATEWAYS_AT_MOST; and the gallery of kinds, searched by `q`."""
    wanted = request.GET.get("q", "").strip()[:80]
    context = {
        "gateways": gateways_of(workspace).order_by("channel", "name", "id"),
        "kinds": [kind for kind in kinds if is_found(kind, wanted)],
        "q": wanted,
        "may_edit": is_allowed(request.role, "gateway.edit"),
    }
    return settings_page(request, "notifications/gateways/list.html", LABEL, **context)


def is_found(kind: GatewayKind, wanted: str) -> bool:
    text = f"{kind.label} {kind.about} {kind.channel}".lower()
    return all(word in text for word in wanted.lower().split())


@workspace_view("gateway.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add_gateway(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """Which kind says `?kind=`; without one the gallery is the place to choose it."""
    channel = request.GET.get("kind", "")
    if channel not in kinds:
        return redirect("notifications:gateway-list", workspace_id=workspace.pk)
    kind = kinds.get(channel)
    form = GatewayForm(request.POST or None, kind=kind)
    if form.is_valid():
        told = {"channel": channel, "name": form.cleaned_data["name"], "given": form.given}
        try:
            gateway = create_gateway(workspace=workspace, user=request.user, actor=request.actor, **told)
        except NeedsUser as error:
            _refuse(form, error)
        else:
            messages.success(request, f"{gateway.name} is added. Send a test to see whether it works.")
            return redirect("notifications:gateway-detail", workspace_id=workspace.pk, gateway_id=gateway.pk)
    return _form_page(request, form, kind, None)


@workspace_view("gateway.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    gateway = find_gateway(workspace, gateway_id)
    kind = kinds.get(gateway.channel)
    form = GatewayForm(request.POST or None, kind=kind, gateway=gateway)
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            change_gateway(gateway=gateway, actor=request.actor, name=name, given=form.given)
        except NeedsUser as error:
            _refuse(form, error)
        else:
            messages.success(request, f"{gateway.name} is saved. Send a test to see whether it works.")
            return redirect("notifications:gateway-detail", workspace_id=workspace.pk, gateway_id=gateway.pk)
    return _form_page(request, form, kind, gateway)


def _refuse(form: GatewayForm, error: NeedsUser) -> None:
    form.add_expected(form.input_of(error.field_name) if isinstance(error, InvalidValue) else "name", error)


def _form_page(
    request: WorkspaceRequest, form: GatewayForm, kind: GatewayKind, gateway: Gateway | None
) -> HttpResponse:
    context = {"form": form, "kind": kind, "gateway": gateway}
    answer = settings_page(request, "notifications/gateways/form.html", LABEL, **context)
    answer.status_code = 422 if form.errors else 200
    return answer


@workspace_view("gateway.view")
@require_safe
def show_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    return _detail(request, find_gateway(workspace, gateway_id), _test_form(request, None))


def _test_form(request: WorkspaceRequest, data: Any) -> TestForm:
    return TestForm(data, initial={"to": ""})


def _detail(request: WorkspaceRequest, gateway: Gateway, form: TestForm, test: Delivery | None = None) -> HttpResponse:
    kind = kinds.get(gateway.channel)
    if gateway.channel == Channel.EMAIL:
        form.fields["to"].initial = request.user.email
    trouble = errors.describe(gateway.disabled_code, gateway.disabled_params) if gateway.disabled_at else None
    context = {
        "gateway": gateway,
        "kind": kind,
        "facts": [
            (field.label, _shown(field.choices, gateway.config.get(field.name, "")))
            for field in kind.fields
            if not field.is_secret
        ],
        "deliveries": last_deliveries(gateway, SHOWN_DELIVERIES),
        "form": form,
        "test": test,
        "trouble": trouble,
        "may_edit": is_allowed(request.role, "gateway.edit"),
    }
    answer = settings_page(request, "notifications/gateways/detail.html", LABEL, **context)
    answer.status_code = 422 if form.errors else 200
    return answer


def _shown(choices: Any, value: str) -> str:
    return str(dict(choices).get(value, value))


@workspace_view("gateway.edit")
@require_POST
def test_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    """Waits for the one attempt, as the API does, and shows the provider's own answer."""
    gateway = find_gateway(workspace, gateway_id)
    form = _test_form(request, request.POST)
    if not kinds.get(gateway.channel).is_addressed:
        form.fields["to"].required = False
    if not form.is_valid():
        return _detail(request, gateway, form)
    try:
        test = send_test(gateway=gateway, to=form.cleaned_data["to"], user=request.user)
    except InvalidValue as error:
        form.add_expected("to", error)
        return _detail(request, gateway, form)
    jobs.wait_for(lambda: has_ended(test))
    gateway.refresh_from_db()
    return _detail(request, gateway, form, test)


@workspace_view("gateway.edit")
@require_POST
def pause_one_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    gateway = find_gateway(workspace, gateway_id)
    pause_gateway(gateway=gateway, actor=request.actor)
    messages.success(request, f"{gateway.name} is paused. Nothing goes through it until you resume it.")
    return redirect("notifications:gateway-detail", workspace_id=workspace.pk, gateway_id=gateway.pk)


@workspace_view("gateway.edit")
@require_POST
def resume_one_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    gateway = find_gateway(workspace, gateway_id)
    resume_gateway(gateway=gateway, actor=request.actor)
    messages.success(request, f"{gateway.name} is on again.")
    return redirect("notifications:gateway-detail", workspace_id=workspace.pk, gateway_id=gateway.pk)


@workspace_view("gateway.edit")
@require_POST
def delete_one_gateway(request: WorkspaceRequest, workspace: Workspace, gateway_id: uuid.UUID) -> HttpResponse:
    gateway = find_gateway(workspace, gateway_id)
    try:
        delete_gateway(gateway=gateway, actor=request.actor)
    except NeedsUser as error:
        messages.error(request, in_one_line(error))
        return redirect("notifications:gateway-detail", workspace_id=workspace.pk, gateway_id=gateway.pk)
    messages.success(request, f"{gateway.name} is deleted.")
    return redirect("notifications:gateway-list", workspace_id=workspace.pk)
