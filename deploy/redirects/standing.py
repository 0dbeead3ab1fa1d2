"""What `Fix ACME redirect` has changed on a server, written down on the target before each part of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from deploy import server_lease
from deploy.models import Target, TargetRun
from deploy.trail import keep_on_run

type Phase = Literal["changing", "in_place", "putting_back"]
# The file may be either one; only a run that goes on or back ends it. server_lease keeps others away meanwhile.
HALF_WAY = ("changing", "putting_back")


@dataclass(frozen=True)
class Standing:
    """`before` and `after` are SHA-256 of the file's content; `commands` test the configuration and reload it."""

    phase: Phase
    daemon: str
    file: str
    backup: str
    mode: int
    owner: str
    before: str
    after: str
    commands: Sequence[str]


def read(target: Target) -> Standing | None:
    return Standing(**target.redirect_fix) if target.redirect_fix else None


def write(run: TargetRun, target: Target, standing: Standing | None) -> None:
    """Persist it while both leases are ours. Raises jobs.LeaseLost, and then nothing was written."""
    value = asdict(standing) if standing else None

    def store() -> None:
        server_lease.require_held(run)
        Target.unscoped.filter(pk=target.pk).update(redirect_fix=value)

    keep_on_run(run, also=store)
    target.redirect_fix = value
