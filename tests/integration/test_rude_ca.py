"""What CAs say when they do not issue, on the wire: the portal waits as long as it is told, and loses nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates import line
from certificates.cas import known
from certificates.cas.known import KNOWN
from certificates.gates import read_wish
from certificates.issuance import issue_certificate, start_again, start_issuance
from certificates.models import Authorization, CaEntry, Certificate, Issuance, PrivateKey
from certificates.stepper import trouble_of
from config.lib import clock, jobs
from tests.cast import Cast, make_cast
from tests.integration.issuing import LOOPBACK, publish, reread, start, verified_domain, work_out
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.rude_ca import Answer, RudeCa, rude_ca

pytestmark = pytest.mark.django_db(transaction=True)
State, Step = Issuance.State, Issuance.Step


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def ca(
    settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RudeCa]:
    """With the limits of Let's Encrypt."""
    with rude_ca(pebble_server) as server:
        settings.EGRESS_ALLOW_CIDRS = LOOPBACK
        settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
        settings.ACME_DIRECTORY_URL = server.directory_url
        settings.ACME_CA_BUNDLE = str(server.ca_bundle)
        monkeypatch.setitem(
            known._BY_URL,
            server.directory_url,
            replace(KNOWN[0], directory_url=server.directory_url, refuses_redundant=False),
        )
        yield server


def go_on(issuance: Issuance) -> Issuance:
    """As if the time that it waits had passed."""
    Issuance.unscoped.filter(pk=issuance.pk).update(run_after=clock.now())
    jobs.run_due("issuance")
    return reread(issuance)


def finish(issuance: Issuance, dns: ChallengeDns) -> Issuance:
    publish(issuance, dns)
    issue_certificate(issuance=issuance, actor=SYSTEM)
    return work_out(issuance)


@pytest.mark.parametrize("status", [429, 503], ids=["rateLimited", "load balancer"])
def test_a_limit_is_waited_for_as_long_as_retry_after_says(
    status: int, ca: RudeCa, cast: Cast, dns_server: ChallengeDns
) -> None:
    host = f"rude{status}.net"
    words = "too many new orders recently: retry after 2026-11-26 23:00:00 UTC"
    ca.say("/order-plz", Answer(status, "rateLimited", words, {"Retry-After": "5400"}))
    row = start(verified_domain(cast.acme, host, dns_server), [host])
    assert (row.state, row.step, row.error_code) == (State.DRAFT, Step.ORDER, "acme_rate_limited")
    assert row.run_after
    assert timedelta(minutes=89) < row.run_after - clock.now() <= timedelta(minutes=90)
    trouble = trouble_of(row)
    assert trouble
    assert words in trouble.why
    assert f"{row.run_after:%Y-%m-%d %H:%M} UTC" in trouble.fix
    key = row.private_key_id
    row = go_on(row)
    assert (row.state, row.private_key_id) == (State.PENDING_CHALLENGE, key)
    assert finish(row, dns_server).state == State.ISSUED


@pytest.mark.parametrize("path", ["/order-plz", "/authZ", "/chalZ", "/finalize-order", "/certZ"])
def test_a_ca_in_trouble_is_asked_again_on_the_same_order(
    path: str, ca: RudeCa, cast: Cast, dns_server: ChallengeDns
) -> None:
    html = Answer(502, headers={"Content-Type": "text/html"}, body=b"<html>Bad Gateway</html>")
    host = f"{path.strip('/').lower()}.rude.net"
    ca.say(path, Answer(500, "serverInternal", "Unexpected error"), html, Answer(503, "serverInternal", "Down"))
    row = start(verified_domain(cast.acme, host, dns_server), [host])
    for _ in range(8):
        if row.state == State.PENDING_CHALLENGE and row.step == Step.WAIT_FOR_RECORDS:
            publish(row, dns_server)
            issue_certificate(issuance=row, actor=SYSTEM)
        row = go_on(row)
    row = work_out(row)
    assert (row.state, row.error_code) == (State.ISSUED, ""), row.error_params
    assert ca.asked.count("/order-plz") == (4 if path == "/order-plz" else 1)
    assert ca.asked.count("/certZ") <= 1
    assert Certificate.unscoped.count() == PrivateKey.unscoped.count() == 1


def test_an_expired_authorization_is_told_and_a_fresh_challenge_is_one_click_away(
    ca: RudeCa, cast: Cast, dns_server: ChallengeDns
) -> None:
    row = start(verified_domain(cast.acme, "expired.rude.net", dns_server), ["expired.rude.net"])
    ca.say("/my-order", Answer(404, "malformed", "No such order"))
    publish(row, dns_server)
    ca.say("/chalZ", Answer(404, "malformed", "Expired authorization"))
    issue_certificate(issuance=row, actor=SYSTEM)
    row = work_out(row)
    assert (row.state, row.error_code) == (State.FAILED, "acme_order_expired")
    assert row.private_key_id is None, "nothing was issued on it"
    again = start_again(issuance=row, actor=SYSTEM)
    jobs.run_due("issuance")
    assert finish(reread(again), dns_server).state == State.ISSUED


