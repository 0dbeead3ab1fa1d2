"""The steps of an issuance between the order and the CA's verdict on its names."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from auditlog.events import record
from certificates import acme
from certificates.caa import Issuer, refusal_of
from certificates.cas import ledger
from certificates.challenges import authorization_rows, ends_at
from certificates.dnssec import broken_dnssec
from certificates.line import LEASE_SECONDS, Line
from certificates.models import Authorization, Issuance
from certificates.moves import counted, give_back, go_on, look_later, look_quickly
from certificates.records import save_seen
from certificates.solvers import MANUAL, solvers
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient

State, Step = Issuance.State, Issuance.Step

# How long what a solver has published may take until it is seen: name servers follow each other slowly, a web server
# shows within seconds what it ever will.
SEEN_WITHIN = {"dns-01": timedelta(minutes=30), "http-01": timedelta(seconds=10)}


def dns_refusal(issuance: Issuance, line: Line) -> NeedsUser | Transient | None:
    """What the DNS of its names has against this order: the CA would look, and refuse, at the price of an order."""
    identities = line.ca().directory().caa_identities
    issuer = Issuer(identities, line.account().uri, issuance.challenge)
    return broken_dnssec(issuance.names) or refusal_of(issuance.names, issuer)


def load_challenges(issuance: Issuance, line: Line) -> None:
    order = line.load_order()
    if order.status == "invalid":
        raise acme.order_refusal(order)
    if len(order.authorization_urls) > len(issuance.names):
        # RFC 8555, section 7.1.3 has one for each name; each more is an exchange that only costs.
        raise Permanent("acme_bad_answer", detail="The order has more authorizations than names.")
    found = [line.ca().load_authorization(url) for url in order.authorization_urls]
    rows = authorization_rows(issuance, found)
    crash_here("issue.challenges_loaded")
    store = partial(_store_rows, issuance, rows)
    if issuance.solver == MANUAL:
        ends = ends_at(issuance, rows)
        waiting: dict[str, Any] = {"state": State.PENDING_CHALLENGE, "step": Step.WAIT_FOR_RECORDS}
        give_back(issuance, **waiting, step_at=clock.now(), run_after=ends, also=store)
    else:
        go_on(issuance, Step.PRESENT, state=State.PENDING_CHALLENGE, also=store)
    crash_here("issue.challenges_stored")


def _store_rows(issuance: Issuance, rows: list[Authorization]) -> None:
    Authorization.unscoped.bulk_create(rows)
    if issuance.challenge != "dns-01":
        return  # There is nothing for anybody to do with a token.
    record(
        "issuance.challenge_shown",
        workspace_id=issuance.workspace_id,
        domain_id=issuance.domain_id,
        domain_label=issuance.domain.label,
        run_id=issuance.pk,
        data={"issuance": str(issuance.pk), "names": ", ".join(issuance.names), "records": len(rows)},
    )


def present(issuance: Issuance, line: Line) -> None:
    issuance.renew_lease(LEASE_SECONDS)
    solvers.get(issuance.solver).present(issuance, list(issuance.authorizations.all()))
    crash_here("issue.presented")
    go_on(issuance, Step.CHECK_RECORDS)


def wait_for_records(issuance: Issuance, line: Line) -> None:
    """Due only when the challenge should be over: ask whether it is."""
    order = line.ca().load_order(issuance.order_url)
    if order.status not in ("pending", "ready"):
        raise acme.order_refusal(order)
    if issuance.order_expires_at and clock.now() >= issuance.order_expires_at:
        raise NeedsUser("acme_order_expired", name=", ".join(issuance.names), detail="nobody went on in time.")
    give_back(issuance, run_after=clock.now() + timedelta(hours=1))


def check_records(issuance: Issuance, line: Line) -> None:
    """Our own look: a record that we have not seen ourselves never costs the CA's one look at it."""
    issuance.renew_lease(LEASE_SECONDS)
    rows = list(issuance.authorizations.all())
    unseen = solvers.get(issuance.solver).look(issuance, rows)
    # What DNS shows may have changed since the order: both looks are free, the CA's is not.
    missing = unseen or dns_refusal(issuance, line) or _challenge_refusal(rows)
    if missing is None:
        go_on(issuance, Step.ANSWER, state=State.VALIDATING, also=lambda: save_seen(rows))
        crash_here("issue.records_seen")
        return
    save_seen(rows)
    if isinstance(missing, Transient):
        raise missing
    if issuance.solver == MANUAL:
        _wait_for_person(issuance, rows, missing)
    else:
        _wait_for_solver(issuance, missing)


def _challenge_refusal(rows: Sequence[Authorization]) -> Transient | None:
    """An alias leads to a zone of its own, which the CA's resolvers have to believe as well as that of the host."""
    return broken_dnssec([row.txt_name for row in rows if row.txt_value and not row.is_proven])


def _wait_for_person(issuance: Issuance, rows: Sequence[Authorization], missing: ExpectedError) -> None:
    trouble = {"error_code": missing.code, "error_params": jobs.storable(missing.params)}
    give_back(issuance, step=Step.WAIT_FOR_RECORDS, run_after=ends_at(issuance, rows), **trouble)


def _wait_for_solver(issuance: Issuance, missing: ExpectedError) -> None:
    """What was published by the portal takes its time to reach every server, but not for ever."""
    if clock.now() - (issuance.step_at or clock.now()) > SEEN_WITHIN[issuance.challenge]:
        raise missing
    look_later(issuance, None)


def answer(issuance: Issuance, line: Line) -> None:
    for row in issuance.authorizations.filter(status="pending"):
        line.ca().answer_challenge(row.challenge_url)
        crash_here("issue.answered_one")
    go_on(issuance, Step.WATCH_VALIDATION)
    crash_here("issue.answered")


def watch_validation(issuance: Issuance, line: Line) -> None:
    order = look_quickly(issuance, line, lambda seen: seen.status != "pending")
    if order.status in ("ready", "processing", "valid"):
        line.remember(order)
        go_on(issuance, Step.FINALIZE, state=State.FINALIZING, also=lambda: _mark_proven(issuance))
        crash_here("issue.validated")
        return
    refusal = _refused_names(issuance, line)
    if refusal or order.status == "invalid":
        raise refusal or acme.order_refusal(order)
    look_later(issuance, order.retry_at)


def _mark_proven(issuance: Issuance) -> None:
    Authorization.unscoped.filter(issuance=issuance, status="pending").update(status="valid")


def _refused_names(issuance: Issuance, line: Line) -> ExpectedError | None:
    """What the CA says about each name, kept on its row; the first refusal, naming all it is true of."""
    refusals: list[ExpectedError] = []
    for row in issuance.authorizations.filter(status="pending"):
        found = line.ca().load_authorization(row.url)
        if found.status in ("pending", "valid"):
            Authorization.unscoped.filter(pk=row.pk).update(status=found.status)
            continue
        refusals.append(acme.challenge_refusal(found))
        _keep_refusal(issuance, row, found.status, str(refusals[-1].params.get("detail", "")))
    if not refusals:
        return None
    first = refusals[0]
    alike = [error.params.get("name", "") for error in refusals if error.code == first.code]
    first.params["name"] = ", ".join(filter(None, alike))
    return first


@transaction.atomic
def _keep_refusal(issuance: Issuance, row: Authorization, status: str, detail: str) -> None:
    # Of those that pend: whoever reads the same refusal once more counts it no second time.
    rows = Authorization.unscoped.filter(pk=row.pk, status="pending")
    if rows.update(status=status, detail=detail):
        ledger.note_failure(counted(issuance), row.identifier)
