"""The steps of a run: each is a row before it acts and is settled after, so that a killed run shows where it was."""

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from config.lib import clock, jobs
from config.lib.errors import ExpectedError
from config.lib.leases import held_for
from config.lib.prepared import add, change
from deploy import server_lease
from deploy.models import RunStep, TargetRun

LEASE_MARGIN = 30.0
# As long as the longest usual step with its margin, so that the steps of a healthy run need no more than one hold.
SERVER_SECONDS = 150.0


@dataclass
class Note:
    """What a step has to say when it ends."""

    detail: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def keep_on_run(run: TargetRun, *, also: Callable[[], None] | None = None, **fields: Any) -> None:
    """Persist on a run while its lease is ours; `also` in the same transaction. Raises jobs.LeaseLost.

    No sign of progress, unlike `run.save_step`: a claim that dies does all of this again, and a run that kills its
    worker at the same place every time has to be quarantined.
    """
    # One statement is its own transaction; most are one, and the brackets cost as much as it does.
    with transaction.atomic() if also else contextlib.nullcontext():
        ours = {"pk": run.pk, "lease_token": run.lease_token}
        if not change(TargetRun, ours, {"lease_token": run.lease_token, **fields}):
            raise jobs.LeaseLost(str(run.pk))
        if also:
            also()
    for name, value in fields.items():
        setattr(run, name, value)


class Trail:
    """Writes the steps of one claimed run, and keeps the leases of the run and of its server while it goes on."""

    def __init__(self, run: TargetRun, *, beside: Collection[uuid.UUID] = ()) -> None:
        self.run = run
        self.beside = beside  # Others of the same claim: while this one is worked, their leases must not run out.
        written = list(RunStep.unscoped.filter(run=run).values_list("position", "name", "state"))
        self._position = max((position for position, _, _ in written), default=-1) + 1
        self._done = {name for _, name, state in written if state == RunStep.State.SUCCEEDED}
        self._has_progressed = False
        self._held_until = (0.0, 0.0)
        self._is_interrupted = any(state == RunStep.State.RUNNING for _, _, state in written)

    def close_interrupted(self) -> None:
        """Settle what a killed worker left open."""
        if self._is_interrupted:
            rows = RunStep.unscoped.filter(run=self.run, state=RunStep.State.RUNNING)
            rows.update(state=RunStep.State.FAILED, ended_at=clock.now(), detail="interrupted; started again below")

    @contextlib.contextmanager
    def step(self, name: str, *, seconds: float = 60) -> Iterator[Note]:
        """One step of at most `seconds`; an ExpectedError inside ends it as failed and goes on its way.

        Raises jobs.LeaseLost when somebody else has the run by now: then nothing was begun.
        """
        self.hold(seconds)
        row, note = self._write(name), Note()
        try:
            yield note
        except ExpectedError as error:
            params = jobs.storable(error.params)
            self._settle(row, RunStep.State.FAILED, note, error_code=error.code, error_params=params)
            raise
        self._settle(row, RunStep.State.SUCCEEDED, note)
        if row.name not in self._done:  # Farther than any claim before: that is progress.
            self._done.add(row.name)
            self._note_progress()

    def _note_progress(self) -> None:
        """At once where an earlier claim died here; else with what the next step writes anyway."""
        self._has_progressed = True
        if self.run.claims > 1:
            keep_on_run(self.run, claims=0)

    def hold(self, seconds: float) -> None:
        """Both leases for `seconds` more. Raises jobs.LeaseLost."""
        self.run.renew_lease(seconds + LEASE_MARGIN, **({"claims": 0} if self._has_progressed else {}))
        if not self._lasts(seconds + LEASE_MARGIN / 2):
            self._hold_beside(max(seconds + LEASE_MARGIN, SERVER_SECONDS))

    def _lasts(self, seconds: float) -> bool:
        """By both clocks: one of them stands still while the machine sleeps, the other may be set."""
        until, until_by_wall = self._held_until
        return time.monotonic() + seconds <= until and time.time() + seconds <= until_by_wall

    def _hold_beside(self, seconds: float) -> None:
        self._held_until = (time.monotonic() + seconds, time.time() + seconds)
        if self.beside:
            others = TargetRun.unscoped.filter(pk__in=self.beside, lease_token=self.run.lease_token)
            others.update(lease_until=held_for(seconds).expression)
        server_lease.hold(self.run, seconds)

    def repeat(self, name: str, note: Note, error: ExpectedError | None = None) -> None:
        """Show here a step that was done once, for this run and the others of its claim."""
        row = self._write(name)
        if error:
            params = jobs.storable(error.params)
            self._settle(row, RunStep.State.FAILED, note, error_code=error.code, error_params=params)
        else:
            self._settle(row, RunStep.State.SUCCEEDED, note)

    def _write(self, name: str) -> RunStep:
        row = RunStep(workspace_id=self.run.workspace_id, run_id=self.run.pk, position=self._position, name=name[:600])
        add(row)
        self._position += 1
        return row

    def _settle(self, row: RunStep, state: RunStep.State, note: Note, **fields: Any) -> None:
        ended = {"state": state, "detail": note.detail, "data": note.data, "ended_at": clock.now(), **fields}
        change(RunStep, {"pk": row.pk}, ended)
