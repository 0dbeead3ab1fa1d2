"""Leased jobs: one holder at a time, nothing lost, no broken broker in a page."""

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.db import connection, connections, transaction
from django.db.models.functions import Now

from accounts.models import PlatformMail
from config.celery import app
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, NeedsUser, Transient
from config.lib.jobs import Kind, LeaseLost

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def kind(work: Callable[[Sequence[Any]], None], batch: int = 1) -> Kind:
    return Kind(name="test", model=PlatformMail, work=work, give_up=give_up, batch=batch)


def give_up(job: Any, error: ExpectedError) -> None:
    job.finish(state="failed", error_code=error.code)


def nothing(rows: Sequence[Any]) -> None:
    pass


def make_job(**fields: Any) -> PlatformMail:
    return PlatformMail.objects.create(**{"to": "a@b.test", "template": "x", "run_after": clock.now(), **fields})


def lapse(job: PlatformMail) -> None:
    PlatformMail.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_only_due_rows_are_claimed_and_interactive_ones_first() -> None:
    background = make_job()
    person = make_job(priority=jobs.INTERACTIVE)
    make_job(run_after=clock.now() + timedelta(minutes=1))
    make_job(run_after=None)
    assert [job.pk for job in jobs.claim(kind(nothing, batch=10))] == [person.pk, background.pk]


def test_the_interactive_slot_takes_no_background_row() -> None:
    make_job()
    assert jobs.claim(kind(nothing), interactive=True) == []


def test_a_held_row_is_not_claimed_until_its_lease_has_run_out() -> None:
    job = make_job()
    first = jobs.claim(kind(nothing))
    assert jobs.claim(kind(nothing)) == []
    lapse(job)
    second = jobs.claim(kind(nothing))
    assert [row.pk for row in second] == [job.pk]
    assert second[0].lease_token != first[0].lease_token


def test_rows_that_lost_their_worker_go_alone_and_their_neighbours_go_on() -> None:
    for _ in range(3):
        make_job()
    killed = jobs.claim(kind(nothing, batch=10))
    fresh = make_job()
    for job in killed:
        lapse(job)
    claimed = [[job.pk for job in jobs.claim(kind(nothing, batch=10))] for _ in range(4)]
    assert sorted(claimed[:3]) == sorted([job.pk] for job in killed)
    assert claimed[3] == [fresh.pk]


def test_the_result_of_a_lost_lease_is_dropped() -> None:
    job = make_job()
    (slow,) = jobs.claim(kind(nothing))
    lapse(job)
    (quick,) = jobs.claim(kind(nothing))
    told: list[str] = []
    assert slow.finish(state="failed", also=lambda: told.append("slow")) is False
    with pytest.raises(LeaseLost):
        slow.save_step(template="y")
    with pytest.raises(LeaseLost):
        slow.renew_lease()
    assert quick.finish(state="sent", also=lambda: told.append("quick")) is True
    job.refresh_from_db()
    assert (job.state, job.run_after, job.lease_token, told) == ("sent", None, None, ["quick"])


def test_finish_and_what_goes_with_it_are_one_transaction() -> None:
    job = make_job()
    (mine,) = jobs.claim(kind(nothing))

    def fails() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        mine.finish(state="sent", also=fails)
    job.refresh_from_db()
    assert job.state == "waiting"
    assert job.lease_token is not None


def test_an_unclaimed_row_cannot_be_finished() -> None:
    assert make_job().finish(state="sent") is False


def test_a_transient_error_comes_back_up_the_ladder() -> None:
    job = make_job()

    def work(rows: Sequence[Any]) -> None:
        raise Transient("egress_refused", host="x")

    waits = []
    for _ in range(7):
        jobs.work_once(kind(work))
        job.refresh_from_db()
        assert job.run_after is not None
        waits.append(round((job.run_after - clock.now()).total_seconds() / 60))
        PlatformMail.objects.filter(pk=job.pk).update(run_after=clock.now())
    assert waits == [1, 2, 5, 10, 30, 60, 60]
    assert (job.error_code, job.error_params) == ("egress_refused", {"host": "x"})


def test_the_time_that_the_other_side_named_wins() -> None:
    job, at = make_job(), clock.now() + timedelta(hours=3)

    def work(rows: Sequence[Any]) -> None:
        raise Transient("egress_refused", retry_at=at)

    jobs.work_once(kind(work))
    job.refresh_from_db()
    assert job.run_after == at


def test_what_needs_a_person_is_given_up_visibly() -> None:
    job = make_job()

    def work(rows: Sequence[Any]) -> None:
        raise NeedsUser("host_malformed")

    jobs.work_once(kind(work))
    job.refresh_from_db()
    assert (job.state, job.error_code, job.run_after) == ("failed", "host_malformed", None)


def test_a_row_that_crashes_its_worker_is_quarantined_and_the_others_run() -> None:
    poison, good = make_job(template="poison"), make_job()

    def work(rows: Sequence[Any]) -> None:
        if rows[0].template == "poison":
            raise ZeroDivisionError
        rows[0].finish(state="sent")

    for _ in range(jobs.MAX_CLAIMS + 1):
        while jobs.work_once(kind(work)):
            pass
        lapse(poison)
    poison.refresh_from_db()
    good.refresh_from_db()
    assert (poison.state, poison.error_code) == ("failed", "job_quarantined")
    assert good.state == "sent"


@pytest.mark.django_db(transaction=True)
def test_many_claimers_never_hold_one_lease() -> None:
    rows = [make_job() for _ in range(60)]
    held: list[uuid.UUID] = []
    start = threading.Barrier(4)

    def claimer() -> None:
        start.wait()
        while claimed := jobs.claim(kind(nothing, batch=3)):
            held.extend(row.pk for row in claimed)
        connections.close_all()

    threads = [threading.Thread(target=claimer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == sorted(row.pk for row in rows)


@pytest.mark.django_db(transaction=True)
def test_a_broken_broker_fails_no_change(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(jobs.kinds._items, "test", kind(nothing))
    broken = Celery("broken", broker="redis+socket:///nowhere/redis.sock", set_as_current=True)
    broken.conf.broker_transport_options = app.conf.broker_transport_options
    try:
        with transaction.atomic():
            job = make_job()
            jobs.ring("test")
    finally:
        app.set_current()
    assert PlatformMail.objects.filter(pk=job.pk).exists()
    assert "job.ring_failed" in caplog.messages


def test_a_ring_waits_for_the_commit(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> None:
    monkeypatch.setitem(jobs.kinds._items, "test", kind(nothing))
    with django_capture_on_commit_callbacks() as callbacks:
        jobs.ring("test")
    assert len(callbacks) == 1


def test_an_idle_claim_asks_once_and_writes_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        jobs.claim(kind(nothing))
    assert connection.in_atomic_block


def test_what_a_stranger_said_is_stored_whatever_it_holds() -> None:
    job = make_job()

    def work(rows: Sequence[Any]) -> None:
        raise Transient("egress_refused", said="a\0b", offered=("x\0", {"y"}), port=22)

    jobs.work_once(kind(work))
    job.refresh_from_db()
    assert job.error_params == {
        "said": "a\N{REPLACEMENT CHARACTER}b",
        "offered": ["x\N{REPLACEMENT CHARACTER}", "{'y'}"],
        "port": 22,
    }
