"""What a replacement would do, told before anybody confirms it; and the confirmation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from accounts.models import Workspace
from auditlog.events import Actor, record
from certificates.models import Certificate, ReplacedCertificate, Replacement
from certificates.renewal.requirements import missing_for
from certificates.replacing.choosing import Choice, choose
from certificates.revoking import reason_words
from certificates.solvers import MANUAL, OVER_SSH, solver_for
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.findings import close_finding, open_finding
from domains.models import Domain, Finding

State = ReplacedCertificate.State
SOURCE, CODE = "replacement", "certificate_to_replace"
KIND = "certificate_replacement"
KEY_COMPROMISE = 1
# So many are ordered in a minute: far below what a CA takes from one address, and 300 orders in three hours are only
# counted for names that are new to it.
PER_MINUTE = 10
# Each is looked at again and again until it is over.
OPEN_AT_MOST = 5
# In one look, which is to order and revoke as well.
FINDINGS_AT_ONCE = 100
UPLOADED = "Uploaded: get the next one from its issuer, with a new key, and upload it."
BY_HAND = "Nobody can prove its names without a person: issue the next one on the Let's Encrypt tab."
NOT_READY = "Auto-renew (SSH) cannot order it yet. Missing on the Renew & deploy tab: {missing}."
BY_ITSELF = "Ordered by itself, with a new key, and installed where this one is."
FOLLOWS = "A newer one for the same names is there or is ordered; this one goes once that is served."


@dataclass(frozen=True)
class Planned:
    """`how` is "itself", "person" or "follows"."""

    certificate: Certificate
    how: str
    why: str


@dataclass(frozen=True)
class Plan:
    what: str
    planned: Sequence[Planned] = field(default_factory=list)

    def count(self, how: str) -> int:
        return sum(one.how == how for one in self.planned)

    @property
    def minutes(self) -> int:
        """How long it takes to order all that are ordered by themselves."""
        return -(-self.count("itself") // PER_MINUTE)


def plan_of(workspace: Workspace, choice: Choice) -> Plan:
    """Asks the database alone. Raises NeedsUser replace_nothing, replace_too_many."""
    what, found = choose(workspace, choice)
    return Plan(what, list(_planned(workspace, found)))


def _planned(workspace: Workspace, found: Sequence[Certificate]) -> Iterator[Planned]:
    rows = Certificate.objects.for_workspace(workspace).filter(not_after__gte=clock.now(), revoked_at=None)
    # Of several with one key the last one counts.
    newest = dict(rows.order_by("created_at", "pk").values_list("names_key", "pk"))
    for one in found:
        if newest.get(one.names_key, one.pk) != one.pk:
            yield Planned(one, "follows", FOLLOWS)
        elif why := why_by_person(one):
            yield Planned(one, "person", why)
        else:
            yield Planned(one, "itself", BY_ITSELF)


def why_by_person(certificate: Certificate) -> str:
    """Why nobody can order its successor without hands; empty where that is done by itself."""
    if certificate.source != Certificate.Source.ACME:
        return UPLOADED
    solver = solver_for(certificate.domain.mode, certificate.workspace_id, certificate.names)
    missing = missing_for(certificate.domain) if solver == OVER_SSH else []
    if missing:
        return NOT_READY.format(missing=", ".join(missing))
    return BY_HAND if solver == MANUAL else ""


def start_replacement(*, workspace: Workspace, choice: Choice, reason: int, revokes: bool, actor: Actor) -> Replacement:
    """Confirmed: the rows, and the workers are rung; they open the findings.

    Raises NeedsUser as `plan_of`, and replace_full.
    """
    plan = plan_of(workspace, choice)
    replacement = Replacement(
        workspace=workspace,
        by=choice.by,
        what=plan.what[:400],
        reason=reason,
        revokes=revokes,
        requested_by=actor.label,
        run_after=clock.now(),
        priority=jobs.INTERACTIVE,
    )
    with transaction.atomic():
        _require_room(workspace)
        replacement.save(force_insert=True)
        ReplacedCertificate.unscoped.bulk_create(_entry(replacement, one) for one in plan.planned)
        counts = {how: plan.count(how) for how in ("itself", "person", "follows")}
        record_of(replacement, "replacement.started", actor, told={"count": len(plan.planned), **counts})
        jobs.ring(KIND, interactive=True)
    return replacement


def _require_room(workspace: Workspace) -> None:
    # One at a time, or the limit would be none.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    if Replacement.objects.for_workspace(workspace).filter(ended_at=None).count() >= OPEN_AT_MOST:
        raise NeedsUser("replace_full", most=OPEN_AT_MOST)


def _entry(replacement: Replacement, one: Planned) -> ReplacedCertificate:
    state = State.PERSON if one.how == "person" else State.WAITING
    return ReplacedCertificate(
        workspace_id=replacement.workspace_id, replacement=replacement, certificate=one.certificate, state=state
    )


def open_some_findings(replacement: Replacement, entries: Sequence[ReplacedCertificate]) -> bool:
    """Some of those that the domains of `entries` lack, for a worker: thousands would keep a page waiting.

    Whether there are more. Raises LeaseLost. Repeatable: what a dead worker left is found by the rows.
    """
    severity = "critical" if replacement.reason == KEY_COMPROMISE else "warning"
    domains = {one.certificate.domain_id: one.certificate.domain for one in entries}
    told = Finding.objects.for_workspace(replacement.workspace_id).filter(source=SOURCE, code=CODE, closed_at=None)
    # Another replacement's counts too, if it is no milder.
    told = told.filter(severity__in={severity, "critical"})
    missing = domains.keys() - set(told.values_list("domain_id", flat=True))
    for key in sorted(missing)[:FINDINGS_AT_ONCE]:
        # Who stops it has taken the lease away: then no finding is left that nobody closes.
        replacement.save_step(also=partial(_open, replacement, domains[key], severity))
    return len(missing) > FINDINGS_AT_ONCE


def _open(replacement: Replacement, domain: Domain, severity: str) -> None:
    params = {"what": replacement.what, "why": reason_words(replacement.reason)}
    open_finding(domain=domain, source=SOURCE, code=CODE, params=params, severity=severity, needs_user=True)


def try_again(*, replacement: Replacement, actor: Actor) -> None:
    """What failed begins anew. Repeatable. Raises NeedsUser replace_over."""
    _require_open(replacement)
    with transaction.atomic():
        rows = ReplacedCertificate.unscoped.filter(replacement=replacement, state=State.FAILED)
        fresh: dict[str, Any] = {"state": State.WAITING, "issuance": None, "error_code": "", "error_params": {}}
        if rows.update(**fresh, changed_at=clock.now()):
            record_of(replacement, "replacement.tried_again", actor)
        jobs.start_now(replacement)
        jobs.ring(KIND, interactive=True)


def end_replacement(*, replacement: Replacement, actor: Actor) -> None:
    """Nothing more is begun; what is under way at a CA ends by itself. Raises NeedsUser replace_over."""
    _require_open(replacement)
    with transaction.atomic():
        rows = Replacement.unscoped.filter(pk=replacement.pk, ended_at=None)
        # Without its lease a worker that is on it right now writes nothing any more.
        if rows.update(ended_at=clock.now(), run_after=None, lease_token=None, lease_until=None):
            left = ReplacedCertificate.unscoped.filter(replacement=replacement).exclude(state=State.DONE).count()
            record_of(replacement, "replacement.stopped", actor, told={"left": left})
            close_findings(replacement)
    replacement.refresh_from_db()


def _require_open(replacement: Replacement) -> None:
    if not replacement.is_open:
        raise NeedsUser("replace_over", what=replacement.what)


def close_findings(replacement: Replacement) -> None:
    """Of every domain that no other open replacement is about. Repeatable; inside a transaction."""
    rows = ReplacedCertificate.unscoped.filter(replacement=replacement).select_related("certificate__domain")
    for domain in {row.certificate.domain_id: row.certificate.domain for row in rows}.values():
        close_when_done(domain)


def close_when_done(domain: Domain) -> None:
    left = ReplacedCertificate.unscoped.filter(certificate__domain=domain, replacement__ended_at=None)
    if not left.exclude(state=State.DONE).exists():
        close_finding(domain=domain, source=SOURCE, code=CODE)


def record_of(
    replacement: Replacement,
    kind: str,
    actor: Actor | None = None,
    *,
    domain: Domain | None = None,
    told: Mapping[str, object] | None = None,
) -> None:
    """`told` is what the sentence of `kind` says beside what all of them say."""
    words = {"replacement": str(replacement.pk), "what": replacement.what, "reason": reason_words(replacement.reason)}
    about: dict[str, Any] = {"domain_id": domain.pk, "domain_label": domain.label} if domain else {}
    record(kind, workspace_id=replacement.workspace_id, actor=actor, **about, data={**words, **(told or {})})