def _refused(dns_server: ChallengeDns, words: str) -> Answer:
    """An authorization that ended as Boulder ends it, in its words."""
    problem = {"type": "urn:ietf:params:acme:error:unauthorized", "detail": words, "status": 403}
    challenge = {"type": "dns-01", "url": "https://localhost/chalZ/x", "status": "invalid", "token": "t" * 43}
    told = {
        "identifier": {"type": "dns", "value": "seen.rude.net"},
        "status": "invalid",
        "challenges": [{**challenge, "error": problem}],
    }
    return Answer(200, headers={"Content-Type": "application/json"}, body=json.dumps(told).encode())


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ('Incorrect TXT record "x" found at _acme-challenge.seen.rude.net', "from its own place first"),
        (
            "During secondary validation: No TXT record found at _acme-challenge.seen.rude.net",
            "from another of its places than the first",
        ),
    ],
)
def test_a_refusal_says_which_name_and_what_was_seen_from_where(
    words: str, place: str, ca: RudeCa, cast: Cast, dns_server: ChallengeDns
) -> None:
    row = start(verified_domain(cast.acme, "seen.rude.net", dns_server), ["seen.rude.net"])
    publish(row, dns_server)
    ca.say("/authZ", _refused(dns_server, words))
    ca.say("/my-order", *[_pending(row)] * 5)
    issue_certificate(issuance=row, actor=SYSTEM)
    jobs.run_due("issuance", interactive=True)
    row = reread(row)
    assert (row.state, row.error_code) == (State.FAILED, "acme_unauthorized")
    trouble = trouble_of(row)
    assert trouble
    assert "seen.rude.net" in trouble.title
    assert words in trouble.why
    assert place in trouble.why
    assert Authorization.unscoped.get().detail == words
    failed = list(CaEntry.objects.filter(counted="failures").values_list("subject", flat=True))
    assert failed == [f"seen.rude.net {cast.acme.pk}"]


def _pending(row: Issuance) -> Answer:
    told = {
        "status": "pending",
        "identifiers": [{"type": "dns", "value": name} for name in row.names],
        "authorizations": [one.url for one in row.authorizations.all()],
        "finalize": "https://localhost/finalize-order/x",
    }
    return Answer(200, headers={"Content-Type": "application/json"}, body=json.dumps(told).encode())


@pytest.mark.parametrize("count", [10, 100])
def test_many_names_in_one_certificate(count: int, ca: RudeCa, cast: Cast, dns_server: ChallengeDns) -> None:
    host = f"many{count}.net"
    names = [host, f"*.{host}", *(f"n{number}.{host}" for number in range(count - 2))]
    row = start(verified_domain(cast.acme, host, dns_server), names)
    assert row.authorizations.count() == count
    made = finish(row, dns_server).certificate
    assert made
    assert sorted(made.names) == sorted(names)


def test_a_wish_is_refused_before_it_costs_an_order(ca: RudeCa, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "cheap.rude.net", dns_server)
    dns_server.add_caa("cheap.rude.net", [("issue", "pki.goog")])
    start_issuance(domain=domain, wish=read_wish(["cheap.rude.net"]), actor=SYSTEM)
    jobs.run_due("issuance")
    assert "/order-plz" not in ca.asked


def test_a_ca_that_asks_for_more_than_there_are_names_is_not_followed(
    ca: RudeCa, cast: Cast, dns_server: ChallengeDns
) -> None:
    urls = [f"{ca.directory_url}/authZ/{number}" for number in range(1000)]
    told = {
        "status": "pending",
        "identifiers": [{"type": "dns", "value": "x"}],
        "authorizations": urls,
        "finalize": "x",
    }
    headers = {"Location": f"{ca.directory_url}/my-order/1"}
    ca.say("/order-plz", Answer(201, headers=headers, body=json.dumps(told).encode()))
    row = start(verified_domain(cast.acme, "greedy.rude.net", dns_server), ["greedy.rude.net"])
    assert (row.state, row.error_code) == (State.FAILED, "acme_bad_answer")
    assert not [path for path in ca.asked if path.startswith("/dir/authZ")]


def test_a_ca_as_slow_as_it_likes_holds_no_worker(
    ca: RudeCa, cast: Cast, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST_CLAIM_SECONDS", 0)
    row = start(verified_domain(cast.acme, "slow.rude.net", dns_server), ["slow.rude.net"])
    assert (row.state, row.error_code) == (State.DRAFT, "acme_too_slow")
