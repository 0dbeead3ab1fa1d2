"""The portal's inside: database, secrets, queue, and what is late."""

import time
from collections.abc import Iterator
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from certificates.renewal import lateness
from certificates.renewal.moment import LATE
from config.doctor.findings import Finding, broken, ok, warning
from config.doctor.machine import running_here
from config.due import due_of
from config.lib import clock, jobs
from config.lib.sealed import fingerprints
from config.models import Heartbeat
from config.pausing import current_pause
from config.sealed_places import UNREADABLE, count_by_key

SAMPLE = 200
# Four rings of beat, so that one that was lost is no news.
SILENT_SECONDS = 60.0
QUEUES = ("work", "inspect")
VERY_LATE_SECONDS = 1800.0
# A renewal has weeks; one that waits an hour after its moment is worth a line.
RENEWAL_LATE = timedelta(hours=1)
LARGE_SKEW, SMALL_SKEW = 10.0, 2.0


def check_database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        version = cursor.fetchone()[0]
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    if missing:
        yield broken(f"{len(missing)} migrations are not applied", "manage.py migrate (make run does it by itself)")
    if unknown:
        yield warning(f"{len(unknown)} migrations are of another release", "Run the newest release that was run here.")
    yield ok(f"{connection.vendor} {version}" + ("" if missing else ", migrated"))


def check_pause() -> Iterator[Finding]:
    pause = current_pause()
    if pause:
        yield warning(str(pause), "When what is here is right: manage.py resume")
    else:
        yield ok("not paused")


def check_key() -> Iterator[Finding]:
    """A sample of every place: whether the keys that are set open what is stored."""
    found = count_by_key(at_most=SAMPLE)
    current, *old = fingerprints()
    if found[UNREADABLE]:
        yield broken(
            f"{found[UNREADABLE]} of {found.total()} stored secrets open with none of the keys that are set",
            "Put the key that sealed them into SECRETS_ENCRYPTION_KEYS_OLD; without it they are lost.",
        )
    if behind := sum(found[name] for name in old):
        yield warning(f"{behind} of {found.total()} secrets are under an old key", "manage.py rotate_encryption_key")
    elif old:
        yield warning(
            "SECRETS_ENCRYPTION_KEYS_OLD opens nothing that was looked at",
            "When manage.py rotate_encryption_key finds nothing either, take it away.",
        )
    yield ok(f"{found[current]} of {found.total()} secrets looked at open with the current key ({current})")


def check_redis() -> Iterator[Finding]:
    """The one that is configured; a private one is asked through the heartbeat alone."""
    if settings.REDIS_URL:
        yield _redis_says()


def check_queue() -> Iterator[Finding]:
    """When beat's ring last came through Redis to a worker of each queue."""
    beats = {beat.queue: (clock.now() - beat.at).total_seconds() for beat in Heartbeat.objects.all()}
    here = running_here()
    if not here and not settings.REDIS_URL:
        yield warning("the portal does not run here, so nothing that is due is done", "Start it: make run")
        return
    if not beats and not (here and _is_up_for(SILENT_SECONDS)):
        yield warning("no worker was ever rung", "Start the portal; a minute later: manage.py doctor")
        return
    for queue in QUEUES:
        yield _beat_says(queue, beats.get(queue))


def _redis_says() -> Finding:
    link = current_app.connection_for_write()
    try:
        link.channel()  # It sends a PING by itself.
    except link.connection_errors + link.channel_errors as error:
        todo = "Start Redis, or correct REDIS_URL; nothing is lost, the rows are in the database."
        return broken(f"Redis does not answer ({type(error).__name__})", todo)
    finally:
        link.release()
    return ok("Redis answers")


def _is_up_for(seconds: float) -> bool:
    started = min(path.stat().st_mtime for path in running_here().values())
    return time.time() - started > seconds


def _beat_says(queue: str, age: float | None) -> Finding:
    if age is not None and age <= SILENT_SECONDS:
        return ok(f"a worker of {queue} was rung {max(0.0, age):.0f} seconds ago")
    since = "ever" if age is None else f"for {age:.0f} seconds"
    todo = f"Look whether beat, Redis and a worker of {queue} run, and into their logs ({settings.VAR_DIR / 'logs'})."
    return broken(f"no worker of {queue} has been rung {since}", todo)


def check_clocks() -> Iterator[Finding]:
    """The database server's clock, by which leases run, and those of the workers, beside ours."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            yield _apart("the database server's", abs((cursor.fetchone()[0] - clock.now()).total_seconds()))
    ahead = max((beat.at for beat in Heartbeat.objects.all()), default=clock.now()) - clock.now()
    if ahead.total_seconds() > SMALL_SKEW:
        yield _apart("a worker's, or the one before this clock was put back,", ahead.total_seconds())


def _apart(whose: str, seconds: float) -> Finding:
    told, todo = f"this clock and {whose} are {seconds:.1f} seconds apart", "Let chrony or systemd-timesyncd keep both."
    if seconds > LARGE_SKEW:
        return broken(told, todo)
    return warning(told, todo) if seconds > SMALL_SKEW else ok(told)


def check_lateness() -> Iterator[Finding]:
    now = clock.now()
    found = {kind.name: due_of(kind, now) for kind in jobs.kinds}
    late = {name: due for name, due in found.items() if due.overdue}
    if not late:
        yield ok(f"nothing is late ({sum(due.due for due in found.values())} due)")
        return
    told = ", ".join(f"{due.overdue} {name} (for {due.oldest / 60:.0f} min)" for name, due in late.items())
    if current_pause() or (not settings.REDIS_URL and not running_here()):
        yield warning(f"late, because nothing is begun: {told}", "See the lines about pause and queue.")
    elif max(due.oldest for due in late.values()) > VERY_LATE_SECONDS:
        yield broken(f"late: {told}", "Look at the workers' logs; start more of them, or raise WORKER_CONCURRENCY.")
    else:
        yield warning(f"late: {told}", "If it stays: start more workers, or raise WORKER_CONCURRENCY.")


def check_renewals() -> Iterator[Finding]:
    """What only whoever runs the portal can mend; a customer's DNS is theirs, and their finding."""
    now = clock.now()
    late = lateness.due_renewals(now - RENEWAL_LATE)
    ours = late.filter(lateness.held_by_portal(now))
    count = ours.count()
    theirs = late.count() - count
    waiting = f"; {theirs} more wait for what their workspaces alone can mend" if theirs else ""
    oldest = ours.select_related("domain", "workspace", "issuance").first()
    if oldest is None or oldest.renew_at is None:
        yield ok(f"no renewal is late by the portal ({lateness.due_renewals(now).count()} due{waiting})")
        return
    code, gate = lateness.error_of(oldest), lateness.gate_of(oldest, now)
    told = (
        f"{count} renewals have been due for more than an hour; for longest that of {oldest.domain.label} "
        f"({oldest.workspace.name}), since {oldest.renew_at:%Y-%m-%d %H:%M} UTC, held by: {gate}"
    )
    told += (f" ({code})" if code else "") + waiting
    todo = "What is late and why: /admin/certificates/renewal/?moment=portal"
    yield broken(told, todo) if oldest.level >= LATE else warning(told, todo)
