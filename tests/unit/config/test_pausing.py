"""A paused portal serves and begins nothing, and staff see that it is paused."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import PlatformMail
from config.celery import drain, tick
from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from config.models import Pause
from tests.cast import Cast, make_cast, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

REASON = "restored from the backup of 2026-11-27"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def make_due() -> PlatformMail:
    return PlatformMail.objects.create(to="a@b.test", template="x", run_after=clock.now())


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def nothing(rows: Sequence[Any]) -> None:
    pass


def give_up(job: Any, error: ExpectedError) -> None:
    pass


KIND = jobs.Kind(name="test", model=PlatformMail, work=nothing, give_up=give_up)


def test_nothing_is_claimed_while_paused() -> None:
    make_due()
    Pause.objects.create(reason=REASON)
    assert (jobs.claim(KIND), jobs.claim(KIND, interactive=True), jobs.due(KIND).exists()) == ([], [], False)
    Pause.objects.all().delete()
    assert len(jobs.claim(KIND)) == 1


def test_a_pause_between_look_and_claim_is_seen_by_the_claim() -> None:
    make_due()
    assert jobs.due(KIND).exists()
    Pause.objects.create(reason=REASON)
    assert jobs._locked(KIND, jobs.PRIORITIES) == []


@pytest.mark.parametrize("kind", jobs.kinds.keys())
def test_every_kind_honours_it(kind: str) -> None:
    Pause.objects.create(reason=REASON)
    tick(jobs.kinds.get(kind).queue)
    drain(kind)
    assert not jobs.due(jobs.kinds.get(kind)).exists()
    assert "config_pause" in str(jobs.due(jobs.kinds.get(kind)).query)


def test_resume_says_what_is_taken_up_and_may_be_said_twice() -> None:
    make_due()
    Pause.objects.create(reason=REASON)
    told = [StringIO(), StringIO()]
    for out in told:
        call_command("resume", stdout=out)
    assert "1 platform_mail" in told[0].getvalue()
    assert told[1].getvalue() == "The portal was not paused.\n"
    assert not Pause.objects.exists()


def test_staff_see_it_on_pages_and_in_the_admin_and_others_do_not(cast: Cast) -> None:
    Pause.objects.create(reason=REASON)
    staff, member = signed_in(make_staff()), signed_in(cast.member)
    assert REASON in staff.get("/docs/").content.decode()
    assert REASON in staff.get("/admin/").content.decode()
    assert REASON not in member.get("/docs/").content.decode()
    Pause.objects.all().delete()
    assert "paused" not in staff.get("/admin/").content.decode()
