"""What a CA says about when to renew (RFC 9773), by one that says so."""

import json
import uuid
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from certificates.cas import known
from certificates.cas.known import Ca, Counted, Limit
from certificates.cas.ledger import RENEWAL, SUGGESTED
from certificates.models import AcmeAccount, CaEntry, Certificate, Issuance, Renewal
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


@pytest.fixture
def counting(settings: Any, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the CA one that gives so many certificates a week for the same names."""

    def count(of_names: int) -> None:
        limits = [
            Limit(counted, of_names, 7 * DAY) for counted in (Counted.ORDERS, Counted.OF_DOMAIN, Counted.OF_NAMES)
        ]
        ca = Ca("Counting CA", settings.ACME_DIRECTORY_URL, limits=tuple(limits))
        monkeypatch.setitem(known._BY_URL, settings.ACME_DIRECTORY_URL, ca)

    return count


def begun_in_its_window(domain: Domain) -> Issuance:
    """The renewal of the first certificate, begun within the CA's window, by a name that the CA does not know."""
    now = clock.now()
    suggested = {"window_start": now - DAY, "window_end": now + DAY, "chosen_at": now - timedelta(hours=1)}
    Renewal.unscoped.filter(domain=domain).update(**suggested, ask_at=now + DAY, run_after=now)
    jobs.run_due("renewal")
    rows = Issuance.unscoped.filter(domain=domain, is_renewal=True, certificate=None)
    key_identifier = rows.get().replaces.partition(".")[0]
    rows.update(replaces=f"{key_identifier}.AP8BAgMEBQYH")
    return rows.get()


def entries() -> dict[str, int]:
    return Counter(CaEntry.objects.exclude(counted=Counted.ACCOUNTS).values_list("counted", flat=True))


def test_an_order_without_our_word_is_counted_as_the_ca_does(
    domain: Domain, suggesting: Pebble, counting: Callable[[int], None]
) -> None:
    counting(5)
    turn_on(domain)
    work(domain)
    once = {Counted.ORDERS: 1, Counted.OF_DOMAIN: 1, Counted.OF_NAMES: 1}
    assert entries() == once
    done = reread(work_out(begun_in_its_window(domain)))
    assert (done.state, done.replaces, done.spared) == ("issued", "", RENEWAL)
    assert entries() == once | {Counted.OF_NAMES: 2}


def test_an_order_without_our_word_is_not_made_where_it_would_be_one_too_many(
    domain: Domain, suggesting: Pebble, counting: Callable[[int], None]
) -> None:
    counting(1)
    turn_on(domain)
    work(domain)
    waiting = begun_in_its_window(domain)
    jobs.run_due("issuance")
    waiting = reread(waiting)
    assert (waiting.error_code, waiting.order_url, waiting.step) == ("ca_limit", "", Issuance.Step.ORDER)
    assert (waiting.spared, bool(waiting.replaces)) == (SUGGESTED, True)
    assert waiting.run_after
    assert waiting.run_after - clock.now() > 6 * DAY


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
