"""A worker that is killed at any point of telling loses no mail, and doubles none under a second Message-ID."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from auditlog.events import record
from auditlog.models import PendingReaction
from config.lib import jobs
from notifications.models import Delivery
from tests.cast import Cast, make_cast
from tests.servers.places import ROOT
from tests.servers.smtp_sink import SmtpSink, smtp_sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

PLACES = ["notify.reaction_read", "notify.reaction_done", "notify.rendered", "notify.sent"]


@pytest.fixture
def sink(settings: Settings) -> Iterator[SmtpSink]:
    with smtp_sink("none") as server:
        settings.EMAIL_URL = server.url
        yield server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def happen(cast: Cast) -> None:
    record("certificate.downloaded", workspace_id=cast.acme.pk, domain_label="shop", data={"names": "shop"})


def work() -> None:
    jobs.run_due("reaction")
    jobs.run_due("delivery")


WORKER = """
import sys, django
django.setup()
from django.conf import settings
from django.db import connection
from config.lib import jobs
connection.settings_dict["NAME"], settings.EMAIL_URL = sys.argv[1:]
jobs.run_due("reaction")
jobs.run_due("delivery")
"""


def work_and_die(place: str, sink: SmtpSink) -> int:
    """How a worker of its own ended, on this test's database, that was told to die at `place`."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), sink.url]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


def lapse_leases() -> None:
    for rows in (PendingReaction.objects.all(), Delivery.unscoped.all()):
        rows.filter(lease_token__isnull=False).update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_s_mail_arrives_once(cast: Cast, sink: SmtpSink, place: str) -> None:
    happen(cast)
    assert work_and_die(place, sink) == -signal.SIGKILL
    lapse_leases()
    work()
    row = Delivery.unscoped.get()
    assert row.state == Delivery.State.SENT
    assert {mail.message["Message-ID"] for mail in sink.mails} == {f"<{row.pk}@localhost>"}
    assert len(sink.mails) == (2 if place == "notify.sent" else 1)


def test_a_mail_that_kills_its_worker_again_and_again_is_put_aside(cast: Cast, sink: SmtpSink) -> None:
    happen(cast)
    assert work_and_die("notify.rendered", sink) == -signal.SIGKILL
    assert Delivery.unscoped.get().claims == 1
    Delivery.unscoped.update(claims=jobs.MAX_CLAIMS)
    lapse_leases()
    work()
    row = Delivery.unscoped.get()
    assert (row.state, row.error_code) == ("failed", "job_quarantined")
    assert sink.mails == []
