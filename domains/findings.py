"""What is wrong or needs somebody: opened and closed by every room, at most one open row per code."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from auditlog.events import Actor, record
from config.lib import clock
from config.lib.errors import NeedsUser, describe
from domains.models import Domain, Finding
from domains.standing import refresh_state
from domains.state import reported_state

NOTE_AT_MOST = 1_000


@transaction.atomic
def open_finding(
    *,
    domain: Domain,
    source: str,
    code: str,
    params: Mapping[str, Any] | None = None,
    severity: str = "warning",
    needs_user: bool = False,
    actor: Actor | None = None,
) -> Finding:
    """Say that something is so until `close_finding`. Repeatable: an open row takes the new params.

    `params` must be JSON and fill the catalogue's words for `code`. Records an event when it is new.
    """
    wanted = {"params": dict(params or {}), "severity": severity, "needs_user": needs_user}
    finding, is_new = Finding.unscoped.get_or_create(
        workspace_id=domain.workspace_id,
        domain=domain,
        source=source,
        code=code,
        closed_at=None,
        defaults=wanted,
    )
    if not is_new and any(getattr(finding, name) != value for name, value in wanted.items()):
        Finding.unscoped.filter(pk=finding.pk).update(**wanted)
    if is_new:
        _record("finding.opened", domain, finding, actor)
    sum_up(domain)
    return finding


@transaction.atomic
def close_finding(*, domain: Domain, source: str, code: str, actor: Actor | None = None) -> bool:
    """It is no longer so. Repeatable; whether a row was open."""
    finding = open_findings(domain).filter(source=source, code=code).first()
    if finding is None:
        return False
    Finding.unscoped.filter(pk=finding.pk, closed_at=None).update(closed_at=clock.now())
    _record("finding.closed", domain, finding, actor)
    sum_up(domain)
    return True


@transaction.atomic
def replace_findings(*, domain: Domain, source: str, found: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Make the open findings of `source` exactly `found`: code → (severity, params). Repeatable."""
    for finding in open_findings(domain).filter(source=source).exclude(code__in=found):
        close_finding(domain=domain, source=source, code=finding.code)
    for code, (severity, params) in found.items():
        open_finding(
            domain=domain,
            source=source,
            code=code,
            params=params,
            severity=severity,
            needs_user=severity != "info",
        )


def acknowledge_finding(*, finding: Finding, actor: Actor, note: str) -> bool:
    """Somebody knows of it, and may say why it stays: it stays open, and nobody is reminded of it any more.

    Again with another note it takes that. Repeatable; whether anything changed. Raises NeedsUser: finding_closed,
    note_too_long.
    """
    told = _parse_note(note)
    return _acknowledge(finding, actor, "finding.acknowledged", clock.now(), actor.label[:254], told)


def unacknowledge_finding(*, finding: Finding, actor: Actor) -> bool:
    """Nobody does: the reminders go on, and the note goes. Repeatable. Raises NeedsUser finding_closed."""
    return _acknowledge(finding, actor, "finding.unacknowledged", None, "", "")


@transaction.atomic
def _acknowledge(finding: Finding, actor: Actor, kind: str, at: datetime | None, by: str, note: str) -> bool:
    rows = Finding.unscoped.select_for_update(of=("self",)).select_related("domain")
    row = rows.get(pk=finding.pk)
    if row.closed_at is not None:
        raise NeedsUser("finding_closed", title=describe(row.code, row.params).title)
    if (row.acknowledged_at is None) is (at is None) and row.note == note:
        return False
    Finding.unscoped.filter(pk=row.pk).update(acknowledged_at=at, acknowledged_by=by, note=note)
    _record(kind, row.domain, row, actor, note=note)
    return True


def _parse_note(text: str) -> str:
    note = "\n".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}").strip().splitlines())
    if len(note) > NOTE_AT_MOST:
        raise NeedsUser("note_too_long", most=NOTE_AT_MOST)
    return note


def open_findings(domain: Domain) -> Any:
    """The open rows, most severe first is the reader's business."""
    return Finding.unscoped.filter(domain=domain, closed_at=None)


def sum_up(domain: Domain) -> None:
    """Bring the domain's columns in line with its open findings; called inside the change's transaction."""
    rows = list(open_findings(domain).values_list("code", "needs_user"))
    Domain.unscoped.filter(pk=domain.pk).update(
        needs_action=any(needs for _, needs in rows),
        reported_state=reported_state(code for code, _ in rows),
    )
    refresh_state(domain)


def _record(kind: str, domain: Domain, finding: Finding, actor: Actor | None, **more: str) -> None:
    record(
        kind,
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data={
            "finding": str(finding.pk),
            "source": finding.source,
            "code": finding.code,
            "severity": finding.severity,
            "title": describe(finding.code, finding.params).title,
            **more,
        },
    )
