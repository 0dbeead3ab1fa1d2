"""A deletion that is killed anywhere is gone on with: every row goes, once, and is told once."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.closing import GRACE, KIND, close_workspace
from accounts.models import Membership, PlatformMail, Session, User, Workspace, WorkspaceClosing
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, jobs
from domains.add import add_domain
from tests.cast import Cast, make_cast
from tests.rows import owned_models
from tests.servers.places import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

PRELUDE = """
import json, os, sys, django
django.setup()
from django.db import connection, connections
connection.settings_dict["NAME"] = sys.argv[1]
"""
# Worker after worker, each a fork that finds the dead one's lease run out; prints how each of them ended.
WORKERS = f"""{PRELUDE}
from config.lib import clock, jobs
from accounts.models import WorkspaceClosing
ends = []
while not ends or ends[-1]:
    now = clock.now()
    WorkspaceClosing.objects.update(lease_until=now.replace(year=2000), run_after=now)
    connections.close_all()
    child = os.fork()
    if child == 0:
        jobs.run_due("{KIND}")
        os._exit(0)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""
DELETER = f"""{PRELUDE}
from accounts.deletion import delete_account
from accounts.models import User
from auditlog.events import SYSTEM
delete_account(user=User.objects.get(email="outsider@example.org"), actor=SYSTEM)
"""


def points() -> list[str]:
    """Every place at which the worker can be told to die, in the order in which it comes by."""
    source = (ROOT / "accounts" / "taking_apart.py").read_text()
    return re.findall(r'crash_here\("(close\.\w+)"\)', source)


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def run(program: str, places: str, deaths: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own, on this test's database, that dies once at each of `places`."""
    command = [sys.executable, "-c", program, str(connection.settings_dict["NAME"])]
    environment = {**os.environ, "MMC_CRASH_AT": places, "MMC_CRASH_DIR": str(deaths)}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)


def test_a_worker_killed_at_each_place_in_turn_is_carried_on_from(cast: Cast, tmp_path: Path) -> None:
    for number in range(3):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"h{number}.forge.org")
    add_domain(workspace=cast.other, actor=SYSTEM, hostname="h.forge.org")
    close_workspace(workspace=cast.acme, actor=SYSTEM)
    assert len(points()) >= 5
    ends = json.loads(run(WORKERS, ",".join(points()), tmp_path).stdout)
    assert ends == [-signal.SIGKILL] * len(points()) + [0]
    closing = WorkspaceClosing.objects.get()
    assert closing.finished_at
    kinds = ("Visit", "Hosting", "Ownership", "Domain")
    assert closing.removed == {**{f"domains.{kind}": 3 for kind in kinds}, "notifications.Rule": 4}
    assert not Workspace.objects.filter(pk=cast.acme.pk).exists()
    for model in owned_models():
        assert not model.unscoped.filter(workspace_id=cast.acme.pk).exists()
    assert Event.unscoped.filter(kind="workspace.closed").count() == 1
    assert PlatformMail.objects.filter(template="workspace_closed").count() == 1
    assert Workspace.objects.get(pk=cast.other.pk).memberships.count() == 1


def test_an_account_goes_whole_or_not_at_all(cast: Cast, tmp_path: Path) -> None:
    create_workspace(user=cast.outsider, name="Second", actor=SYSTEM)
    assert run(DELETER, "account.rows_gone", tmp_path).returncode == -signal.SIGKILL
    assert Membership.objects.filter(user=cast.outsider, workspace__closing_at=None).count() == 2
    assert not WorkspaceClosing.objects.exists()
    assert not PlatformMail.objects.exists()
    assert run(DELETER, "account.deleted", tmp_path).returncode == -signal.SIGKILL
    assert not User.objects.filter(pk=cast.outsider.pk).exists()
    assert not Session.objects.filter(user=cast.outsider.pk).exists()
    assert WorkspaceClosing.objects.count() == 2
    assert PlatformMail.objects.get().template == "account_deleted"
    with clock.shifted(GRACE):
        jobs.run_due(KIND)
    assert set(Workspace.objects.all()) == {cast.acme}
