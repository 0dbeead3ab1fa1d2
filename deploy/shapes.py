"""What the API answers about servers, targets, runs and deployments."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field

from accounts.api import ErrorOut, OneOf
from config.lib.errors import describe
from deploy.models import Deployment, RunStep, Server, Target, TargetRun
from deploy.settling import current_runs, next_try


class ServerOut(Schema):
    """`private_key` and `passphrase` are write-only; `has_private_key` says whether there is one."""

    id: uuid.UUID
    name: str
    host: str
    port: int
    username: str
    has_private_key: bool
    public_key: str
    host_key_fingerprint: str | None = Field(description="The host key that is trusted.")
    seen_host_key: str | None = Field(description="What the host showed last.")
    platform: dict[str, Any]


class FileNamesOut(Schema):
    cert: str
    key: str
    chain: str
    fullchain: str


class TargetOut(Schema):
    """`verify_ports` are the ports that are looked at: the domain's own unless others were given."""

    id: uuid.UUID
    domain: uuid.UUID
    server: ServerOut
    position: int
    draft: bool
    certificate_directories: list[str]
    file_names: FileNamesOut
    reload_commands: list[str]
    use_sudo: bool
    chown: str
    webroot: str
    standalone: bool
    standalone_port: int
    standalone_use_sudo: bool
    verify_ports: list[int]
    detected: dict[str, Any] = Field(description="What `Detect platform` saw last, with its `suggestion`; {} before.")
    host_key_fingerprint: str | None
    last_status: Annotated[str, OneOf(Target.Status)] | None


class StepOut(Schema):
    name: str
    state: Annotated[str, OneOf(RunStep.State)]
    detail: str
    seconds: float | None


class RunEventOut(Schema):
    """What happened on the way; `text` as the Activity log says it."""

    at: datetime
    kind: str
    severity: Annotated[str, OneOf(("info", "warning", "critical"))]
    text: str


class RunOut(Schema):
    """Something done on one server or panel, step by step; or a renewal, by its `issuance` and its `deployment`."""

    id: uuid.UUID
    kind: Annotated[str, OneOf((*TargetRun.Kind.values, "renew"))]
    state: Annotated[str, OneOf(TargetRun.State)]
    ok: bool
    target: uuid.UUID | None
    issuance: uuid.UUID | None
    panel: uuid.UUID | None
    deployment: uuid.UUID | None
    host_key_fingerprint: str | None
    steps: list[StepOut]
    error: ErrorOut | None
    events: list[RunEventOut] = Field([], description="Of a renewal, the first one first.")
    diff: str | None = Field(None, description="Of Fix ACME redirect: what would change, as `diff -u` shows it.")


class CommandOut(Schema):
    command: str
    exit_code: int | None
    seconds: float
    output: str


class SiteOut(Schema):
    """A site of a panel, at Cloudflare a zone, and what became of it."""

    site: str
    state: Annotated[str, OneOf(("installed", "unchanged", "failed"))]
    detail: str
    error: ErrorOut | None


class DeployedTargetOut(Schema):
    """`serving`: seen being served. `installed`: in place, while something else is served.

    Of `target` and `panel` one is set; `server` is the label of either. `sites` are a panel's.
    """

    target: uuid.UUID | None
    panel: uuid.UUID | None
    server: str
    state: Annotated[str, OneOf(("waiting", "running", "serving", "installed", "failed"))]
    steps: list[StepOut]
    files: list[str]
    commands: list[CommandOut]
    sites: list[SiteOut]
    served_fingerprint_sha256: str | None
    error: ErrorOut | None
    next_try_at: datetime | None


class DeploymentOut(Schema):
    """One certificate to all targets of a domain; `deployed` means seen being served everywhere."""

    id: uuid.UUID
    domain: uuid.UUID
    state: Annotated[str, OneOf(Deployment.State)]
    certificate: uuid.UUID | None
    fingerprint_sha256: str
    created_at: datetime
    undone_at: datetime | None
    targets: list[DeployedTargetOut]


def show_server(server: Server) -> dict[str, object]:
    return {
        "id": server.pk,
        "name": server.name,
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "has_private_key": bool(server.public_key),
        "public_key": server.public_key,
        "host_key_fingerprint": server.host_key_fingerprint or None,
        "seen_host_key": server.seen_host_key or None,
        "platform": server.platform,
    }


def show_target(target: Target) -> dict[str, object]:
    return {
        "id": target.pk,
        "domain": target.domain_id,
        "server": show_server(target.server),
        "position": target.position,
        "draft": target.is_draft,
        "certificate_directories": target.certificate_directories,
        "file_names": target.names,
        "reload_commands": target.reload_commands,
        "use_sudo": target.use_sudo,
        "chown": target.owner,
        "webroot": target.webroot,
        "standalone": target.standalone,
        "standalone_port": target.standalone_port,
        "standalone_use_sudo": target.standalone_use_sudo,
        "verify_ports": target.ports(target.domain.port),
        "detected": target.detected,
        "host_key_fingerprint": target.server.host_key_fingerprint or None,
        "last_status": target.last_status or None,
    }


def show_run(run: TargetRun) -> dict[str, object]:
    return {
        "id": run.pk,
        "kind": run.kind,
        "state": run.state,
        "ok": run.state == TargetRun.State.SUCCEEDED,
        "target": run.target_id,
        "issuance": None,
        "panel": run.panel_target_id,
        "deployment": run.deployment_id,
        "host_key_fingerprint": run.host_key_fingerprint or None,
        "steps": [show_step(step) for step in run.steps.all()],
        "error": show_error(run),
        "diff": next((step.data["diff"] for step in run.steps.all() if "diff" in step.data), None),
    }


def show_step(step: RunStep) -> dict[str, object]:
    return {"name": step.name, "state": step.state, "detail": step.detail, "seconds": step.seconds}


def show_error(run: TargetRun) -> dict[str, str] | None:
    return told_error(run.error_code, run.error_params)


def show_site(one: Mapping[str, Any]) -> dict[str, object]:
    """One of `TargetRun.sites`."""
    told = {name: one[name] for name in ("site", "state", "detail")}
    return {**told, "error": told_error(one["code"], one["params"])}


def told_error(code: str, params: Mapping[str, Any]) -> dict[str, str] | None:
    if not code:
        return None
    wording = describe(code, params)
    return {
        "code": wording.code,
        "detail": f"{wording.title}. {wording.why}".strip(),
        "fix": _fix(wording.fix, wording.paste),
    }


def _fix(fix: str, paste: str) -> str:
    return f"{fix}\n{paste}" if paste else fix


def show_deployment(deployment: Deployment) -> dict[str, object]:
    return {
        "id": deployment.pk,
        "domain": deployment.domain_id,
        "state": deployment.state,
        "certificate": deployment.certificate_id,
        "fingerprint_sha256": deployment.fingerprint_sha256,
        "created_at": deployment.created_at,
        "undone_at": deployment.undone_at,
        "targets": [show_deployed_target(deployment, run) for run in current_runs(deployment)],
    }


def show_deployed_target(deployment: Deployment, run: TargetRun) -> dict[str, object]:
    return {
        "target": run.target_id,
        "panel": run.panel_target_id,
        "server": run.label,
        "state": run.shown_state,
        "steps": [show_step(step) for step in run.steps.all()],
        "files": run.files,
        "commands": run.commands,
        "sites": [show_site(one) for one in run.sites],
        "served_fingerprint_sha256": run.served_fingerprint_sha256 or None,
        "error": show_error(run),
        "next_try_at": next_try(deployment, run),
    }
