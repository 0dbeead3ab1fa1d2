"""Tenancy that fails closed: a query that forgot its workspace raises."""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.exceptions import ImproperlyConfigured
from django.db import models

if TYPE_CHECKING:
    from accounts.models import Workspace


class ScopeMissing(RuntimeError):
    """A query over owned rows was started without naming a workspace. Always a bug."""


class ForeignWorkspace(RuntimeError):
    """A row was about to point into another workspace. Always a bug or an attack."""


class ScopedManager[M: models.Model](models.Manager[M]):
    """`for_workspace()` is the only way in; `unscoped` is for sweeps, admin and Django itself."""

    def get_queryset(self) -> models.QuerySet[M]:
        raise ScopeMissing(f"{self.model.__name__}.objects: use for_workspace(workspace) or unscoped")

    def for_workspace(self, workspace: "Workspace | uuid.UUID") -> models.QuerySet[M]:
        key = workspace if isinstance(workspace, uuid.UUID) else workspace.pk
        return super().get_queryset().filter(workspace_id=key)

    def create(self, **fields: Any) -> M:
        """Creating names its workspace by the field itself."""
        row = self.model(**fields)
        row.save(force_insert=True, using=self.db)
        return row


class OwnedModel(models.Model):
    """A row of one workspace: UUID key, and no foreign key leads into another workspace."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")

    # First, hence Django's default manager: related managers, forms and admin need a working one.
    unscoped: ClassVar[models.Manager[Self]] = models.Manager()
    objects: ClassVar[ScopedManager[Self]] = ScopedManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_foreign_rows(kwargs.get("update_fields"))
        super().save(*args, **kwargs)

    def _refuse_foreign_rows(self, update_fields: Any) -> None:
        for field in self._owned_links():
            if update_fields is not None and not {field.name, field.attname} & set(update_fields):
                continue
            key = getattr(self, field.attname)
            if key is not None and self._workspace_of(field, key) != self.workspace_id:
                raise ForeignWorkspace(f"{type(self).__name__}.{field.name} points into another workspace")

    def _owned_links(self) -> list[models.ForeignKey[Any, Any]]:
        return [
            field
            for field in self._meta.concrete_fields
            if isinstance(field, models.ForeignKey) and issubclass(_model(field), OwnedModel)
        ]

    def _workspace_of(self, field: models.ForeignKey[Any, Any], key: object) -> object:
        if field.is_cached(self):
            return getattr(self, field.name).workspace_id
        rows = _model(field).unscoped.filter(pk=key)  # type: ignore[attr-defined]
        return rows.values_list("workspace_id", flat=True).first()


def _model(field: models.ForeignKey[Any, Any]) -> type[models.Model]:
    target = field.related_model
    if isinstance(target, str):
        raise ImproperlyConfigured(f"{field}: its model is not loaded")
    return target
