"""What people ask of an issuance: start, issue, cancel, start afresh. The worker's side is advance.py."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, record
from certificates.cas.choosing import ca_as_before
from certificates.cas.ledger import Ordered, require_room, spare_of
from certificates.gates import CHALLENGES, Wish, read_wish, require_open_window
from certificates.models import Issuance
from certificates.renewal.waking import wake
from certificates.solvers import MANUAL, automatic_for
from certificates.store import destroy_unused_key
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains import findings
from domains.models import Domain, Ownership
from domains.ownership import covers, enclosing

State, Step = Issuance.State, Issuance.Step


def start_issuance(
    *,
    domain: Domain,
    wish: Wish,
    actor: Actor,
    is_renewal: bool = False,
    replaces: str = "",
    pk: uuid.UUID | None = None,
    is_forced: bool = False,
) -> tuple[Issuance, bool]:
    """Open an issuance and ring for it; (row, whether it is new). Repeatable: an open one is returned.

    `replaces` is the certificate whose place it takes, as RFC 9773 names it. `pk` was promised to whoever asked for
    it; `is_forced` leaves out the window.

    Raises NeedsUser names_not_proven or issuance_window, Transient ca_limit. The worker checks all again, ownership
    live.
    """
    workspace = domain.workspace
    wish = with_solver(workspace, wish)
    require_proven(workspace, wish.names)
    if not is_forced:
        require_open_window(workspace, wish)
    row = _row(domain, wish, actor)
    row.is_renewal, row.replaces, row.is_forced = is_renewal, replaces, is_forced
    row.pk = pk or row.pk
    if not open_issuances(workspace, wish).exists():
        require_room(ordered_by(row))
    # Somebody waits for what they asked for; a renewal has time.
    row.priority = jobs.BACKGROUND if is_renewal else jobs.INTERACTIVE
    try:
        return _create_unless_open(row, wish, actor)
    except IntegrityError:
        # The open one ended between our insert and our look, so the claim on these names is free again.
        return _create_unless_open(row, wish, actor)


def with_solver(workspace: Workspace, wish: Wish) -> Wish:
    """The wish with whoever can prove its names without hands, where nobody was named."""
    if wish.solver != MANUAL:
        return wish
    return replace(wish, solver=automatic_for(workspace.pk, wish.names))


def _create_unless_open(row: Issuance, wish: Wish, actor: Actor) -> tuple[Issuance, bool]:
    domain = row.domain
    try:
        with transaction.atomic():
            return _create(row, actor), True
    except IntegrityError:
        already = open_issuances(domain.workspace, wish).first()
        if already is None:
            raise
    return already, False


def _row(domain: Domain, wish: Wish, actor: Actor) -> Issuance:
    return Issuance(
        workspace=domain.workspace,
        domain=domain,
        names=list(wish.names),
        names_key=wish.names_key,
        challenge=wish.challenge,
        solver=wish.solver,
        directory_url=wish.directory_url,
        profile=wish.profile,
        key_type=wish.key_type,
        requested_by=actor.label,
        step_at=clock.now(),
        run_after=clock.now(),
    )


def _create(issuance: Issuance, actor: Actor) -> Issuance:
    issuance.save(force_insert=True)
    _record("issuance.over_http" if issuance.challenge == "http-01" else "issuance.started", issuance, actor)
    findings.close_finding(domain=issuance.domain, source="issuance", code="issuance_failed", actor=actor)
    jobs.ring("issuance", interactive=issuance.priority == jobs.INTERACTIVE)
    return issuance


def ordered_like(domain: Domain, wish: Wish) -> Ordered:
    """What the CA's limits would count of an order for this wish."""
    ordered = Ordered(domain.workspace_id, wish.directory_url, wish.names)
    return replace(ordered, spared=spare_of(ordered, replaces="", domain_id=domain.pk))


def ordered_by(issuance: Issuance) -> Ordered:
    """What the CA's limits would count of it."""
    ordered = Ordered(issuance.workspace_id, issuance.directory_url, issuance.names)
    return replace(ordered, spared=spare_of(ordered, replaces=issuance.replaces, domain_id=issuance.domain_id))


def open_issuances(workspace: Workspace, wish: Wish) -> QuerySet[Issuance]:
    rows = Issuance.objects.for_workspace(workspace)
    return rows.filter(names_key=wish.names_key, directory_url=wish.directory_url, state__in=Issuance.OPEN_STATES)


