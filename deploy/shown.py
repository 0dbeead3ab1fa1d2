"""What this room's pages show: rows, runs and deployments as their templates take them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Prefetch, Subquery, prefetch_related_objects

from config.lib import clock
from config.lib.errors import Wording, describe
from deploy import sudoers
from deploy.daemons import DAEMONS
from deploy.forms import TargetForm
from deploy.missing import missing_of
from deploy.models import Deployment, RunStep, Target, TargetRun
from deploy.replacing import PUT_BACK
from deploy.settling import current_runs, next_try
from deploy.ssh import placement
from domains.models import Domain

LOOKS = (TargetRun.Kind.TEST, TargetRun.Kind.DETECT, TargetRun.Kind.FIX_REDIRECT)
STEPS = Prefetch("steps", queryset=RunStep.unscoped.order_by("position"))
RUNS = (Prefetch("runs", queryset=TargetRun.unscoped.select_related("target", "server").prefetch_related(STEPS)),)


@dataclass(frozen=True)
class ShownRun:
    """A run with its steps and its explanation."""

    run: TargetRun
    steps: list[dict[str, Any]]
    wording: Wording | None
    severity: str
    next_try_at: datetime | None = None

    @property
    def key_to_trust(self) -> str:
        """The host key that a test has seen and nobody has trusted yet."""
        run = self.run
        if run.server is None or run.kind != TargetRun.Kind.TEST or run.is_open:
            return ""
        seen = run.server.seen_host_key
        return seen if seen and seen != run.server.host_key_fingerprint else ""

    @property
    def is_put_back(self) -> bool:
        """Whether the previous files are in place again."""
        return any(step["name"] == PUT_BACK and step["state"] == "succeeded" for step in self.steps)

    @property
    def is_change(self) -> bool:
        return bool(self.run.server and self.run.server.host_key_fingerprint)


@dataclass(frozen=True)
class Row:
    """One server of the form: what was typed, what is missing, how its last test ended, what to paste there."""

    form: TargetForm
    number: int
    test: ShownRun | None
    detection: ShownRun | None
    redirect: ShownRun | None
    missing: Sequence[str]
    files: Sequence[dict[str, Any]]
    user_lines: str
    sudo_lines: str
    install_lines: str

    @property
    def target(self) -> Target | None:
        return self.form.target


def daemon_lines(targets: Sequence[Target]) -> list[dict[str, str]]:
    """Per daemon what to paste: into the form, and into its configuration, with the first directory there is."""
    named = [directory for target in targets for directory in target.certificate_directories]
    directory = next(iter(named), "/etc/ssl/managemycert")
    return [
        {"name": name, "reload": "\n".join(reload), "configure": daemon.configure.replace("{directory}", directory)}
        for daemon in DAEMONS
        for name, reload in [(daemon.name, daemon.reload), *((one.name, one.reload) for one in daemon.packages)]
    ]


def targets_of(domain: Domain) -> list[Target]:
    rows = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    return list(rows.select_related("server", "domain").order_by("position", "created_at"))


def show_run(run: TargetRun) -> ShownRun:
    steps = [_step(step, run) for step in run.steps.all()]
    wording = describe(run.error_code, run.error_params) if run.error_code else None
    severity = "warning" if run.state == TargetRun.State.PARTIAL or run.is_open else "critical"
    return ShownRun(run, steps, wording, severity)


def _step(step: RunStep, run: TargetRun) -> dict[str, Any]:
    """A step's own explanation is left out where the run's says the same below."""
    is_told_below = step.error_code == run.error_code
    wording = describe(step.error_code, step.error_params) if step.error_code and not is_told_below else None
    return {
        "id": step.pk,
        "name": step.name,
        "is_command": "exit_code" in step.data,
        "detail": step.detail,
        "state": step.state,
        "seconds": step.seconds,
        "output": _more_than(step.detail, step.output),
        "files": step.data.get("files", []),
        "data": step.data,
        "wording": wording,
    }


def _more_than(detail: str, output: str) -> str:
    """The output where it says more than the line that shows its end."""
    return "" if output in detail else output


def latest_looks(targets: Sequence[Target]) -> dict[tuple[Any, str], ShownRun]:
    """The last look of each kind at each target, in one query for all and one for their steps."""
    if not targets:
        return {}
    rows = TargetRun.objects.for_workspace(targets[0].workspace_id).filter(kind__in=LOOKS)
    same = rows.filter(target=OuterRef("target"), kind=OuterRef("kind"))
    found = rows.filter(target__in=targets, pk=Subquery(same.order_by("-created_at").values("pk")[:1]))
    found = found.select_related("server", "target").prefetch_related(STEPS)
    return {(run.target_id, run.kind): show_run(run) for run in found}


def rows_of(forms: Sequence[TargetForm]) -> list[Row]:
    looks = latest_looks([form.target for form in forms if form.target])
    return [_row(form, number, looks) for number, form in enumerate(forms, start=1)]


def _row(form: TargetForm, number: int, looks: dict[tuple[Any, str], ShownRun]) -> Row:
    target = form.target
    form.mark_needed()
    username = target.server.username if target else "mmc-deploy"
    return Row(
        form=form,
        number=number,
        test=looks.get((target.pk, TargetRun.Kind.TEST)) if target else None,
        detection=looks.get((target.pk, TargetRun.Kind.DETECT)) if target else None,
        redirect=looks.get((target.pk, TargetRun.Kind.FIX_REDIRECT)) if target else None,
        missing=missing_of(target) if target and target.is_draft else [],
        files=files_of(target),
        user_lines=sudoers.user_lines(
            username,
            target.server.public_key if target else "",
            # By sudo they stay root's: given away they would be refused as directory_not_roots.
            target.certificate_directories if target and not target.use_sudo else (),
        ),
        sudo_lines=sudoers.lines_for(username, target.reload_commands if target else ()),
        install_lines=sudoers.install_rule(username, target) if target and target.use_sudo else "",
    )


def files_of(target: Target | None) -> list[dict[str, Any]]:
    """The four files with what they hold, under the names that they will have."""
    names = target.names if target else dict(placement.DEFAULT_NAMES)
    by_part = {file.part: file for file in placement.FILES}
    return [
        {"part": part, "name": names[part], "mode": f"{by_part[part].mode:04o}", "holds": by_part[part].holds}
        for part in placement.SHOWN_ORDER
    ]


def show_deployment(deployment: Deployment) -> list[ShownRun]:
    """Its targets in order, each by its newest run."""
    prefetch_related_objects([deployment], *RUNS)
    return [replace(show_run(run), next_try_at=next_try(deployment, run)) for run in current_runs(deployment)]


def show_undone(deployment: Deployment) -> list[ShownRun]:
    """The runs that undid it; reads what `show_deployment` has read."""
    runs = [run for run in deployment.runs.all() if run.kind == TargetRun.Kind.UNDO]
    return [show_run(run) for run in sorted(runs, key=lambda run: run.created_at)]


def is_being_undone(deployment: Deployment) -> bool:
    """Not where it waits for its time to be tried again."""
    runs = [run for run in deployment.runs.all() if run.kind == TargetRun.Kind.UNDO and run.is_open]
    return any(run.run_after is None or run.run_after <= clock.now() for run in runs)


def has_come_back(undone: Sequence[ShownRun]) -> bool:
    """Whether the files that it had replaced lie everywhere again, by the newest run of each server."""
    newest = {one.run.place_id: one.run for one in undone}
    return bool(newest) and all(run.state == TargetRun.State.SUCCEEDED for run in newest.values())


def latest_deployment(domain: Domain) -> Deployment | None:
    rows = Deployment.objects.for_workspace(domain.workspace_id).filter(domain=domain).select_related("certificate")
    return rows.order_by("-created_at").first()


def is_deploying(domain: Domain) -> bool:
    """Whether a run is under way or due, for instance because saving started it."""
    rows = TargetRun.objects.for_workspace(domain.workspace_id).filter(domain=domain, kind=TargetRun.Kind.DEPLOY)
    return rows.filter(state__in=TargetRun.OPEN_STATES, run_after__lte=clock.now()).exists()
