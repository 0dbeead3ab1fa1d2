"""Every row of a workspace is scoped, and a query that forgot its workspace raises."""

import pytest
from django.apps import apps
from django.db import models

from accounts.models import Membership, Workspace, WorkspaceClosing
from auditlog.models import Archive, Event, Keeping, Retention, Seal
from config.lib.scoping import OwnedModel, ScopedManager, ScopeMissing
from tests.rows import OUR_ROOMS, owned_models

EXEMPT: dict[type[models.Model], str] = {
    Membership: "says who may enter a workspace, so it is read before there is one to scope to",
    Event: "keeps plain ids, since it outlives its workspace; its `objects` is scoped all the same",
    WorkspaceClosing: "outlives the workspace that it takes apart, so it names it by a plain id",
    Seal: "outlives its workspace with the events that it seals, and is only ever named by its id",
    Archive: "is where the chain of its workspace begins, and outlives it with the chain",
    Keeping: "says what happens to events, which outlive their workspace",
    Retention: "a hole in the append-only triggers for one workspace, only ever named by its id",
}


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OUR_ROOMS]


def belongs_to_a_workspace(model: type[models.Model]) -> bool:
    return any(field.attname == "workspace_id" for field in model._meta.concrete_fields)


def test_every_row_of_a_workspace_is_owned() -> None:
    loose = [m for m in ours() if belongs_to_a_workspace(m) and not issubclass(m, OwnedModel) and m not in EXEMPT]
    assert loose == []


def test_every_exemption_is_needed() -> None:
    assert [model for model in EXEMPT if not belongs_to_a_workspace(model) or issubclass(model, OwnedModel)] == []


def test_a_row_that_hangs_on_an_owned_row_is_owned_itself() -> None:
    """A child without a workspace of its own could be reached through a foreign parent's id."""
    hanging = [
        f"{model._meta.label}.{field.name}"
        for model in ours()
        if not issubclass(model, OwnedModel)
        for field in model._meta.concrete_fields
        if isinstance(field.related_model, type) and issubclass(field.related_model, OwnedModel)
    ]
    assert hanging == []


@pytest.mark.parametrize("model", owned_models(), ids=lambda model: model._meta.label)
def test_a_query_without_a_workspace_raises(model: type[OwnedModel]) -> None:
    assert isinstance(model.objects, ScopedManager)
    assert model._default_manager.name == "unscoped"
    for start in (model.objects.all, model.objects.count, model.objects.first, model.objects.exists):
        with pytest.raises(ScopeMissing):
            start()
    with pytest.raises(ScopeMissing):
        model.objects.filter(pk__isnull=True)


@pytest.mark.parametrize("model", owned_models(), ids=lambda model: model._meta.label)
def test_a_row_has_a_uuid_and_goes_with_its_workspace(model: type[OwnedModel]) -> None:
    assert isinstance(model._meta.pk, models.UUIDField)
    link = model._meta.get_field("workspace")
    assert link.related_model is Workspace
    assert link.remote_field.on_delete is models.CASCADE
