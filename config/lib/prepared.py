"""Questions that are asked again and again with nothing changed but the moment, compiled once.

Building and compiling a query costs several times what the database takes to answer it, and workers ask the same
ones at every claim and every tick.
"""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models

# Stands in a query for the moment of asking; nothing else in one may be equal to it.
MOMENT = datetime(1, 2, 3, 4, 5, 6, 789, tzinfo=UTC)

# Statements by the names of their questions.
type Compiled = dict[Hashable, tuple[str, tuple[Any, ...]]]


def ask(
    compiled: Compiled, name: Hashable, build: Callable[[], models.QuerySet[Any, Any]], now: datetime
) -> list[tuple[Any, ...]]:
    """The rows as the database gives them, unconverted. Within `compiled`, `name` says all that `build` depends on."""
    if name not in compiled:
        compiled[name] = build().query.sql_with_params()
    sql, params = compiled[name]
    moment, present = (connection.ops.adapt_datetimefield_value(one) for one in (MOMENT, now))
    with connection.cursor() as cursor:
        cursor.execute(sql, [present if param == moment else param for param in params])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
