"""Targets: what is put where, kept as a draft or saved, tested, removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from auditlog.events import Actor, difference, record
from config.lib.errors import NeedsUser
from deploy.http01.answering import COLUMNS, NO_ANSWER, Http01, http01_of, keep_http01
from deploy.models import Server, Target, TargetRun
from deploy.readiness.asking import ask_after_change
from deploy.reconcile import reconcile_target, start_look
from deploy.server_lease import refuse_half_done
from deploy.servers import Access, change_server, find_or_make_server, find_server
from deploy.settling import settle_domain
from deploy.ssh import placement
from domains.models import Domain

MAX_PORTS = 10
# What a deployment cannot do without, in the words of the form.
PRIVATE_KEY, DIRECTORIES = "Private key", "Certificate directories on server"


@dataclass(frozen=True)
class Placement:
    """Where files go and what follows, checked."""

    certificate_directories: Sequence[str] = ()
    file_names: Mapping[str, str] | None = None
    reload_commands: Sequence[str] = ()
    verify_ports: Sequence[int] | None = None
    use_sudo: bool = False
    owner: str = ""
    http01: Http01 = NO_ANSWER


def check_ports(ports: Sequence[int] | None) -> list[int] | None:
    """Ports to look at, doubles removed; None is the domain's own port, empty is nothing to look at."""
    if ports is None:
        return None
    chosen = list(dict.fromkeys(ports))
    if len(chosen) > MAX_PORTS or any(not 1 <= port <= 65535 for port in chosen):
        raise NeedsUser("ports_not_allowed", limit=MAX_PORTS)
    return chosen


def check_custom_names(names: Mapping[str, str] | None) -> dict[str, str]:
    """Only what differs from the documented names is stored."""
    checked = placement.check_file_names(names or {})
    return {part: name for part, name in checked.items() if name != placement.DEFAULT_NAMES[part]}


def missing_parts(server: Server, chosen: Placement) -> list[str]:
    """What a target needs before it can deploy, in the words of the form."""
    missing = []
    if not server.public_key:  # The key itself is not opened to see whether there is one.
        missing.append(PRIVATE_KEY)
    if not chosen.certificate_directories:
        missing.append(DIRECTORIES)
    return missing


@transaction.atomic
def save_target(
    *,
    domain: Domain,
    server: Server,
    chosen: Placement,
    actor: Actor,
    target: Target | None = None,
    draft: bool = False,
) -> Target:
    """Make or change a target. A draft keeps what there is so far; else all that a deploy needs must be there.

    A saved target that is not a draft gets the domain's last deployment by itself (reconcile_target says when).
    Raises NeedsUser target_incomplete.
    """
    missing = missing_parts(server, chosen)
    if missing and not draft:
        raise NeedsUser("target_incomplete", missing=missing)
    lock_targets(domain)
    row = target or Target(workspace_id=domain.workspace_id, domain=domain, position=_next_position(domain))
    before = _shown(row) if target else {}
    old_server = row.server if target else None
    row.server = server
    row.certificate_directories = list(chosen.certificate_directories)
    row.file_names = dict(chosen.file_names or {})
    row.reload_commands = list(chosen.reload_commands)
    row.verify_ports = None if chosen.verify_ports is None else list(chosen.verify_ports)
    row.use_sudo, row.owner = chosen.use_sudo, chosen.owner
    keep_http01(row, chosen.http01)
    # A test of a saved target must not take it out of service: it stays saved while it is complete.
    row.is_draft = draft and (row.is_draft or bool(missing))
    if _places(_shown(row)) != _places(before):
        row.installed_certificate = None  # Nothing of ours is known to lie there.
    _write(row, is_new=target is None)
    _record_saved(row, actor, before)
    if old_server and old_server.pk != server.pk:
        _move_waiting(row)
        _drop_unused(old_server)
    if not draft:  # Who tests or looks first has not asked for more than that.
        reconcile_target(row)
    return row


def _move_waiting(target: Target) -> None:
    """What waits for its time goes to where the target is now, not with a key to where it was."""
    waiting = TargetRun.unscoped.filter(target=target, state=TargetRun.State.WAITING, lease_token=None)
    waiting.update(server=target.server, label=target.server.label)


