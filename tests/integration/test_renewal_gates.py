"""What keeps auto-renew from ordering, with a real CA: ownership of what is new, and how soon it tries again."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import Issuance
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock
from domains.models import Domain, Finding, Mode
from tests.cast import make_cast
from tests.integration.issuing import use_ca, verified_domain, work_out
from tests.integration.renewing import ByTestDns, by_test_dns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def solver(dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> ByTestDns:
    return by_test_dns(dns_server, monkeypatch)


@pytest.fixture
def domain(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, solver: ByTestDns) -> Domain:
    use_ca(settings, pebble_server, dns_server)
    return verified_domain(make_cast().acme, f"r{uuid.uuid4().hex[:8]}.net", dns_server)


def moved(moment: datetime) -> Any:
    return clock.frozen(moment)


def test_the_first_refusal_is_followed_soon_however_often_none_could_be_begun(
    domain: Domain, solver: ByTestDns
) -> None:
    turn_on(domain)
    at = work(domain).renew_at
    assert at
    solver.is_there = False
    for failures in (1, 2, 3):
        with moved(at + timedelta(seconds=1)):
            renewal = work(domain)
        assert (renewal.failures, renewal.error_code) == (failures, "renewal_needs_hands")
        assert renewal.retry_at
        at = renewal.retry_at
    solver.is_there, solver.is_published = True, False
    for minutes, failures in ((10, 1), (100, 2)):
        with moved(at + timedelta(seconds=1)):
            renewal = work(domain)
        assert (renewal.failures, renewal.error_code) == (failures, "acme_unauthorized")
        assert renewal.retry_at
        pause = renewal.retry_at - at
        assert timedelta(minutes=minutes - 1) < pause < timedelta(minutes=minutes + 1)
        at = renewal.retry_at


@pytest.mark.both_databases
def test_the_first_one_is_not_ordered_without_the_record(domain: Domain, dns_server: ChallengeDns) -> None:
    """The host was proven once, and whoever handed its challenges over does not hold it any more."""
    dns_server.clear_txt(f"_managemycert-verify.{domain.host}")
    turn_on(domain)
    renewal = work(domain)
    assert certificates(domain) == []
    assert (renewal.failures, renewal.error_code) == (1, "ownership_missing")
    assert renewal.error_params["names"] == [domain.host]
    assert Issuance.unscoped.get(domain=domain).order_url == ""
    assert Finding.unscoped.filter(domain=domain, code="renewal_blocked", closed_at=None).exists()


def test_a_name_that_is_added_later_is_not_ordered_without_the_record(domain: Domain, dns_server: ChallengeDns) -> None:
    turn_on(domain)
    work(domain)
    dns_server.clear_txt(f"_managemycert-verify.{domain.host}")
    wanted = Automation(names=[domain.host, f"www.{domain.host}"])
    set_automation(domain=domain, actor=SYSTEM, wanted=wanted)
    renewal = work(domain)
    assert (renewal.certificate, renewal.error_code) == (None, "ownership_missing")
    assert len(certificates(domain)) == 1


def test_names_that_were_issued_before_in_other_sets_are_none_that_are_new(
    domain: Domain, dns_server: ChallengeDns
) -> None:
    for name in (domain.host, f"www.{domain.host}"):
        issuance, _ = start_issuance(domain=domain, wish=read_wish([name]), actor=SYSTEM)
        work_out(issuance)
    dns_server.clear_txt(f"_managemycert-verify.{domain.host}")
    wanted = Automation(Mode.DNS, auto_renew=True, names=[domain.host, f"www.{domain.host}"])
    set_automation(domain=domain, actor=SYSTEM, wanted=wanted)
    work(domain)
    assert len(certificates(domain)) == 3
