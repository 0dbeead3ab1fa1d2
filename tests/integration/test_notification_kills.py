"""A worker that is killed at any point of telling loses no mail, and doubles none under a second Message-ID."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from auditlog.events import record
from auditlog.models import PendingReaction
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from notifications.message import Message
from notifications.models import Delivery, Gateway, Ticket
from tests.cast import Cast, make_cast
from tests.servers.gateways import Provider, provider
from tests.servers.places import ROOT
from tests.servers.smtp_sink import SmtpSink, smtp_sink
from tests.servers.vendors import Jira, vendor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.once]

PLACES = ["notify.reaction_read", "notify.reaction_done", "notify.rendered", "notify.sent", "notify.settled"]


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
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from ipaddress import ip_network
connection.settings_dict["NAME"], settings.EMAIL_URL = sys.argv[1:]
settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
jobs.run_due("reaction")
jobs.run_due("delivery")
"""


def work_and_die(place: str, mail_url: str) -> int:
    """How a worker of its own ended, on this test's database, that was told to die at `place`."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), mail_url]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": place}, check=False).returncode


def lapse_leases() -> None:
    for rows in (PendingReaction.objects.all(), Delivery.unscoped.all()):
        rows.filter(lease_token__isnull=False).update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_s_mail_arrives_once(cast: Cast, sink: SmtpSink, place: str) -> None:
    happen(cast)
    assert work_and_die(place, sink.url) == -signal.SIGKILL
    lapse_leases()
    work()
    row = Delivery.unscoped.get()
    assert row.state == Delivery.State.SENT
    assert {mail.message["Message-ID"] for mail in sink.mails} == {f"<{row.pk}@localhost>"}
    assert len(sink.mails) == (2 if place == "notify.sent" else 1)


def test_a_mail_that_kills_its_worker_again_and_again_is_put_aside(cast: Cast, sink: SmtpSink) -> None:
    happen(cast)
    assert work_and_die("notify.rendered", sink.url) == -signal.SIGKILL
    assert Delivery.unscoped.get().claims == 1
    Delivery.unscoped.update(claims=jobs.MAX_CLAIMS)
    lapse_leases()
    work()
    row = Delivery.unscoped.get()
    assert (row.state, row.error_code) == ("failed", "job_quarantined")
    assert sink.mails == []


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Provider]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    with provider() as made:
        yield made


def waiting(cast: Cast, receiver: Provider, channel: str) -> Delivery:
    url = f"{receiver.url}/in"
    gateway = Gateway(workspace=cast.acme, channel=channel, name="Ours")
    if channel == "slack":
        gateway.sealed_secrets = Sealed.of(json.dumps({"url": url}))
    else:
        gateway.config = {"url": url}
    gateway.save()
    message = Message("certificate.expiring", "Subject", "Body", "http://localhost/", "key")
    return Delivery.unscoped.create(
        workspace=cast.acme,
        channel=channel,
        gateway=gateway,
        message=message.frozen(),
        event_kind="rule.expiry",
        dedup_key="1",
        run_after=clock.now(),
    )


# How often it arrives, and how it ends: what can be told by its id is sent again, the rest is told to the admins.
GATEWAY_KILLS = [
    ("webhook", "notify.rendered", 1, "sent"),
    ("webhook", "notify.attempt_noted", 1, "sent"),
    ("webhook", "notify.sent", 2, "sent"),
    ("webhook", "notify.settled", 1, "sent"),
    ("slack", "notify.rendered", 1, "sent"),
    ("slack", "notify.attempt_noted", 0, "failed"),
    ("slack", "notify.sent", 1, "failed"),
    ("slack", "notify.settled", 1, "sent"),
]


@pytest.mark.parametrize(("channel", "place", "times", "state"), GATEWAY_KILLS)
def test_a_killed_worker_s_message_is_sent_again_or_told(
    cast: Cast, receiver: Provider, channel: str, place: str, times: int, state: str
) -> None:
    row = waiting(cast, receiver, channel)
    assert work_and_die(place, "") == -signal.SIGKILL
    lapse_leases()
    jobs.run_due("delivery")
    row.refresh_from_db()
    assert (row.state, len(receiver.requests)) == (state, times)
    assert {request.headers.get("webhook-id", str(row.pk)) for request in receiver.requests} <= {str(row.pk)}
    assert PendingReaction.objects.count() == (1 if state == "failed" else 0)


@pytest.mark.parametrize(
    "place", ["notify.attempt_noted", "notify.ticket_noted", "notify.ticket_opened", "notify.sent", "notify.settled"]
)
def test_a_killed_worker_s_ticket_is_opened_once(cast: Cast, settings: Settings, place: str) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    with vendor(Jira()) as there:
        config = {"url": there.url, "email": "ops@acme.net", "project": "OPS", "issue_type": "Task"}
        token = Sealed.of(json.dumps({"token": "t0k3n"}))
        gateway = Gateway.objects.create(
            workspace=cast.acme, channel="jira", name="Ours", config=config, sealed_secrets=token
        )
        message = Message("incident.opened", "Subject", "Body", "http://localhost/", "key")
        row = Delivery.unscoped.create(
            workspace=cast.acme,
            channel="jira",
            gateway=gateway,
            message=message.frozen(),
            event_kind="incident.opened",
            dedup_key="1",
            run_after=clock.now(),
        )
        assert work_and_die(place, "") == -signal.SIGKILL
        lapse_leases()
        Ticket.unscoped.update(busy_until=clock.now())
        jobs.run_due("delivery")
        row.refresh_from_db()
        assert row.state == "sent", row.error_code
        (ticket,) = there.tickets
        assert Ticket.unscoped.get().ref == ticket.ref
