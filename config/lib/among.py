"""`pk__among=keys`: like `pk__in`, with all the keys as one parameter.

The driver takes a statement with hundreds of placeholders apart anew each time, which costs more than finding the rows.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


@models.UUIDField.register_lookup
@models.ForeignKey.register_lookup
class Among(models.Lookup):
    """Of columns of UUIDs. Takes any iterable of them; none of it is read from the database."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[uuid.UUID]:
        keys: Iterable[uuid.UUID] = self.rhs
        return list(keys)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s::uuid[])", (*params, "{" + ",".join(map(str, self.rhs)) + "}")
        keys = json.dumps([key.hex for key in self.rhs])
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, keys)  # noqa: S608  (the compiler's own column)
