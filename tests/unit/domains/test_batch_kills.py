"""An import that is killed anywhere is gone on with: every line once, and every domain whole."""

import json
import re
import signal
from pathlib import Path

import pytest

from auditlog.events import Actor
from auditlog.models import Event
from domains.batches.reading import read_rows
from domains.batches.shown import counts_of
from domains.batches.starting import begin_batch, draft_import
from domains.models import Batch, Domain, Hosting, Ownership, Visit
from tests.cast import Cast, make_cast
from tests.servers.places import ROOT
from tests.unit.accounts.test_closing_kills import PRELUDE, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

LINES = 250
# Worker after worker, each a fork that finds the dead one's lease run out; prints how each of them ended.
WORKERS = f"""{PRELUDE}
from config.lib import clock, jobs
from domains.models import Batch
ends = []
while not ends or ends[-1]:
    now = clock.now()
    Batch.unscoped.update(lease_until=now.replace(year=2000), run_after=now)
    connections.close_all()
    child = os.fork()
    if child == 0:
        jobs.run_due("batch")
        os._exit(0)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""


def points() -> list[str]:
    source = (ROOT / "domains" / "batches" / "working.py").read_text()
    return re.findall(r'crash_here\("(batch\.\w+)"\)', source)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_a_worker_killed_at_each_place_in_turn_is_carried_on_from(cast: Cast, tmp_path: Path) -> None:
    actor = Actor("user", id=cast.admin.pk, label=cast.admin.email)
    text = "\n".join(f"h{number}.forge.org" for number in range(LINES))
    batch = draft_import(workspace=cast.acme, actor=actor, user=cast.admin, rows=read_rows(text))
    begin_batch(batch=batch, actor=actor, user=cast.admin)
    places = [f"{point}:{number}" for number, point in enumerate(points(), 1)]
    assert len(places) == 3
    ends = json.loads(run(WORKERS, ",".join(places), tmp_path).stdout)
    assert ends == [-signal.SIGKILL] * (len(ends) - 1) + [0]
    assert len(ends) > 1
    assert Batch.unscoped.get().state == "done"
    assert counts_of(batch)["done"] == LINES
    for model in (Domain, Visit, Hosting, Ownership):
        assert model.unscoped.count() == LINES
    assert Event.unscoped.filter(kind="domain.added").count() == LINES
    assert Event.unscoped.filter(kind="batch.ended").count() == 1
