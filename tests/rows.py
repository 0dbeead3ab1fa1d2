"""A row of any owned model, made from the model's own fields, so that tests over all rooms need no recipes."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import models

from accounts.models import Membership, User, Workspace
from config.lib import clock
from config.lib.scoping import OwnedModel
from config.lib.sealed import Sealed, SealedField


class Rows:
    """One row per model in one workspace; foreign keys lead to rows of the same workspace.

    Another `number` makes another set. `shared` rows are taken instead of made.
    """

    def __init__(self, workspace: Workspace, user: User, number: int = 0, shared: Sequence[models.Model] = ()) -> None:
        self.number = number
        self.workspace = workspace
        self.user = user
        membership = Membership.objects.get(user=user, workspace=workspace)
        self.made: dict[type[models.Model], models.Model] = {
            type(row): row for row in (workspace, user, membership, *shared)
        }

    def of(self, model: type[models.Model]) -> Any:
        if model not in self.made:
            fields = {field.name: self._value(field) for field in model._meta.concrete_fields if _is_needed(field)}
            if model in self.made:  # A row that it hangs on came with it.
                return self.made[model]
            self.made[model] = model._default_manager.create(**fields)
            for companion in COMPANIONS.get(model._meta.model_name or "", ()):
                self.called(companion)
        return self.made[model]

    def called(self, name: str) -> Any:
        """The row of the model that a URL calls `name`: `domain`, `issuance`, …"""
        return self.of(model_called(name))

    def _value(self, field: models.Field) -> Any:
        if isinstance(field, models.ForeignKey):
            assert isinstance(field.related_model, type)
            return self.of(field.related_model)
        if isinstance(field, SealedField):
            return Sealed.of("canary")
        if field.name in NAMED:
            host = f"h{self.number}{self.workspace.pk.hex}.example.org"  # the same in every row that names one
            return host if field.name == "host" else [host]
        if field.choices:
            return next(iter(field.choices))[0]
        word = WORDS.get(f"{field.model._meta.model_name}.{field.name}") or WORDS.get(field.name)
        if word:
            return word
        return _plain(field)


# What URLs call differently from the model behind it.
CALLED = {
    "batche": "batch",
    "alert-rule": "rule",
    "template": "alerttemplate",
    "deliverie": "delivery",
    "token": "apitoken",
    "member": "membership",
    "run": "targetrun",
    "event": "event",
    "root": "workspaceroot",
    "panel": "paneltarget",
    "certificate-authoritie": "acmeaccount",
    "top-up": "topup",
}
# Rows that the operations of a room always make together.
COMPANIONS = {"domain": ("visit", "ownership", "hosting")}
NAMED = frozenset({"host", "names"})
# Words of a registry, which the database does not know.
WORDS = {"channel": "email", "panelaccount.kind": "cpanel"}
OUR_ROOMS = {"accounts", "auditlog", "billing", "certificates", "deploy", "domains", "notifications"}


def model_called(name: str) -> type[models.Model]:
    wanted = CALLED.get(name, name).replace("_", "").replace("-", "")
    found = [model for model in apps.get_models() if model._meta.model_name == wanted and _is_ours(model)]
    assert len(found) == 1, f"which model is {name!r}? Teach tests.rows.CALLED"
    return found[0]


def owned_models() -> list[type[OwnedModel]]:
    return [model for model in apps.get_models() if issubclass(model, OwnedModel)]


def _is_ours(model: type[models.Model]) -> bool:
    return model._meta.app_label in OUR_ROOMS


def _is_needed(field: models.Field) -> bool:
    if field.name in NAMED:
        return True
    if field.has_default() or field.null:
        return False
    return not (field.blank and isinstance(field, (models.CharField, models.TextField)))


def _plain(field: models.Field) -> Any:
    if isinstance(field, models.DateTimeField):
        return clock.now()
    if isinstance(field, models.DateField):
        return clock.now().date()
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.IntegerField):
        return 1
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BinaryField):
        return b""
    return f"x{uuid.uuid4().hex}"[: field.max_length or 33]