def issue_certificate(*, issuance: Issuance, actor: Actor) -> None:
    """The records are there, go on: our own look, then the CA's. Repeatable; the caller waits or polls.

    Raises NeedsUser issuance_closed or issuance_not_waiting. What the look finds is on the row.
    """
    waiting = Issuance.objects.for_workspace(issuance.workspace_id).filter(
        pk=issuance.pk, state=State.PENDING_CHALLENGE, step=Step.WAIT_FOR_RECORDS
    )
    with transaction.atomic():
        # An expiry look may hold the lease just now; taking it away makes that worker drop its result.
        taken = waiting.update(
            step=Step.CHECK_RECORDS,
            step_at=clock.now(),
            run_after=clock.now(),
            priority=jobs.INTERACTIVE,
            attempts=0,
            claims=0,
            error_code="",
            error_params={},
            lease_token=None,
            lease_until=None,
        )
        if taken:
            _record("issuance.requested", issuance, actor)
            jobs.ring("issuance", interactive=True)
    issuance.refresh_from_db()
    if not taken:
        _refuse_unless_under_way(issuance)


def _refuse_unless_under_way(issuance: Issuance) -> None:
    """A second click while the first is worked is no error; before the records and after the end it is."""
    if issuance.state in (State.FAILED, State.CANCELLED):
        raise NeedsUser("issuance_closed", state=issuance.state)
    if issuance.state == State.DRAFT:
        raise NeedsUser("issuance_not_waiting", state="preparing its records")


def cancel_issuance(*, issuance: Issuance, actor: Actor) -> None:
    """End an issuance that the CA was not asked to validate yet. Repeatable.

    Raises NeedsUser: issuance_not_waiting while the CA validates, issuance_closed when it has ended.
    """
    rows = Issuance.objects.for_workspace(issuance.workspace_id).filter(pk=issuance.pk)
    with transaction.atomic():
        # Without its lease a worker that is on this row right now writes nothing any more.
        cancelled = rows.filter(state__in=(State.DRAFT, State.PENDING_CHALLENGE)).update(
            state=State.CANCELLED,
            step=Step.CLEAN_UP,
            run_after=clock.now(),
            priority=jobs.BACKGROUND,
            ended_at=clock.now(),
            error_code="",
            error_params={},
            lease_token=None,
            lease_until=None,
        )
        if cancelled:
            destroy_unused_key(issuance)
            wake(issuance.domain_id)
            _record("issuance.cancelled", issuance, actor)
            jobs.ring("issuance")
    issuance.refresh_from_db()
    if not cancelled and issuance.is_open:
        raise NeedsUser("issuance_not_waiting", state=issuance.state)
    if not cancelled and issuance.state != State.CANCELLED:
        raise NeedsUser("issuance_closed", state=issuance.state)


def start_again(*, issuance: Issuance, actor: Actor) -> Issuance:
    """A fresh challenge for the same names after one that failed or was cancelled."""
    wish = read_wish(
        issuance.names,
        directory_url=ca_as_before(issuance.workspace, issuance.directory_url),
        profile=issuance.profile,
        key_type=issuance.key_type,
    )
    if issuance.challenge not in CHALLENGES:
        # Not for anybody to choose: the domain's mode did, so that one goes the same way.
        wish = replace(wish, challenge=issuance.challenge, solver=issuance.solver)
    return start_issuance(domain=issuance.domain, wish=wish, actor=actor)[0]


def require_proven(workspace: Workspace, names: Sequence[str]) -> None:
    """Every name lies at or below a host that the workspace has proven, by what is on file."""
    above = {host for name in names for host in enclosing(name.removeprefix("*."))}
    rows = Ownership.objects.for_workspace(workspace).filter(host__in=above, proven_at__isnull=False)
    proven = list(rows.values_list("host", flat=True))
    missing = [name for name in names if not any(covers(host, name) for host in proven)]
    if missing:
        raise NeedsUser("names_not_proven", names=missing)


def _record(kind: str, issuance: Issuance, actor: Actor) -> None:
    record(
        kind,
        workspace_id=issuance.workspace_id,
        actor=actor,
        domain_id=issuance.domain_id,
        domain_label=issuance.domain.label,
        run_id=issuance.pk,
        data={"issuance": str(issuance.pk), "names": ", ".join(issuance.names)},
    )
