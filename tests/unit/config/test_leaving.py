"""A worker that is asked to stop leaves nothing locked behind."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from accounts.models import PlatformMail
from config.celery import LEAVE_SECONDS
from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from config.supervisor import STOP_SECONDS
from tests.servers.places import ROOT

# A worker whose work never ends, and which is asked to stop as soon as it has begun.
WORKER = """
import sys, threading, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from accounts.models import PlatformMail
from config import celery
from config.lib import jobs
begun = threading.Event()
def work(rows):
    begun.set()
    threading.Event().wait()
kind = jobs.Kind(name="test", model=PlatformMail, work=work, give_up=lambda job, error: None)
threading.Thread(target=jobs.work_once, args=(kind,)).start()
begun.wait()
celery.leave_after(0.1)
"""


def make_job() -> PlatformMail:
    return PlatformMail.objects.create(to="a@b.test", template="x", run_after=clock.now())


def nothing(rows: Sequence[Any]) -> None:
    pass


def give_up(job: Any, error: ExpectedError) -> None:
    pass


@pytest.mark.django_db
@pytest.mark.both_databases
def test_what_is_in_hand_is_given_back_uncounted_and_its_holder_finds_out() -> None:
    job, lost = make_job(), []

    def work(rows: Sequence[Any]) -> None:
        assert jobs.hand_back() == 1
        try:
            rows[0].renew_lease()
        except jobs.LeaseLost as error:
            lost.append(error)

    jobs.work_once(jobs.Kind(name="test", model=PlatformMail, work=work, give_up=give_up))
    job.refresh_from_db()
    assert len(lost) == 1
    assert (job.lease_token, job.lease_until, job.claims) == (None, None, 0)
    assert job.run_after is not None
    assert jobs.hand_back() == 0


@pytest.mark.django_db
def test_progress_that_was_recorded_does_not_make_the_count_negative() -> None:
    job = make_job()

    def work(rows: Sequence[Any]) -> None:
        rows[0].save_step(template="y")
        jobs.hand_back()

    jobs.work_once(jobs.Kind(name="test", model=PlatformMail, work=work, give_up=give_up))
    job.refresh_from_db()
    assert (job.claims, job.template) == (0, "y")


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_worker_whose_work_does_not_end_leaves_and_the_next_need_not_wait() -> None:
    job = make_job()
    name = str(connection.settings_dict["NAME"])
    left = subprocess.run([sys.executable, "-c", WORKER, name], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert left.returncode == 1
    assert "handed_back=1" in left.stderr
    next_claim = jobs.claim(jobs.Kind(name="test", model=PlatformMail, work=nothing, give_up=give_up))
    assert [(row.pk, row.claims) for row in next_claim] == [(job.pk, 1)]


def test_it_leaves_before_it_would_be_killed() -> None:
    assert LEAVE_SECONDS + 5 <= STOP_SECONDS
