"""What waits to be begun, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from config.lib import clock, jobs

OVERDUE = timedelta(minutes=2)


@dataclass(frozen=True)
class Due:
    """Rows of one kind whose time has come, held ones among them; `oldest` in seconds, 0 without any."""

    due: int
    overdue: int
    oldest: float


def due_of(kind: jobs.Kind, now: datetime) -> Due:
    """One query. By priority, because it leads the index, and of nothing but what is in it: no row is read."""
    rows = jobs.rows_of(kind.model).filter(priority__in=jobs.PRIORITIES, run_after__lte=now)
    row = rows.aggregate(
        due=Count("run_after"),
        overdue=Count("run_after", filter=Q(run_after__lte=now - OVERDUE)),
        since=Min("run_after"),
    )
    oldest = (now - row["since"]).total_seconds() if row["since"] else 0.0
    return Due(row["due"], row["overdue"], oldest)


def due_in_words() -> str:
    """What has come due, by kind: `3 visit, 1 platform_mail`."""
    now = clock.now()
    counted = {kind.name: due_of(kind, now).due for kind in jobs.kinds}
    return ", ".join(f"{count} {name}" for name, count in counted.items() if count) or "nothing"
