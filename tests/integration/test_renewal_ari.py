"""What a CA says about when to renew (RFC 9773), by one that says so."""

import json
import uuid
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest

from certificates.models import AcmeAccount, Certificate, Issuance, Renewal
from config.lib import clock, jobs
from domains.models import Domain
from tests.cast import make_cast
from tests.integration.issuing import reread, use_ca, verified_domain, work_out
from tests.integration.renewing import by_test_dns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def domain(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> Domain:
    by_test_dns(dns_server, monkeypatch)
    use_ca(settings, pebble_server, dns_server)
    return verified_domain(make_cast().acme, f"r{uuid.uuid4().hex[:8]}.net", dns_server)


def window(start: timedelta, end: timedelta, **more: str) -> str:
    now = clock.now()
    told = {"start": (now + start).isoformat(), "end": (now + end).isoformat()}
    return json.dumps({"suggestedWindow": told, **more})


@pytest.fixture
def suggesting(pebble_server: Pebble) -> Pebble:
    if not pebble_server.has_renewal_info():
        pytest.skip("this Pebble makes no suggestions (2.7 and later do)")
    return pebble_server


def test_the_ca_s_window_decides_and_its_past_means_now(domain: Domain, suggesting: Pebble) -> None:
    turn_on(domain)
    renewal = work(domain)
    first = renewal.certificate
    assert first
    assert renewal.why == "ari"
    assert renewal.window_start
    assert renewal.window_end
    assert renewal.renew_at
    assert renewal.window_start <= renewal.renew_at < renewal.window_end

    suggesting.set_renewal_info(first.leaf_pem, window(5 * DAY, 6 * DAY))
    Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
    renewal = work(domain)
    assert renewal.renew_at
    assert 5 * DAY <= renewal.renew_at - clock.now() + timedelta(seconds=5) <= 6 * DAY
    chosen = renewal.chosen_at
    Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
    assert work(domain).chosen_at == chosen, "the same window keeps the same point"

    told = window(-2 * DAY, -DAY, explanationURL="https://ca.example/incident")
    suggesting.set_renewal_info(first.leaf_pem, told)
    Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
    jobs.run_due("renewal")
    renewal = Renewal.unscoped.get(domain=domain)
    assert (renewal.why, renewal.explanation_url) == ("ari_past", "https://ca.example/incident")
    issuance = Issuance.unscoped.get(domain=domain, is_renewal=True, certificate=None)
    assert issuance.replaces
    word = issuance.replaces if is_known_to_pebble(issuance.replaces) else ""
    assert reread(work_out(issuance)).replaces == word, "the CA took our word for it"
    assert len(certificates(domain)) == 2


def is_known_to_pebble(cert_id: str) -> bool:
    """One serial number of 256 begins with a bit that is set, and Pebble does not find it."""
    serial_number = urlsafe_b64decode(cert_id.partition(".")[2] + "==")
    return serial_number[0] != 0


def test_a_ca_that_stumbles_over_our_word_gets_the_order_without_it(domain: Domain, suggesting: Pebble) -> None:
    turn_on(domain)
    first = work(domain).certificate
    assert first
    suggesting.set_renewal_info(first.leaf_pem, window(-2 * DAY, -DAY))
    Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
    jobs.run_due("renewal")
    rows = Issuance.unscoped.filter(domain=domain, is_renewal=True, certificate=None)
    key_identifier = rows.get().replaces.partition(".")[0]
    rows.update(replaces=f"{key_identifier}.AP8BAgMEBQYH")  # Pebble answers 500 to what it does not find.
    done = reread(work_out(rows.get()))
    assert (done.state, done.replaces) == ("issued", "")


def test_a_ca_that_does_not_take_our_word_gets_the_order_without_it(domain: Domain, suggesting: Pebble) -> None:
    """The first successor replaces the certificate; a second one may not claim to."""
    turn_on(domain)
    first = work(domain).certificate
    assert first
    for _ in range(2):
        suggesting.set_renewal_info(first.leaf_pem, window(-2 * DAY, -DAY))
        Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
        work(domain)
        Certificate.unscoped.filter(domain=domain).exclude(pk=first.pk).update(revoked_at=clock.now())
        Renewal.unscoped.filter(domain=domain).update(run_after=clock.now())
    done = Issuance.unscoped.filter(domain=domain, is_renewal=True, state="issued").order_by("created_at")
    assert [bool(one.replaces) for one in done][-1] is False
    assert any(one.replaces for one in done)


def test_a_ca_that_cannot_be_asked_changes_nothing(domain: Domain, settings: Any) -> None:
    turn_on(domain)
    before = work(domain)
    Renewal.unscoped.filter(domain=domain).update(ask_at=clock.now(), run_after=clock.now())
    Certificate.unscoped.filter(domain=domain).update(directory_url="https://127.0.0.1:1/dir")
    renewal = Renewal.unscoped.get(domain=domain)
    Renewal.unscoped.filter(pk=renewal.pk).update(directory_url="https://127.0.0.1:1/dir")
    AcmeAccount.unscoped.update(directory_url="https://127.0.0.1:1/dir")
    jobs.run_due("renewal")
    after = Renewal.unscoped.get(domain=domain)
    assert (after.renew_at, after.why, after.failures) == (before.renew_at, before.why, 0)
    assert after.ask_at
    assert timedelta(hours=5) < after.ask_at - clock.now() < timedelta(hours=7)
