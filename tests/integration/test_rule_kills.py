"""A worker that is killed at any point of a look at the rules loses no round, and tells none twice."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from config.lib import clock, jobs
from notifications.models import Alarm, Delivery, Digest, Watch
from notifications.rules.digests import plan_digest
from notifications.rules.watching import domains_moved
from tests.cast import Cast, make_cast
from tests.servers.places import ROOT
from tests.unit.notifications.watched import only, watched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.once]

PLACES = ["notify.watch_read", "notify.watch_alarmed", "notify.watch_fired", "notify.watch_rested"]

WORKER = """
import sys, django
django.setup()
from django.db import connection
from config.lib import jobs
connection.settings_dict["NAME"] = sys.argv[1]
jobs.run_due("watch")
jobs.run_due("digest")
"""


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def work_and_die(place: str) -> int:
    """How a worker of its own ended, on this test's database, that was told to die at `place`."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"])]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


MANY = 450  # more than two batches

SWEEPER = """
import sys, django
django.setup()
from django.db import connection
from config.lib import jobs
connection.settings_dict["NAME"] = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
jobs.run_due("watch")
"""


def begin_sweeper() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SWEEPER, str(connection.settings_dict["NAME"])]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def sweep_side_by_side(count: int) -> list[int]:
    """How `count` workers ended that began in the same moment."""
    workers = [begin_sweeper() for _ in range(count)]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
    return [worker.returncode for worker in workers]


def test_sweepers_of_their_own_tell_each_round_once_between_them(cast: Cast) -> None:
    only(cast.acme, recipients=["ops@example.net"])
    domains_moved([watched(cast.acme, f"h{n}.example.org").pk for n in range(MANY)])
    Watch.unscoped.update(run_after=clock.now() - timedelta(minutes=1))
    assert sweep_side_by_side(3) == [0, 0, 0]
    assert Delivery.unscoped.count() == Alarm.unscoped.count() == MANY
    assert Delivery.unscoped.values("domain_id").distinct().count() == MANY
    assert not Watch.unscoped.filter(lease_token__isnull=False).exists()
    assert not Watch.unscoped.filter(run_after__lte=clock.now()).exists()


def lapse_leases() -> None:
    for model in (Watch, Digest):
        rows = model.unscoped.filter(lease_token__isnull=False)
        rows.update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_sweeper_tells_each_round_once(cast: Cast, place: str) -> None:
    only(cast.acme)
    domains = [watched(cast.acme, f"h{n}.example.org", days=20 + n * 40) for n in range(2)]
    domains_moved([domain.pk for domain in domains])
    assert work_and_die(place) == -signal.SIGKILL
    for _ in range(3):  # what was claimed before without an end goes alone
        lapse_leases()
        jobs.run_due("watch")
    assert Delivery.unscoped.count() == Alarm.unscoped.count() == 1
    assert not Watch.unscoped.filter(run_after__lte=clock.now()).exists()
    assert not Watch.unscoped.filter(lease_token__isnull=False).exists()


@pytest.mark.parametrize("place", ["notify.digest_read", "notify.digest_done"])
def test_a_killed_gatherer_sends_the_day_s_message_once(cast: Cast, place: str) -> None:
    rule = only(cast.acme, digest="daily")
    watched(cast.acme, "shop.example.org")
    plan_digest(rule)
    Digest.unscoped.update(run_after=clock.now() - timedelta(minutes=1))
    assert work_and_die(place) == -signal.SIGKILL
    lapse_leases()
    jobs.run_due("digest")
    assert Delivery.unscoped.count() == 1
