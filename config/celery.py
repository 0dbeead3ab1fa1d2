"""The queue: one task, whose message says only which kind of work may be due."""

import os
from typing import Any

from celery import Celery
from django.conf import settings

from config.lib import jobs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TICK_SECONDS = 15.0

app = Celery("managemycert")
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://",
    broker_transport_options={
        # A tick or a ring that cannot be delivered at once is worthless: the next tick comes in 15 s.
        "socket_timeout": 1.0,
        "socket_connect_timeout": 1.0,
        "max_retries": 0,
        "visibility_timeout": 600,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="work",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    enable_utc=True,
    timezone="UTC",
)


@app.task(name="drain")
def drain(kind: str = "", interactive: bool = False, **_later: Any) -> None:
    """Work what is due of one kind; unknown kinds and extra arguments of another release do no harm."""
    if kind in jobs.kinds:
        jobs.run_due(kind, interactive=interactive)


@app.task(name="tick")
def tick(queue: str = "work", **_later: Any) -> None:
    """Ring every kind of one queue that has due rows; costs one index look-up per kind."""
    for kind in jobs.kinds:
        if kind.queue == queue and jobs.due(kind).exists():
            jobs.ring(kind.name)


app.conf.beat_schedule = {
    f"tick-{queue}": {
        "task": "tick",
        "schedule": TICK_SECONDS,
        "kwargs": {"queue": queue},
        "options": {"queue": queue, "expires": TICK_SECONDS},
    }
    for queue in ("work", "inspect")
}
