"""The chain's head at the end of each day: who keeps one elsewhere can tell later that the past is still the same."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Max
from django.db.models.functions import TruncDate

from auditlog.models import Seal
from auditlog.pages.wanted import Wanted


@dataclass(frozen=True)
class DayHead:
    """After the last seal of a day (UTC): the number of the last event and its hash."""

    sealed_at: datetime
    number: int
    hash: str

    @property
    def words(self) -> str:
        return f"Head of the chain at the end of {self.sealed_at:%Y-%m-%d} (UTC)"


def daily_heads(workspace_id: uuid.UUID, wanted: Wanted) -> list[DayHead]:
    """The days in the wanted time on which something was sealed, the newest first."""
    seals = Seal.objects.filter(workspace_id=workspace_id)
    if wanted.start:
        seals = seals.filter(sealed_at__gte=wanted.start)
    if wanted.end:
        seals = seals.filter(sealed_at__lt=wanted.end)
    days = seals.annotate(day=TruncDate("sealed_at", tzinfo=UTC)).order_by().values("day")
    ends = list(days.annotate(end=Max("first")).values_list("end", flat=True))
    found = Seal.objects.filter(workspace_id=workspace_id, first__in=ends).order_by("-first")
    return [DayHead(seal.sealed_at, seal.last, seal.hash) for seal in found]
