"""What an install has begun on a server and not ended, written down before each part of it.

Kept on the target, not on the run: the next run repairs what the last one left, whichever it is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from config.lib import jobs
from config.lib.prepared import change
from deploy import server_lease
from deploy.models import Target, TargetRun
from deploy.ssh.install import Kept
from deploy.trail import keep_on_run

type Phase = Literal["staging", "swapping", "putting_back"]


@dataclass(frozen=True)
class Journal:
    """`wanted` is the certificate's fingerprint; `kept` per directory what became of each old file;
    `before` per port the fingerprint that was served; `error` why the old set is being put back."""

    token: str
    wanted: str
    directories: tuple[str, ...]
    names: tuple[str, ...]
    phase: Phase = "staging"
    kept: Mapping[str, Mapping[str, Kept]] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)


def read(target: Target) -> Journal | None:
    """What is half-done on the server; None when nothing is."""
    if not target.journal:
        return None
    stored = dict(target.journal)
    return Journal(**{**stored, "directories": tuple(stored["directories"]), "names": tuple(stored["names"])})


def write(run: TargetRun, target: Target, journal: Journal | None) -> None:
    """Persist it while both leases are ours. Raises jobs.LeaseLost, and then nothing was written."""
    value = asdict(journal) if journal else None

    def store() -> None:
        server_lease.require_held(run)  # A server that moved meanwhile has none of this.
        if not change(Target, {"pk": target.pk}, {"journal": value}):
            raise jobs.LeaseLost(str(run.pk))  # It was removed, and what is begun now would never be completed.

    keep_on_run(run, also=store)
    target.journal = value
