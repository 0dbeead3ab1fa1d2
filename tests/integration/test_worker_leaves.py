"""SIGTERM to a worker whose work hangs: it leaves by itself, and the next worker has the row at once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.full_portal import portal_of
from tests.servers.places import ROOT
from tests.servers.portal import Portal
from tests.servers.ports import wait_until
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.timeout(120)

# celery's own worker, with one more kind of work, which never ends, and less patience than usual.
WORKER = """
import sys, threading
from config import celery
from accounts.models import PlatformMail
from config.lib import jobs
def work(rows):
    print("begun", flush=True)
    threading.Event().wait()
jobs.register(jobs.Kind(name="endless", model=PlatformMail, work=work, give_up=lambda job, error: None))
celery.LEAVE_SECONDS = 1.0
celery.app.worker_main(["--quiet", "worker", "-P", "threads", "-c", "2", "-Q", "work"])
"""
RING = """
import django
django.setup()
from accounts.models import PlatformMail
from config.lib import clock, jobs
PlatformMail.objects.create(to="ann@acme.test", template="x", run_after=clock.now())
from celery import current_app
current_app.send_task("drain", kwargs={"kind": "endless"}, queue="work")
"""
STATE = """
import django
django.setup()
from accounts.models import PlatformMail
mail = PlatformMail.objects.get()
print(mail.lease_token is None, mail.lease_until is None, mail.claims, mail.run_after is not None)
"""


def state(portal: Portal) -> list[str]:
    return portal.run_python(STATE).split()


def test_a_stuck_worker_gives_its_row_back(redis_private: RedisServer, tmp_path: Path) -> None:
    portal = portal_of(None, tmp_path, REDIS_URL=redis_private.url, ROLE="work", LOG_FORMAT="json")
    environment = {**portal.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        portal.run_python(RING)
        wait_until(lambda: b"begun" in log.read_bytes(), seconds=60, what="the work begun")
        assert state(portal) == ["False", "False", "1", "True"]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 1
    finally:
        worker.kill()
        worker.wait()
    assert state(portal) == ["True", "True", "0", "True"]
    assert '"event": "worker.left", "handed_back": 1' in log.read_text()
