"""Gateways: made, changed, paused, resumed, deleted."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User, Workspace
from auditlog.events import Actor, difference, record
from config.lib import clock
from config.lib.errors import InvalidValue, NeedsUser
from config.lib.sealed import Sealed
from notifications.gateways.kind import Field, GatewayKind, kinds
from notifications.hiding import hidden, hidden_url
from notifications.models import Channel, Gateway

GATEWAYS_AT_MOST = 50
VALUE_AT_MOST = 4096
_CHANGED = ("name", "config", "sealed_secrets", "disabled_at", "disabled_code", "disabled_params")
SHOWN_RULES = 3


def gateways_of(workspace: Workspace) -> QuerySet[Gateway]:
    return Gateway.objects.for_workspace(workspace)


def create_gateway(
    *, workspace: Workspace, user: User | None, actor: Actor, channel: str, name: str, given: Mapping[str, str]
) -> Gateway:
    """Raises InvalidValue for a field, and NeedsUser gateway_name_taken and gateways_full."""
    kind = kinds.get(channel)
    values = _checked(kind, _with_defaults(kind, given), has_secret=False)
    gateway = Gateway(workspace=workspace, channel=channel, name=name, created_by=user)
    _take(gateway, kind, values)
    with transaction.atomic():
        # Two admins at once: the second waits here and counts what the first has added.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if gateways_of(workspace).count() >= GATEWAYS_AT_MOST:
            raise NeedsUser("gateways_full", most=GATEWAYS_AT_MOST)
        _require_free_name(gateway)
        gateway.save()
        _record("gateway.created", gateway, actor, **difference({}, _shown(gateway, given)))
    return gateway


def change_gateway(*, gateway: Gateway, actor: Actor, name: str | None, given: Mapping[str, str]) -> None:
    """What is absent stays; an empty secret is taken away. What was switched off is on again.

    Raises InvalidValue for a field, also gateway_secret_again where a kept secret would go to another server.
    """
    kind = kinds.get(gateway.channel)
    gateway.refresh_from_db()
    values = _checked(kind, {**gateway.config, **given}, has_secret=_has_secret(gateway))
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=gateway.workspace_id)
        # Looked at again: a secret that came meanwhile belongs to the place that it came with.
        gateway.refresh_from_db()
        _require_secret_again(kind, gateway.config, values, given, has_secret=_has_secret(gateway))
        before = _shown(gateway, {})
        gateway.name = name or gateway.name
        _require_free_name(gateway)
        _take(gateway, kind, values)
        gateway.disabled_at, gateway.disabled_code, gateway.disabled_params = None, "", {}
        gateway.save(update_fields=_CHANGED)
        _record("gateway.changed", gateway, actor, **difference(before, _shown(gateway, given)))


def _has_secret(gateway: Gateway) -> bool:
    """Looked at without being opened: the web process need not."""
    return bool(gateway.__dict__.get("sealed_secrets"))


def pause_gateway(*, gateway: Gateway, actor: Actor) -> None:
    """Repeatable."""
    with transaction.atomic():
        if Gateway.unscoped.filter(pk=gateway.pk, paused_at=None).update(paused_at=clock.now()):
            _record("gateway.paused", gateway, actor)


def resume_gateway(*, gateway: Gateway, actor: Actor) -> None:
    """Also what the other side had refused: the next message shows whether it still does. Repeatable."""
    on: dict[str, Any] = {"paused_at": None, "disabled_at": None, "disabled_code": "", "disabled_params": {}}
    with transaction.atomic():
        row = Gateway.unscoped.select_for_update(no_key=True).filter(pk=gateway.pk).first()
        if row and not row.is_usable:
            Gateway.unscoped.filter(pk=gateway.pk).update(**on)
            _record("gateway.resumed", gateway, actor)


def delete_gateway(*, gateway: Gateway, actor: Actor) -> None:
    """Raises NeedsUser gateway_in_use while rules name it. Its deliveries stay as evidence."""
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=gateway.workspace_id)
        names = list(gateway.rules.order_by("name").values_list("name", flat=True))
        if names:
            raise NeedsUser("gateway_in_use", count=len(names), names=names[:SHOWN_RULES])
        if Gateway.unscoped.filter(pk=gateway.pk).delete()[0]:
            _record("gateway.deleted", gateway, actor, **difference(_shown(gateway, {}), {}))


def secret_of(kind: GatewayKind) -> Field | None:
    return next((field for field in kind.fields if field.is_secret), None)


def _with_defaults(kind: GatewayKind, given: Mapping[str, str]) -> dict[str, str]:
    return {**{field.name: field.default for field in kind.fields if field.default}, **given}


def _checked(kind: GatewayKind, values: Mapping[str, str], *, has_secret: bool) -> dict[str, str]:
    """Every field by its own rules, then all together by the kind's."""
    known = [field.name for field in kind.fields]
    for name in values:
        if name not in known:
            raise InvalidValue(name, "gateway_field_unknown", name=name, known=known)
    found = {field.name: _value(field, values, has_secret=has_secret) for field in kind.fields if field.name in values}
    for field in kind.fields:
        if (
            field.is_required
            and not found.get(field.name)
            and not (field.is_secret and has_secret and field.name not in values)
        ):
            raise InvalidValue(field.name, "gateway_field_missing")
    kind.check(found)
    return found


