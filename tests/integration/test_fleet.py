"""Two machines, each with web, work and beat, over one PostgreSQL and one Redis; one of them dies at work."""

import http.client
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.integration.full_portal import portal_of
from tests.servers.child import Child
from tests.servers.places import ROOT
from tests.servers.portal import Portal
from tests.servers.ports import free_port, wait_until
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.timeout(280)

QUEUE = """
import django, sys
django.setup()
from accounts.outbox import queue_mail
for name in sys.argv[1].split():
    queue_mail(to=f"{name}@acme.test", template="account_exists", context={"url": "http://localhost/"})
"""
HELD = """
import django
django.setup()
from accounts.models import PlatformMail
from django.db.models.functions import Now
print(PlatformMail.objects.filter(lease_until__gt=Now()).count())
"""
# As if the minute for which a lease lasts had passed; nothing else of the dead machine is mended.
RUN_OUT = """
import django
django.setup()
from accounts.models import PlatformMail
from django.db.models.functions import Now
PlatformMail.objects.filter(lease_until__gt=Now()).update(lease_until=Now())
"""
SENT = """
import django
django.setup()
from accounts.models import PlatformMail
print(PlatformMail.objects.filter(state="sent").count())
"""


class Machine:
    """The three roles as docker-compose.yml starts them, with files of its own."""

    def __init__(self, portal: Portal, name: str, place: Path) -> None:
        self.port = free_port()
        self.host = portal.url.removeprefix("http://")
        place.mkdir()
        celery = ("-m", "celery", "-q", "-A", "config.celery")
        worker = (*celery, "worker", "-P", "threads", "--without-gossip", "--without-mingle")
        roles = {
            "web": ("-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--no-control-socket"),
            "work": (*worker, "-n", f"work@{name}", "-Q", "work,interactive", "-c", "4"),
            "beat": (*celery, "beat", "--scheduler", "celery.beat:Scheduler", "--pidfile="),
        }
        self.children = [
            Child(
                f"{role} of {name}",
                [sys.executable, *argv],
                log=place / f"{role}.log",
                env={**portal.environment, "VAR_DIR": str(place), "ROLE": role},
                cwd=ROOT,
            )
            for role, argv in roles.items()
        ]
        self.children[0].wait_ready(lambda: self.get("/readyz")[0] == 200, seconds=90)

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": self.host, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def freeze_work(self) -> None:
        """It holds what it holds, and cannot give anything back, however slow this test is."""
        self.children[1].send(signal.SIGSTOP)

    def kill(self) -> None:
        """As a power cut: no handler, no flush."""
        for child in self.children:
            child.send(signal.SIGKILL)
        wait_until(lambda: all(child.has_ended() for child in self.children), seconds=20, what="the machine is dead")

    def stop(self) -> None:
        for child in self.children:
            child.send(signal.SIGTERM)
        for child in self.children:
            child.stop(seconds=45)


@contextmanager
def machine(portal: Portal, name: str, place: Path) -> Iterator[Machine]:
    started = Machine(portal, name, place / name)
    try:
        yield started
    finally:
        started.stop()


def sent_to(sink: SmtpSink) -> list[str]:
    return sorted(recipient.partition("@")[0] for mail in sink.mails for recipient in mail.recipients)


def test_one_machine_dies_and_the_other_finishes_its_work(
    postgres_server: Postgres, redis_private: RedisServer, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        sink = stack.enter_context(smtp_sink())
        portal = portal_of(postgres_server, tmp_path, REDIS_URL=redis_private.url, EMAIL_URL=sink.url)
        token = portal.bootstrap("ann@acme.test", "Acme", "--api-token")["api_token"]
        first = stack.enter_context(machine(portal, "first", tmp_path))

        sink.mood = "hang"
        portal.run_python(QUEUE, "ann ben eve")
        wait_until(lambda: portal.run_python(HELD).strip() == "3", seconds=60, what="the first machine at work")
        first.freeze_work()

        second = stack.enter_context(machine(portal, "second", tmp_path))
        for each in (first, second):
            status, body = each.get("/api/me", Authorization=f"Bearer {token}")
            assert (status, json.loads(body)["workspace"]["name"]) == (200, "Acme")
        assert sink.mails == []

        first.kill()
        sink.mood = "ok"
        portal.run_python(QUEUE, "dan")
        wait_until(lambda: "dan" in sent_to(sink), seconds=60, what="new work done by the second machine")

        portal.run_python(RUN_OUT)
        wait_until(lambda: portal.run_python(SENT).strip() == "4", seconds=60, what="its work done by the other one")
        assert sent_to(sink) == ["ann", "ben", "dan", "eve"], "each once"
        assert second.get("/readyz")[0] == 200
        assert first.get("/readyz")[0] == 0
