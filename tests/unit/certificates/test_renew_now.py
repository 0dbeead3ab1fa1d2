"""What becomes of `Renew now` when the world goes on before the sweep comes to it."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from auditlog.events import SYSTEM
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.now import renew_now
from config.lib import clock, jobs
from domains.models import Domain, Finding, Mode
from notifications.models import Trigger
from notifications.rules.events import trigger_of
from tests.unit.certificates.conftest import DIRECTORY, HOST, renewal_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
A_WHILE = 1.0
type Store = Callable[..., Certificate]


def asked(last: Certificate, **facts: Any) -> Renewal:
    """Somebody has pressed it; the CA's suggestion is not due."""
    renewal = renewal_of(last, asked_as=uuid.uuid4(), is_forced=True)
    Renewal.unscoped.filter(pk=renewal.pk).update(run_after=clock.now(), **facts)
    return renewal


def looked(renewal: Renewal) -> Renewal:
    jobs.run_due("renewal")
    return Renewal.unscoped.get(pk=renewal.pk)


def test_whoever_has_a_new_certificate_meanwhile_gets_no_second_one(store: Store) -> None:
    """It was kept back by a challenge that somebody was doing by hand, for instance."""
    renewal = asked(store(age_days=60), retry_at=clock.now() + timedelta(minutes=5), failures=1)
    newer = store()
    row = looked(renewal)
    assert (row.certificate, row.asked_as, row.is_forced, row.failures) == (newer, None, False, 0)


def test_one_that_was_started_by_a_look_that_was_cut_is_not_started_again(store: Store, domain: Domain) -> None:
    renewal = asked(store())
    begun = Issuance.objects.create(
        pk=renewal.asked_as,
        workspace=domain.workspace,
        domain=domain,
        names=[HOST],
        names_key=renewal.names_key,
        directory_url=DIRECTORY,
        state=Issuance.State.PENDING_CHALLENGE,
        step=Issuance.Step.CHECK_RECORDS,
        is_renewal=True,
    )
    row = looked(renewal)
    assert (row.issuance, row.asked_as, row.is_forced) == (begun, None, False)


def test_what_is_asked_before_the_first_look_is_not_forgotten(store: Store) -> None:
    renewal = asked(store(), certificate=None)
    assert looked(renewal).asked_as == renewal.asked_as


def test_whoever_asks_again_after_it_was_put_off_has_the_same_run(store: Store, domain: Domain) -> None:
    """`GET /runs/{id}` of the first answer must go on to lead somewhere."""
    renewal = asked(store(age_days=60), retry_at=clock.now() + timedelta(hours=1), failures=1)
    assert renew_now(domain=domain, force=True, actor=SYSTEM) == renewal.asked_as
    row = Renewal.unscoped.get(pk=renewal.pk)
    assert (row.asked_as, row.retry_at) == (renewal.asked_as, None)


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_the_same_moment_have_one_run(store: Store, domain: Domain) -> None:
    renewal = asked(store(age_days=60), asked_as=None, is_forced=False)
    answers: list[uuid.UUID] = []

    def ask() -> None:
        try:
            answers.append(renew_now(domain=domain, force=True, actor=SYSTEM))
        finally:
            connections.close_all()

    both = [threading.Thread(target=ask) for _ in range(2)]
    with transaction.atomic():
        Renewal.unscoped.filter(pk=renewal.pk).update(attempts=0)  # Holds the row until both have looked at it.
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(A_WHILE)
    for thread in both:
        thread.join()
    assert answers == [Renewal.unscoped.get(pk=renewal.pk).asked_as] * 2


def test_what_keeps_a_renewal_from_being_begun_is_told_at_once(store: Store, domain: Domain) -> None:
    """And not when a tenth of the time has passed."""
    last = store(age_days=61)
    Domain.unscoped.filter(pk=domain.pk).update(mode=Mode.ACME_AUTO)
    renewal = asked(last, asked_as=None, is_forced=False)
    jobs.run_due("renewal")
    found = Finding.unscoped.get(source="renewal", closed_at=None)
    assert (found.code, found.needs_user) == ("renewal_not_begun", True)
    assert "Auto-renew" in found.params["why"]
    assert trigger_of(found) == Trigger.OVERDUE
    later = clock.now() + timedelta(hours=1)
    Renewal.unscoped.filter(pk=renewal.pk).update(failures=0, retry_at=later, run_after=clock.now())
    jobs.run_due("renewal")
    assert not Finding.unscoped.filter(source="renewal", closed_at=None).exists()


@pytest.mark.parametrize(("state", "code"), [("failed", "acme_unauthorized"), ("cancelled", "")])
def test_an_order_that_ended_is_not_told_as_one_that_was_not_begun(
    store: Store, domain: Domain, state: str, code: str
) -> None:
    renewal = asked(store(age_days=61), asked_as=None, is_forced=False)
    ended = Issuance.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[HOST],
        names_key=renewal.names_key,
        directory_url=DIRECTORY,
        state=state,
        step=Issuance.Step.DONE,
        is_renewal=True,
        error_code=code,
        ended_at=clock.now(),
    )
    Renewal.unscoped.filter(pk=renewal.pk).update(issuance=ended)
    row = looked(renewal)
    assert (row.issuance, row.failures, row.error_code) == (None, 1, code or "renewal_cancelled")
    assert not Finding.unscoped.filter(source="renewal", closed_at=None).exists()
