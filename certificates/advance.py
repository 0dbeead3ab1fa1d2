"""The worker's side of an issuance: one persisted step after the other, resumable after each.

Nothing is done at the CA before what it needs to be found again is stored: the account key before
the account, private key and request before the order, the order's URL before its records are shown.
Whatever a step asks of the CA may therefore be asked again by the next worker, on the same order.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings

from auditlog.events import record
from certificates import acme, proving
from certificates.cas import ledger
from certificates.cas.accounts import require_settled
from certificates.cas.chains import preferred
from certificates.cas.outages import WAITS
from certificates.challenges import is_ordering_elsewhere, proofs_to_give_back
from certificates.gates import Wish, require_open_window, require_proofs, was_issued
from certificates.issuance import ordered_by, ordered_like
from certificates.keys import csr_der, make_csr, new_key
from certificates.line import LEASE_SECONDS, Line, external_of
from certificates.models import AcmeAccount, Authorization, Certificate, Issuance, PrivateKey
from certificates.moves import LONGEST_PAUSE, counted, give_back, go_on, look_later, look_quickly
from certificates.proving import dns_refusal
from certificates.renewal.waking import wake
from certificates.solvers import solvers
from certificates.store import build_certificate, destroy_unused_key, keep_certificate
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient
from domains import findings
from domains.ownership import is_lapsed

State, Step = Issuance.State, Issuance.Step

# About a day of the retry ladder; by then the CA has dropped most orders anyway.
MOST_ATTEMPTS = 30
# Once the CA may have issued, about two weeks: giving up would lose a certificate that counts.
MOST_ATTEMPTS_AT_THE_END = 360
# A CA that has been away for longer is waited for by attempts that end, as for any other trouble.
PATIENCE = timedelta(days=2)
THE_END = (Step.FINALIZE, Step.STORE)
# The account was opened just now and is gone again: opening it once more would go on for ever.
JUST_OPENED = timedelta(minutes=1)


def work_issuances(batch: Sequence[Issuance]) -> None:
    """Advance each claimed row until it waits for somebody or something."""
    for issuance in batch:
        with ExitStack() as stack:
            line = Line(stack, issuance)
            while issuance.lease_token is not None:
                advance(issuance, line)


def advance(issuance: Issuance, line: Line) -> None:
    """One step, persisted before it returns. Raises ExpectedErrors; repeatable after any crash."""
    if issuance.attempts >= (MOST_ATTEMPTS_AT_THE_END if issuance.step in THE_END else MOST_ATTEMPTS):
        last = errors.describe(issuance.error_code, issuance.error_params).title
        raise Permanent("acme_gave_up", attempts=issuance.attempts, last=last)
    try:
        STEPS[Step(issuance.step)](issuance, line)
    except Transient as error:
        if error.code == WAITS and clock.now() - (issuance.step_at or issuance.created_at) < PATIENCE:
            _stand_in_line(issuance, error)
            return
        if error.code != "acme_account_gone":
            raise
        _reopen_account(issuance, line, error)


def _stand_in_line(issuance: Issuance, error: Transient) -> None:
    """Nobody asked the CA anything, so this was no attempt."""
    trouble: dict[str, Any] = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    give_back(issuance, run_after=error.retry_at, attempts=issuance.attempts, priority=issuance.priority, **trouble)


def give_up(issuance: Issuance, error: ExpectedError) -> None:
    """End the row for good; an issuance that has ended already only stops cleaning up."""
    if not issuance.is_open:
        issuance.finish(step=Step.DONE)
        return
    may_be_issued = issuance.step in THE_END
    if may_be_issued and error.code == "job_quarantined" and issuance.attempts < MOST_ATTEMPTS_AT_THE_END:
        issuance.postpone(error)
        return
    has_order = bool(issuance.order_url) and not _is_forgotten(error)
    issuance.finish(
        state=State.FAILED,
        step=Step.CLEAN_UP if has_order else Step.DONE,
        run_after=clock.now() if has_order else None,
        ended_at=clock.now(),
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=lambda: _tell_failed(issuance, error, keeps_key=may_be_issued),
    )


def _is_forgotten(error: ExpectedError) -> bool:
    """Whether the CA knows the order, or the account that made it, no longer: nothing can be given back."""
    kind, status = (error.params.get(name) for name in ("kind", "status"))
    return error.code == "acme_order_expired" and (kind == "accountDoesNotExist" or status == 404)


def wish_of(issuance: Issuance) -> Wish:
    return Wish(
        names=tuple(issuance.names),
        directory_url=issuance.directory_url,
        challenge=issuance.challenge,
        profile=issuance.profile,
        key_type=issuance.key_type,
        solver=issuance.solver,
    )


def _check_gates(issuance: Issuance, line: Line) -> None:
    if not (issuance.is_renewal and was_issued(issuance.workspace, issuance.names)):
        # Auto-renew also orders first certificates, and for names that were added to it.
        require_proofs(issuance.workspace, issuance.names, partial(issuance.renew_lease, LEASE_SECONDS))
    elif is_lapsed(workspace=issuance.workspace, names=issuance.names):
        # The CA itself proves control anew; a record that is gone for a while has a finding, and stops nothing yet.
        raise NeedsUser("ownership_missing", names=sorted(issuance.names))
    if not issuance.is_forced:
        require_open_window(issuance.workspace, wish_of(issuance))
    ordered = ordered_by(issuance)
    ledger.require_room(ordered)
    go_on(issuance, Step.OPEN_ACCOUNT, spared=ordered.spared)


def _open_account(issuance: Issuance, line: Line) -> None:
    account = line.account()
    crash_here("issue.account_key_stored")
    if not account.uri:
        ledger.require_room_for_account(account.directory_url)
        account.uri = line.ca().open_account(email=settings.ACME_EMAIL, external=external_of(account))
        crash_here("issue.account_opened")
        AcmeAccount.unscoped.filter(pk=account.pk).update(uri=account.uri, opened_at=clock.now())
        ledger.note_account(account.directory_url)
    go_on(issuance, Step.CHECK_CAA, also=partial(require_settled, account.pk))


def _check_caa(issuance: Issuance, line: Line) -> None:
    refusal = dns_refusal(issuance, line)
    if refusal:
        raise refusal
    go_on(issuance, Step.MAKE_KEY)


def _make_key(issuance: Issuance, line: Line) -> None:
    pem = new_key(issuance.key_type)
    owner = {"workspace_id": issuance.workspace_id, "domain_id": issuance.domain_id}
    key = PrivateKey(**owner, sealed_pem=pem, key_type=issuance.key_type)
    csr_pem = make_csr(pem, issuance.names)
    go_on(issuance, Step.ORDER, private_key=key, csr_pem=csr_pem, also=partial(key.save, force_insert=True))
    crash_here("issue.key_stored")


def _order(issuance: Issuance, line: Line) -> None:
    order = _new_order(issuance, line)
    # The one window that ACME leaves open: it has no idempotency key, so dying here orphans an order.
    crash_here("issue.order_made")
    line.remember(order)
    note = partial(ledger.note_order, counted(issuance))
    go_on(issuance, Step.LOAD_CHALLENGES, order_url=order.url, order_expires_at=order.expires_at, also=note)
    crash_here("issue.order_stored")


def _new_order(issuance: Issuance, line: Line) -> acme.Order:
    """A CA that does not take our word for what is replaced refuses the whole order: then without it, once."""
    replaces, spared = issuance.replaces, issuance.spared
    try:
        return line.ca().new_order(issuance.names, profile=issuance.profile, replaces=replaces)
    except ExpectedError as error:
        if not replaces or not _is_about_replacing(error):
            raise
    # Its limits, which spare what it suggested itself, count this one.
    without = ordered_like(issuance.domain, wish_of(issuance))
    ledger.require_room(without)
    issuance.save_step(replaces="", spared=without.spared)
    try:
        return line.ca().new_order(issuance.names, profile=issuance.profile)
    except Transient:
        issuance.save_step(replaces=replaces, spared=spared)  # It is out of order, whatever we say.
        raise


def _is_about_replacing(error: ExpectedError) -> bool:
    """Boulder answers alreadyReplaced (409), 404, 403 or malformed for certificates of others and unknown ones.

    Pebble answers 500, also for one of its own whose serial number begins with a bit that is set: it looks for it
    without the zero octet that RFC 9773, section 4.1, has before it.
    """
    kind, status = (error.params.get(name) for name in ("kind", "status"))
    if isinstance(error, Transient):
        return (kind, status) == ("serverInternal", 500)
    return kind in ("alreadyReplaced", "malformed", "unauthorized", "conflict") or status in (403, 404, 409)


def _finalize(issuance: Issuance, line: Line) -> None:
    order = line.load_order()
    if order.status == "ready":
        order = line.ca().finalize(order, csr_der(issuance.csr_pem))
        crash_here("issue.finalized")
    if order.status in ("processing", "ready"):
        order = look_quickly(issuance, line, lambda seen: seen.status not in ("processing", "ready"))
    if order.status == "valid" and order.certificate_url:
        go_on(issuance, Step.STORE, certificate_url=order.certificate_url)
        crash_here("issue.certificate_ready")
    elif order.status == "invalid":
        raise acme.order_refusal(order)
    elif order.status == "pending":
        go_on(issuance, Step.WATCH_VALIDATION, state=State.VALIDATING)
    else:
        look_later(issuance, order.retry_at)


def _store(issuance: Issuance, line: Line) -> None:
    chain = line.ca().download_chain(issuance.certificate_url)
    crash_here("issue.downloaded")
    certificate = build_certificate(issuance, preferred(line, chain))
    give_back(
        issuance,
        state=State.ISSUED,
        step=Step.CLEAN_UP,
        step_at=clock.now(),
        run_after=clock.now(),
        certificate=certificate,
        ended_at=clock.now(),
        error_code="",
        error_params={},
        also=partial(_keep, issuance, certificate),
    )
    crash_here("issue.certificate_stored")
    jobs.ring("issuance")


def _keep(issuance: Issuance, certificate: Certificate) -> None:
    keep_certificate(issuance, certificate)
    ledger.note_certificate(counted(issuance))


def _clean_up(issuance: Issuance, line: Line) -> None:
    """Give every proof back, so that no other order of this account can live on it."""
    issuance.renew_lease(LEASE_SECONDS)
    solvers.get(issuance.solver).clean_up(issuance, list(issuance.authorizations.all()))
    if is_ordering_elsewhere(issuance):
        give_back(issuance, run_after=clock.now() + LONGEST_PAUSE)
        return
    for row in proofs_to_give_back(issuance):
        line.ca().deactivate_authorization(row.url)
        crash_here("issue.given_back_one")
        Authorization.unscoped.filter(pk=row.pk).update(is_given_back=True)
    give_back(issuance, step=Step.DONE)


def _rest(issuance: Issuance, line: Line) -> None:
    give_back(issuance)


STEPS: dict[str, Callable[[Issuance, Line], None]] = {
    Step.CHECK_GATES: _check_gates,
    Step.OPEN_ACCOUNT: _open_account,
    Step.CHECK_CAA: _check_caa,
    Step.MAKE_KEY: _make_key,
    Step.ORDER: _order,
    Step.LOAD_CHALLENGES: proving.load_challenges,
    Step.WAIT_FOR_RECORDS: proving.wait_for_records,
    Step.PRESENT: proving.present,
    Step.CHECK_RECORDS: proving.check_records,
    Step.ANSWER: proving.answer,
    Step.WATCH_VALIDATION: proving.watch_validation,
    Step.FINALIZE: _finalize,
    Step.STORE: _store,
    Step.CLEAN_UP: _clean_up,
    Step.DONE: _rest,
}


def _reopen_account(issuance: Issuance, line: Line, error: Transient) -> None:
    """The CA forgot the account: open it again, once; its orders are gone with it."""
    account = line.account()
    was_just_opened = account.opened_at and clock.now() - account.opened_at < JUST_OPENED
    account.uri = ""
    AcmeAccount.unscoped.filter(pk=account.pk).update(uri="")
    if issuance.order_url:
        raise NeedsUser("acme_order_expired", name=", ".join(issuance.names), **error.params) from error
    go_on(issuance, Step.OPEN_ACCOUNT)
    if was_just_opened:
        raise error


def _tell_failed(issuance: Issuance, error: ExpectedError, *, keeps_key: bool) -> None:
    if not keeps_key:
        destroy_unused_key(issuance)
    wake(issuance.domain_id)
    wording = errors.describe(error.code, error.params)
    record(
        "issuance.failed",
        workspace_id=issuance.workspace_id,
        domain_id=issuance.domain_id,
        domain_label=issuance.domain.label,
        run_id=issuance.pk,
        data={
            "issuance": str(issuance.pk),
            "names": ", ".join(issuance.names),
            "code": error.code,
            "params": jobs.storable(error.params),
            "error": wording.title,
        },
    )
    findings.open_finding(
        domain=issuance.domain,
        source="issuance",
        code="issuance_failed",
        params={"names": ", ".join(issuance.names), "error": wording.title},
        severity="warning",
        needs_user=True,
    )
