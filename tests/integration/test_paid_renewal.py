"""Renewals where they cost something: paid once, given back when they fail, waiting, and done out of mercy."""

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from billing.charging import UNPAID
from billing.models import Charge, Entry, EntryKind
from certificates.models import Issuance, Renewal
from certificates.renewal import sweep
from config.lib import clock, jobs
from domains.models import Domain, Finding
from tests.cast import Cast, make_cast
from tests.integration.issuing import use_ca, verified_domain
from tests.integration.renewing import ByTestDns, by_test_dns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.unit.billing.paying import balance, give

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def solver(dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> ByTestDns:
    return by_test_dns(dns_server, monkeypatch)


@pytest.fixture
def domain(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, cast: Cast, solver: ByTestDns) -> Domain:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"
    settings.BILLING_PRICE_RENEW_CENTS = 10
    use_ca(settings, pebble_server, dns_server)
    return verified_domain(cast.acme, f"p{uuid.uuid4().hex[:8]}.net", dns_server)


def finding(domain: Domain) -> Finding | None:
    return Finding.unscoped.filter(domain=domain, code=UNPAID, closed_at=None).first()


@pytest.mark.both_databases
def test_it_waits_for_the_balance_and_is_paid_once(cast: Cast, domain: Domain) -> None:
    turn_on(domain)
    renewal = work(domain)
    assert (renewal.error_code, renewal.failures, certificates(domain)) == (UNPAID, 0, [])
    assert finding(domain)
    assert jobs.run_due("renewal") == 0, "it rests until it is woken"
    give(cast.acme, 300)
    renewal = work(domain)
    assert len(certificates(domain)) == 1
    assert (renewal.error_code, finding(domain), balance(cast.acme)) == ("", None, 290)
    charged = Entry.objects.for_workspace(cast.acme).get(kind=EntryKind.CHARGE)
    assert charged.about == f"Renewal for {domain.label}"
    Renewal.unscoped.update(run_after=clock.now())
    work(domain)
    assert balance(cast.acme) == 290


def test_what_fails_costs_nothing_and_the_next_try_is_paid(cast: Cast, domain: Domain, solver: ByTestDns) -> None:
    give(cast.acme, 300)
    turn_on(domain)
    solver.is_published = False
    work(domain)
    assert Issuance.unscoped.get(domain=domain).state == "failed"
    assert (Charge.unscoped.get().state, balance(cast.acme)) == ("released", 300)
    solver.is_published = True
    Renewal.unscoped.update(run_after=clock.now(), retry_at=clock.now())
    work(domain)
    assert (Charge.unscoped.get().state, balance(cast.acme)) == ("captured", 290)


@pytest.mark.parametrize("is_merciful", [True, False])
def test_what_ends_soon_is_renewed_on_credit(cast: Cast, domain: Domain, settings: Any, is_merciful: bool) -> None:
    settings.BILLING_RENEW_WHEN_LATE = is_merciful
    give(cast.acme, 300)
    turn_on(domain)
    work(domain)
    give(cast.acme, -285)
    (first,) = certificates(domain)
    with clock.frozen(first.not_after - timedelta(days=4)):
        work(domain)
        assert len(certificates(domain)) == 1, "four days are time enough to add funds"
        assert finding(domain)
    with clock.frozen(first.not_after - timedelta(days=2)):
        Renewal.unscoped.update(run_after=clock.now())
        work(domain)
        assert len(certificates(domain)) == 1 + is_merciful
    assert balance(cast.acme) == (-5 if is_merciful else 5)
    assert bool(finding(domain)) is not is_merciful


@pytest.mark.parametrize("place", ["renew.started", "before the start"])
def test_a_look_that_was_cut_is_paid_once_by_its_own_end(
    cast: Cast, domain: Domain, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    give(cast.acme, 300)
    turn_on(domain)
    work(domain)
    (first,) = certificates(domain)
    assert balance(cast.acme) == 290
    with clock.frozen(first.not_after - timedelta(days=2)), monkeypatch.context() as cut:

        def fall(*_: object, **__: object) -> None:
            raise RuntimeError("cut")

        if place == "renew.started":
            cut.setattr(sweep, "crash_here", lambda name: fall() if name == place else None)
        else:
            cut.setattr(sweep, "start_issuance", fall)
        Renewal.unscoped.update(run_after=clock.now())
        with suppress(RuntimeError):
            jobs.run_due("renewal")
        cut.undo()
        assert Charge.unscoped.filter(state="held").count() == 1
        Renewal.unscoped.update(run_after=clock.now(), lease_until=None, lease_token=None)
        work(domain)
        assert len(certificates(domain)) == 2
    # The CA's clock is ours, so the successor ends as soon, and its own renewal is under way by now.
    assert (balance(cast.acme), Charge.unscoped.filter(state="captured").count()) == (280, 2)
