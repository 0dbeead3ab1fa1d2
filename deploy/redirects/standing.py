"""What `Fix ACME redirect` has changed on a server, written down on the target before each part of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from config.lib import jobs
from deploy import server_lease
from deploy.models import Target, TargetRun
from deploy.trail import keep_on_run

type Phase = Literal["changing", "in_place", "putting_back"]
# The file may be either one; only a run that goes on or back ends it. server_lease keeps others away meanwhile.
HALF_WAY = ("changing", "putting_back")


@dataclass(frozen=True)
class Changed:
    """`before` and `after` are SHA-256 of the file's content."""

    file: str
    backup: str
    mode: int
    owner: str
    before: str
    after: str


@dataclass(frozen=True)
class Standing:
    """`commands` test the configuration and reload it; `names` are those whose path was not served.

    `earlier` is what stood there before this change, which stays when this one is put back.
    """

    phase: Phase
    daemon: str
    files: Sequence[Changed]
    commands: Sequence[str]
    names: Sequence[str]
    earlier: Sequence[Changed] = ()

    @property
    def paths(self) -> list[str]:
        return [one.file for one in self.files]


def read(target: Target) -> Standing | None:
    """Rows of one file have it beside the phase, as all had once; `more` are the others."""
    kept = target.redirect_fix
    if not kept:
        return None
    first = {field.name: kept[field.name] for field in fields(Changed)}
    files = [Changed(**one) for one in (first, *kept.get("more", ()))]
    earlier = [Changed(**one) for one in kept.get("earlier", ())]
    return Standing(kept["phase"], kept["daemon"], files, kept["commands"], kept.get("names", ()), earlier)


def in_place(known: Standing) -> Standing:
    """One change with what stood there earlier, so that all of it is undone together."""
    before = {one.file: one for one in known.earlier}
    files = [_together(before.pop(one.file, None), one) for one in known.files]
    return replace(known, phase="in_place", files=[*before.values(), *files], earlier=())


def _together(first: Changed | None, then: Changed) -> Changed:
    if first is None or first.after != then.before:
        return then  # Somebody has edited it in between, and that is to stay.
    return replace(then, before=first.before, backup=first.backup)


def put_back(known: Standing) -> Standing | None:
    """What is left of it once its own files are as they were."""
    return replace(known, phase="in_place", files=known.earlier, earlier=()) if known.earlier else None


def _stored(standing: Standing) -> dict[str, Any]:
    first, *more = map(asdict, standing.files)
    known = {"phase": standing.phase, "daemon": standing.daemon, "commands": list(standing.commands)}
    return {
        **known,
        **first,
        "more": more,
        "names": list(standing.names),
        "earlier": list(map(asdict, standing.earlier)),
    }


def write(run: TargetRun, target: Target, standing: Standing | None) -> None:
    """Persist it while both leases are ours. Raises jobs.LeaseLost, and then nothing was written."""
    value = _stored(standing) if standing else None

    def store() -> None:
        server_lease.require_held(run)
        if not Target.unscoped.filter(pk=target.pk).update(redirect_fix=value):
            raise jobs.LeaseLost(str(run.pk))  # It was removed meanwhile.

    keep_on_run(run, also=store)
    target.redirect_fix = value
