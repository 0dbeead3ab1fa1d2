"""How a run ended, as a plain value: what is stored on the run, its target and its deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certificates.renewal.checks import Check
from config.lib.errors import ExpectedError
from deploy.models import TargetRun

SUPERSEDED = "deploy_superseded"
NOTHING_KEPT = "undo_nothing_kept"


@dataclass(frozen=True)
class Result:
    """`error` is what a person has to know, also beside files that stay (`installed`, with the line to change).

    `is_clean`: nothing is half-done on the server any more, the journal is to be closed.
    """

    state: TargetRun.State
    outcome: str = ""
    error: ExpectedError | None = None
    files: Sequence[str] = ()
    commands: Sequence[dict[str, Any]] = ()
    # What became of each site of a panel, as `TargetRun.sites` keeps it.
    sites: Sequence[dict[str, Any]] = ()
    served: str = ""
    is_clean: bool = False
    # What was replaced and is kept, as `Undo last deploy` needs it.
    replaced: Mapping[str, Any] | None = None
    # What a rehearsal looked at.
    checks: Sequence[Check] = ()
