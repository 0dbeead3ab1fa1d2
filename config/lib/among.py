"""`pk__among=keys`: like `pk__in`, with all the keys as one parameter.

The driver takes a statement with hundreds of placeholders apart anew each time, which costs more than finding the rows.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


@models.Field.register_lookup
@models.ForeignKey.register_lookup
class Among(models.Lookup):
    """Of columns of UUIDs or texts. Takes any iterable of values; none of it is read from the database."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[Any]:
        keys: Iterable[Any] = self.rhs
        return list(keys)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        field = field.target_field if field.is_relation else field
        keys = [str(field.get_db_prep_value(key, connection)) for key in self.rhs]
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s::{field.db_type(connection)}[])", (*params, keys)
        listed = "SELECT value FROM json_each(%s)"
        return f"{column} IN ({listed})", (*params, json.dumps(keys))
