"""What waits to be begun."""

from config.lib import clock, jobs


def due_in_words() -> str:
    """How many rows of each kind have come due, held ones among them: `3 visit, 1 platform_mail`."""
    now = clock.now()
    counted = {
        kind.name: jobs.rows_of(kind.model).filter(priority__in=jobs.PRIORITIES, run_after__lte=now).count()
        for kind in jobs.kinds
    }
    return ", ".join(f"{count} {name}" for name, count in counted.items() if count) or "nothing"