def _value(field: Field, values: Mapping[str, str], *, has_secret: bool) -> str:
    value = values[field.name] if field.kind == "lines" else values[field.name].strip()
    if len(value) > VALUE_AT_MOST:
        raise InvalidValue(field.name, "gateway_value_too_long", most=VALUE_AT_MOST)
    if field.kind != "lines" and not value.isprintable():
        raise InvalidValue(field.name, "secret_unusable" if field.is_secret else "gateway_value_unprintable")
    choices = [choice for choice, _ in field.choices]
    if choices and value not in choices:
        raise InvalidValue(field.name, "gateway_choice_unknown", known=choices)
    return value


def _require_secret_again(
    kind: GatewayKind, old: Mapping[str, str], new: Mapping[str, str], given: Mapping[str, str], *, has_secret: bool
) -> None:
    """A secret goes only to the server that it was typed in for."""
    secret = secret_of(kind)
    if secret is None or not has_secret or secret.name in given:
        return
    hosts = [field.name for field in kind.fields if field.is_host and not field.is_secret]
    if any(old.get(name, "") != new.get(name, "") for name in hosts):
        raise InvalidValue(secret.name, "gateway_secret_again")


def _take(gateway: Gateway, kind: GatewayKind, values: Mapping[str, str]) -> None:
    secret = secret_of(kind)
    gateway.config = {name: value for name, value in values.items() if not secret or name != secret.name}
    if secret and secret.name in values:
        text = values[secret.name]
        gateway.sealed_secrets = Sealed.of(json.dumps({secret.name: text})) if text else ""


def _require_free_name(gateway: Gateway) -> None:
    same = Gateway.unscoped.filter(workspace=gateway.workspace_id, channel=gateway.channel, name=gateway.name)
    if same.exclude(pk=gateway.pk).exists():
        raise NeedsUser("gateway_name_taken", name=gateway.name)


def _shown(gateway: Gateway, given: Mapping[str, str]) -> dict[str, Any]:
    """What the audit log compares; of the secret only that one was given, or taken away."""
    kind = kinds.get(gateway.channel)
    secret = secret_of(kind)
    shown = {"name": gateway.name, **gateway.config}
    for field in kind.fields:
        if field.name in gateway.config:
            shown[field.name] = _told(field, gateway.config[field.name])
    if secret and secret.name in given:
        shown[secret.name] = "given" if given[secret.name].strip() else "taken away"
    return shown


def _told(field: Field, value: str) -> str:
    """A URL's path and query, and headers and bodies, hold credentials wherever a provider wants them there."""
    if field.kind == "url":
        return hidden_url(value)
    return hidden(value) if field.is_private or field.kind == "lines" else value


def _record(kind: str, gateway: Gateway, actor: Actor, **more: Any) -> None:
    data = {"gateway": str(gateway.pk), "name": gateway.name, "channel": Channel(gateway.channel).label, **more}
    record(kind, workspace_id=gateway.workspace_id, actor=actor, data=data)
