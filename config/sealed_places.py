"""Every place of the database where sealed values stand, and going through all of them.

Columns are found by their type, so that a new one is never forgotten; what is sealed inside of something else is
named here, and a test compares the callers of `seal` with this list.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models

from accounts.mfa import CONTEXT as SECOND_FACTOR
from config.lib.errors import Permanent
from config.lib.sealed import SealedField, fingerprints, looks_sealed, opened

BATCH = 200
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Place:
    """A column whose values are sealed, or JSON with sealed texts in it; `context` says what a row's are bound to."""

    model: type[models.Model]
    column: str
    context: Callable[[Any], bytes]
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.column}"

    def batches(self) -> Iterator[Sequence[models.Model]]:
        """The rows with something in it, in the order of their keys, BATCH at a time, read as they are asked for."""
        rows = self.model._default_manager.order_by("pk").only("pk", self.column, *self.beside)
        if isinstance(self.model._meta.get_field(self.column), SealedField):
            rows = rows.exclude(**{self.column: ""}).exclude(**{f"{self.column}__isnull": True})
        last = None
        while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
            yield batch
            last = batch[-1].pk

    def value(self, row: models.Model) -> Any:
        """What is stored, not opened."""
        return row.__dict__[self.column]


def places() -> list[Place]:
    """Every place, in a fixed order."""
    found = [
        Place(model, field.attname, field.context, (field.workspace_attr,) if field.workspace_attr else ())
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
    ]
    # allauth keeps a second factor's secrets as texts within its JSON.
    return [*found, Place(Authenticator, "data", lambda _row: SECOND_FACTOR)]


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every sealed text in it, however deep, put through `change`."""
    if isinstance(value, dict):
        return {name: replaced(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, change) for item in value]
    return change(value) if looks_sealed(value) else value


def count_by_key(*, at_most: int | None = None) -> Counter[str]:
    """How many sealed values each key opens, by its fingerprint, and how many none does under UNREADABLE.

    With `at_most` so many rows of each place are looked at, else all.
    """
    found: Counter[str] = Counter()
    for place in places():
        for number, batch in enumerate(place.batches()):
            if at_most is not None and number * BATCH >= at_most:
                break
            for row in batch[:at_most]:
                replaced(place.value(row), partial(_counted, found, fingerprints(), place.context(row)))
    return found


def _counted(found: Counter[str], names: Sequence[str], context: bytes, blob: str) -> str:
    try:
        found[names[opened(blob, context=context)[0]]] += 1
    except Permanent:
        found[UNREADABLE] += 1
    return blob
