"""Lists of the API: newest first, by cursor, so that rows added meanwhile shift nothing."""

import base64
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from ninja import Schema
from pydantic import Field

from accounts.problems import Problem
from config.lib.moments import parse_moment


class ListQuery(Schema):
    """The query of every list; rooms add their filters by subclassing."""

    cursor: str = Field("", max_length=500, description="The `next` of the page before.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


class Page[T](Schema):
    """`items`, and the cursor of the next page or null."""

    items: list[T]
    next: str | None


def page_of[M: Model](
    rows: QuerySet[M], query: ListQuery, show: Callable[[M], Any], *, at: str = "created_at"
) -> dict[str, Any]:
    """One page of `rows` (unordered, already filtered), ordered by their time `at` and id, newest first."""
    if query.cursor:
        before, key = open_cursor(query.cursor)
        older = Q(**{f"{at}__lt": before}) | Q(**{at: before, "pk__lt": key})
        # What `older` says already: no database makes a place in an index out of an OR.
        rows = rows.filter(older, **{f"{at}__lte": before})
    found = list(rows.order_by(f"-{at}", "-pk")[: query.limit + 1])
    shown = found[: query.limit]
    last = make_cursor(getattr(shown[-1], at), shown[-1].pk) if len(found) > query.limit else None
    return {"items": [show(row) for row in shown], "next": last}


def make_cursor(moment: datetime, key: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), str(key)]).encode()).decode().rstrip("=")


def open_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    """The moment and key that a cursor was made of. Raises Problem (422) for any other text."""
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return parse_moment(moment), uuid.UUID(key)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Problem(422, "input_invalid", fields={"cursor": "This cursor is not one of ours."}) from error
