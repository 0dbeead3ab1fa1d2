"""What the responder reads in the database: the values at a label. Two columns of two tables, no secret."""

from collections.abc import Sequence

from django.db import DatabaseError, connection

from certificates.dns.zone import MOST_VALUES
from certificates.models import ChallengeValue, Delegation


def values_of(label: str) -> Sequence[str] | None:
    """The values to answer at `label`, oldest first; None where nobody was given that label. Blocks.

    Raises DatabaseError. A connection that broke meanwhile is opened again, once.
    """
    try:
        return _values_of(label)
    except DatabaseError:
        connection.close()
        return _values_of(label)


def _values_of(label: str) -> Sequence[str] | None:
    rows = ChallengeValue.unscoped.filter(delegation__label=label).order_by("created_at")
    values = list(rows.values_list("value", flat=True)[:MOST_VALUES])
    if not values and not Delegation.unscoped.filter(label=label).exists():
        return None
    return list(dict.fromkeys(values))
