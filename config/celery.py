"""The queue: one task, whose message says only which kind of work may be due."""

import logging
import os
import threading
import time
from typing import Any

import django
from celery import Celery
from celery.signals import worker_shutting_down
from django.apps import apps
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# `migrate` has checked all of it before a worker starts. Again in each would take 2 s of CPU and 55 MB: it loads every
# page and the API.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
if not apps.models_ready:
    # Celery imports this module first; inside Django it is `config.apps` that does.
    django.setup()

from config.lib import clock, jobs
from config.models import Heartbeat

TICK_SECONDS = 15.0
KEPT_FOR_PEOPLE = 2
# Less than what the supervisor and containers give a worker that is asked to stop (45 and 60 seconds).
LEAVE_SECONDS = 35.0

# A person who waits always finds a free slot: background work never takes the last two.
background_slots = threading.BoundedSemaphore(max(1, settings.WORKER_CONCURRENCY - KEPT_FOR_PEOPLE))

log = logging.getLogger("jobs")

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
    if kind not in jobs.kinds:
        return
    if interactive:
        jobs.run_due(kind, interactive=True)
    elif background_slots.acquire(blocking=False):  # All taken: the next tick rings again.
        try:
            jobs.run_due(kind)
        finally:
            background_slots.release()


@app.task(name="tick")
def tick(queue: str = "work", **_later: Any) -> None:
    """Ring every kind of one queue that has due rows; costs one index look-up per kind, and the heartbeat."""
    Heartbeat.objects.update_or_create(queue=queue, defaults={"at": clock.now()})
    for kind in jobs.kinds:
        if kind.queue == queue and jobs.is_due(kind):
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


@worker_shutting_down.connect
def stop_claiming(**_signal: Any) -> None:
    """Finish what is in hand, claim nothing more, and leave in time."""
    jobs.stopping.set()
    threading.Thread(target=leave_after, args=(LEAVE_SECONDS,), daemon=True).start()


def leave_after(seconds: float) -> None:
    """Unless the work in hand ends before: give its leases back and end this process, so that nobody waits for them."""
    time.sleep(seconds)
    log.warning("worker.left", extra={"handed_back": jobs.hand_back()})
    # At once, and past every handler: a thread that went on would work on a row that somebody else may have by now.
    os._exit(1)