def lock_targets(domain: Domain) -> None:
    """Let one change of a domain's targets see the other: two at once would take the same position. Repeatable.

    Call inside a transaction, and before a server of theirs is locked, as the end of a run does it: the other way
    round the two would wait for each other.
    """
    Domain.unscoped.select_for_update(no_key=True).filter(pk=domain.pk).first()


def _write(row: Target, *, is_new: bool) -> None:
    if is_new:
        row.save(force_insert=True)
        return
    row.save(
        update_fields=[
            "server", "certificate_directories", "file_names", "reload_commands", "verify_ports", "use_sudo", "owner",
            "is_draft", "installed_certificate", *COLUMNS,
        ]
    )  # fmt: skip


def _next_position(domain: Domain) -> int:
    last = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain).aggregate(last=Max("position"))
    return (last["last"] or 0) + 1


def _shown(row: Target) -> dict[str, Any]:
    """What the audit trail compares; commands are part of it, because they run on the customer's server."""
    return {
        "server": row.server.address,
        "directories": list(row.certificate_directories),
        "files": row.names,
        "commands": list(row.reload_commands),
        "ports": row.verify_ports,
        "sudo": row.use_sudo,
        "owner": row.owner,
        "http01": http01_of(row).shown(),
        "draft": row.is_draft,
    }


def _places(shown: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(shown.get(name) for name in ("server", "directories", "files", "owner"))


def _record_saved(row: Target, actor: Actor, before: dict[str, Any]) -> None:
    after = _shown(row)
    if after == before:
        return
    ask_after_change(row.domain)
    record(
        "target.saved",
        workspace_id=row.workspace_id,
        actor=actor,
        domain_id=row.domain_id,
        domain_label=row.domain.label,
        data={"target": str(row.pk), "server": row.server.label, **difference(before, after)},
    )


def _drop_unused(server: Server) -> None:
    """A host that was mistyped in a draft leaves nothing behind; one that was ever trusted stays."""
    if not server.host_key_fingerprint and not server.targets.exists():
        server.delete()


@transaction.atomic
def move_target(*, target: Target, access: Access, actor: Actor, draft: bool = False) -> Server:
    """The server that `access` means for this target, which is not saved here.

    A server of this target alone is changed in place, so that its key need not be pasted again; one that others
    use stays, and the target gets another. Repeatable. With `draft` nothing is deployed for that.
    """
    server = target.server
    if (access.host, access.port, access.username) == (server.host, server.port, server.username):
        return change_server(server=server, access=access, actor=actor, draft=draft)
    is_shared = server.targets.exclude(pk=target.pk).exists()
    if is_shared or find_server(target.workspace, access):
        return find_or_make_server(workspace=target.workspace, access=access, actor=actor, draft=draft)
    return change_server(server=server, access=access, actor=actor, draft=draft)


@transaction.atomic
def delete_target(*, target: Target, actor: Actor) -> None:
    """Stop deploying there. The files on the server stay. Raises NeedsUser target_half_done."""
    server, domain = target.server, target.domain
    lock_targets(domain)
    refuse_half_done(server, target=target)
    record(
        "target.deleted",
        workspace_id=target.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data={"target": str(target.pk), "server": server.label, **difference(_shown(target), {})},
    )
    target.delete()
    _drop_unused(server)
    ask_after_change(domain)
    rows = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    for position, row in enumerate(rows, start=1):
        if row.position != position:
            Target.unscoped.filter(pk=row.pk).update(position=position)
    settle_domain(domain)  # What failed there is nobody's business any more.


@transaction.atomic
def start_test(*, target: Target, actor: Actor) -> TargetRun:
    """`Test SSH`: a run that changes nothing and pins nothing. Works on drafts. One that is under way is returned."""
    return start_look(target, TargetRun.Kind.TEST, actor)


@transaction.atomic
def start_detection(*, target: Target, actor: Actor) -> TargetRun:
    """`Detect platform`: as a test, and what it finds is kept on the target."""
    return start_look(target, TargetRun.Kind.DETECT, actor)
