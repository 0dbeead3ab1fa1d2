"""From a name to a stored certificate, with a real CA and a real DNS."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings as conf
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates import acme
from certificates.acme import kept
from certificates.acme.network import Network
from certificates.advance import MOST_ATTEMPTS
from certificates.gates import read_wish
from certificates.issuance import cancel_issuance, start_again, start_issuance
from certificates.line import account_of
from certificates.models import AcmeAccount, Authorization, Certificate, DnsLook, Issuance
from certificates.records import keep_looking
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.models import Domain, Finding, Ownership
from tests.cast import Cast, make_cast
from tests.integration.issuing import issue, publish, reread, start, use_ca, verified_domain, work_out
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Manners, Pebble, pebble
from tests.servers.ports import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
State = Issuance.State


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def portal(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns) -> None:
    use_ca(settings, pebble_server, dns_server)


def kinds_of(domain: Domain) -> list[str]:
    return list(Event.unscoped.filter(domain_id=domain.pk).order_by("at").values_list("kind", flat=True))


@pytest.mark.both_databases
def test_two_names_and_a_wildcard(portal: None, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk1.net", dns_server)
    names = ["walk1.net", "shop.walk1.net", "*.shop.walk1.net"]
    issuance = start(domain, names)
    rows = list(issuance.authorizations.all())
    assert issuance.state == State.PENDING_CHALLENGE
    assert [row.shown_name for row in rows] == names
    assert rows[1].txt_name == rows[2].txt_name
    assert rows[1].txt_value != rows[2].txt_value

    publish(issuance, dns_server)
    before = pebble_server.issued_count()
    issuance = issue(issuance)
    assert issuance.state == State.ISSUED
    assert pebble_server.issued_count() == before + 1

    certificate = issuance.certificate
    assert certificate is not None
    assert certificate.names == names
    leaf = x509.load_pem_x509_certificate(certificate.leaf_pem.encode())
    assert certificate.private_key is not None
    key = load_pem_private_key(certificate.private_key.sealed_pem.reveal(), None)
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key.public_key().public_bytes(*spki) == leaf.public_key().public_bytes(*spki)
    assert certificate.chain_pem.count("BEGIN CERTIFICATE") == 1
    assert kinds_of(domain)[-4:] == [
        "issuance.started",
        "issuance.challenge_shown",
        "issuance.requested",
        "certificate.issued",
    ]
    told = Event.unscoped.filter(domain_id=domain.pk, data__issuance=str(issuance.pk))
    assert list(told.values_list("run_id", flat=True)) == [issuance.pk] * 4


@pytest.mark.both_databases
def test_issuing_too_early_names_the_record_and_loses_nothing(
    portal: None, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns
) -> None:
    domain = verified_domain(cast.acme, "walk2.net", dns_server)
    issuance = start(domain, ["walk2.net", "www.walk2.net"])
    apex, www = issuance.authorizations.all()
    dns_server.set_txt(apex.txt_name, apex.txt_value)
    issuance = issue(issuance)
    assert issuance.state == State.PENDING_CHALLENGE
    assert issuance.error_code == "dns_txt_not_found"
    assert issuance.error_params["names"] == ["_acme-challenge.www.walk2.net"]
    assert [row.seen for row in issuance.authorizations.all()] == ["seen", "not_seen"]

    dns_server.set_txt(www.txt_name, www.txt_value)
    order_url = issuance.order_url
    issuance = issue(issuance)
    assert (issuance.state, issuance.order_url) == (State.ISSUED, order_url)


def test_a_wrong_value_never_costs_the_cas_one_look(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk3.net", dns_server)
    issuance = start(domain, ["walk3.net"])
    row = issuance.authorizations.get()
    dns_server.set_txt(row.txt_name, f'"{row.txt_value}"')
    issuance = issue(issuance)
    assert issuance.error_code == "dns_txt_not_found"
    assert "other values" in issuance.error_params["seen"]


def test_a_refused_validation_names_the_name_and_offers_a_fresh_challenge(
    portal: None, cast: Cast, dns_server: ChallengeDns, settings: Any, pebble_server: Pebble
) -> None:
    domain = verified_domain(cast.acme, "walk4.net", dns_server)
    issuance = start(domain, ["walk4.net", "a.walk4.net"])
    publish(issuance, dns_server)
    # The CA sees another DNS than we do: its record vanishes between our look and its own.
    lost = issuance.authorizations.last()
    assert lost
    Authorization.unscoped.filter(pk=lost.pk).update(txt_name="_acme-challenge.elsewhere.walk4.net")
    dns_server.set_txt("_acme-challenge.elsewhere.walk4.net", lost.txt_value)
    dns_server.clear_txt("_acme-challenge.a.walk4.net")
    issuance = issue(issuance)
    assert issuance.state == State.FAILED
    assert issuance.error_code == "acme_unauthorized"
    assert issuance.error_params["name"] == "a.walk4.net"
    assert Finding.unscoped.get(domain=domain, code="issuance_failed").closed_at is None

    again = start_again(issuance=issuance, actor=SYSTEM)
    again = work_out(again)
    assert again.pk != issuance.pk
    assert again.state == State.PENDING_CHALLENGE
    old = set(issuance.authorizations.values_list("txt_value", flat=True))
    assert not old & set(again.authorizations.values_list("txt_value", flat=True))
    publish(again, dns_server)
    assert issue(again).state == State.ISSUED
    assert Finding.unscoped.get(domain=domain, code="issuance_failed").closed_at is not None


def test_a_second_start_is_the_first(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk5.net", dns_server)
    first = start(domain, ["walk5.net", "b.walk5.net"])
    second, is_new = start_issuance(domain=domain, wish=read_wish(["b.walk5.net", "walk5.net"]), actor=SYSTEM)
    assert (second.pk, is_new) == (first.pk, False)


def test_another_certificate_is_refused_while_one_is_on_file(
    portal: None, cast: Cast, dns_server: ChallengeDns
) -> None:
    domain = verified_domain(cast.acme, "walk6.net", dns_server)
    issuance = start(domain, ["walk6.net"])
    publish(issuance, dns_server)
    issue(issuance)
    with pytest.raises(NeedsUser) as caught:
        start(domain, ["walk6.net"])
    assert caught.value.code == "issuance_window"
    assert caught.value.params["days"] == "30"


def test_ownership_is_asked_for_live_before_the_ca(
    portal: None, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns
) -> None:
    domain = verified_domain(cast.acme, "walk7.net", dns_server)
    dns_server.clear_txt("_managemycert-verify.walk7.net")
    before = pebble_server.order_count()
    issuance = start(domain, ["walk7.net"])
    assert (issuance.state, issuance.error_code) == (State.FAILED, "ownership_missing")
    assert pebble_server.order_count() == before


def test_names_that_nobody_proved_are_refused_at_once(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk8.net", dns_server)
    Ownership.objects.create(workspace=cast.acme, host="walk8.org")
    for name in ("walk8.org", "*.net8.org", "evilwalk8.net"):
        with pytest.raises(NeedsUser) as caught:
            start(domain, ["walk8.net", name])
        assert (caught.value.code, caught.value.params["names"]) == ("names_not_proven", [name])


def test_cancelling_gives_the_challenge_back(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk9.net", dns_server)
    issuance = start(domain, ["walk9.net"])
    cancel_issuance(issuance=issuance, actor=SYSTEM)
    cancel_issuance(issuance=issuance, actor=SYSTEM)
    issuance = work_out(issuance)
    assert issuance.state == State.CANCELLED
    row = issuance.authorizations.get()
    assert row.is_given_back
    with at_ca(domain) as ca:
        assert ca.load_authorization(row.url).status == "deactivated"
    assert start(domain, ["walk9.net"]).state == State.PENDING_CHALLENGE


def test_no_workspace_lives_on_anothers_proof(cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    with pebble(dns_server, Manners(authz_reuse=100)) as server:
        use_ca(settings, server, dns_server)
        mine = verified_domain(cast.acme, "walk10.net", dns_server)
        issuance = start(mine, ["walk10.net"])
        publish(issuance, dns_server)
        assert issue(issuance).state == State.ISSUED
        prove_elsewhere(mine, "walk10.net", dns_server)
        dns_server.clear_txt("_acme-challenge.walk10.net")
        theirs = verified_domain(cast.other, "walk10.net", dns_server)
        other = start(theirs, ["walk10.net"])
        assert [row.status for row in other.authorizations.all()] == ["pending"], "although it is proven for the first"
        other = issue(other)
        assert (other.state, other.error_code) == (State.PENDING_CHALLENGE, "dns_txt_not_found")
        uris = AcmeAccount.unscoped.filter(directory_url=server.directory_url).values_list("uri", flat=True)
        assert len(set(uris)) == 2
        assert all(uris)


def test_proofs_are_given_back_after_issuing(cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    with pebble(dns_server, Manners(authz_reuse=100)) as server:
        use_ca(settings, server, dns_server)
        domain = verified_domain(cast.acme, "walk11.net", dns_server)
        issuance = start(domain, ["walk11.net"])
        publish(issuance, dns_server)
        issuance = issue(issuance)
        assert issuance.authorizations.get().is_given_back
        Certificate.unscoped.all().delete()
        assert start(domain, ["walk11.net"]).authorizations.get().status == "pending"


@contextmanager
def at_ca(domain: Domain) -> Iterator[acme.AcmeClient]:
    """The CA as the workspace's own account sees it."""
    account = account_of(Issuance(workspace=domain.workspace, directory_url=conf.ACME_DIRECTORY_URL))
    key, bundle = account.sealed_key.reveal(), conf.ACME_CA_BUNDLE
    with acme.connect(account.directory_url, account_key_pem=key, ca_bundle=bundle) as ca:
        ca.open_account()
        yield ca


def prove_elsewhere(domain: Domain, name: str, dns: ChallengeDns) -> None:
    """Leave a valid authorization at the CA, as a clean-up that never came through does."""
    with at_ca(domain) as ca:
        authorization = ca.load_authorization(ca.new_order([name]).authorization_urls[0])
        challenge = authorization.challenge("dns-01")
        assert challenge
        dns.set_txt(authorization.txt_name, challenge.txt_value)
        ca.answer_challenge(challenge.url)
        wait_until(lambda: ca.load_authorization(authorization.url).status == "valid", seconds=10, what="proof")


def test_a_reused_proof_needs_no_record(cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    with pebble(dns_server, Manners(authz_reuse=100)) as server:
        use_ca(settings, server, dns_server)
        domain = verified_domain(cast.acme, "walk12.net", dns_server)
        prove_elsewhere(domain, "walk12.net", dns_server)
        dns_server.clear_txt("_acme-challenge.walk12.net")
        issuance = start(domain, ["walk12.net", "c.walk12.net"])
        proven, pending = issuance.authorizations.all()
        assert (proven.status, pending.status) == ("valid", "pending")
        dns_server.set_txt(pending.txt_name, pending.txt_value)
        assert issue(issuance).state == State.ISSUED


def test_a_rude_ca_still_issues(cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    manners = Manners(nonce_reject=20, authz_reuse=50, va_sleep=2)
    with pebble(dns_server, manners) as server:
        use_ca(settings, server, dns_server)
        domain = verified_domain(cast.acme, "walk13.net", dns_server)
        issuance = start(domain, ["walk13.net", "*.walk13.net"])
        publish(issuance, dns_server)
        assert issue(issuance).state == State.ISSUED


def test_a_ca_that_forgot_the_account_gets_it_opened_again(cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    with pebble(dns_server) as server:
        use_ca(settings, server, dns_server)
        domain = verified_domain(cast.acme, "walk14.net", dns_server)
        AcmeAccount.unscoped.all().delete()
        start(domain, ["walk14.net"])
        account = AcmeAccount.unscoped.get()
        AcmeAccount.unscoped.update(uri=account.uri + "0", opened_at=clock.now() - timedelta(days=1))
        issuance = start(domain, ["d.walk14.net"])
        assert issuance.state == State.PENDING_CHALLENGE
        assert AcmeAccount.unscoped.get().uri == account.uri


def test_an_order_that_the_ca_dropped_says_so(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk15.net", dns_server)
    issuance = start(domain, ["walk15.net"])
    publish(issuance, dns_server)
    Issuance.unscoped.filter(pk=issuance.pk).update(order_url=issuance.order_url + "x")
    Authorization.unscoped.filter(issuance=issuance).update(status="valid")
    issuance = issue(issuance)
    assert (issuance.state, issuance.error_code) == (State.FAILED, "acme_order_expired")


def test_caa_forbids_before_anything_is_ordered(
    portal: None, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns
) -> None:
    domain = verified_domain(cast.acme, "walk18.net", dns_server)
    dns_server.add_caa("walk18.net", [("issue", "pki.goog")])
    before = pebble_server.order_count()
    issuance = start(domain, ["a.walk18.net"])
    assert (issuance.state, issuance.error_code) == (State.FAILED, "caa_forbids")
    assert (issuance.error_params["name"], issuance.error_params["at"]) == ("a.walk18.net", "walk18.net")
    assert pebble_server.order_count() == before


def test_caa_that_came_later_keeps_the_challenge(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk19.net", dns_server)
    issuance = start(domain, ["walk19.net", "*.walk19.net"])
    publish(issuance, dns_server)
    dns_server.add_caa("walk19.net", [("issue", "pebble.letsencrypt.org"), ("issuewild", ";")])
    issuance = issue(issuance)
    assert (issuance.state, issuance.error_code) == (State.PENDING_CHALLENGE, "caa_forbids")
    assert issuance.error_params["name"] == "*.walk19.net"
    dns_server.clear_caa("walk19.net")
    dns_server.add_caa("walk19.net", [("issue", "pebble.letsencrypt.org")])
    assert issue(issuance).state == State.ISSUED


def test_a_challenge_that_nobody_answered_ends_by_itself(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk20.net", dns_server)
    issuance = start(domain, ["walk20.net"])
    assert issuance.run_after is not None
    assert issuance.run_after > clock.now() + timedelta(minutes=30)
    Issuance.unscoped.filter(pk=issuance.pk).update(run_after=clock.now(), order_expires_at=clock.now())
    issuance = work_out(issuance)
    assert (issuance.state, issuance.error_code) == (State.FAILED, "acme_order_expired")


def test_trying_ends_with_a_result(portal: None, cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    settings.ACME_DIRECTORY_URL = "https://localhost:1/dir"
    domain = verified_domain(cast.acme, "walk21.net", dns_server)
    issuance = start(domain, ["walk21.net"])
    Issuance.unscoped.filter(pk=issuance.pk).update(run_after=clock.now(), attempts=MOST_ATTEMPTS)
    issuance = work_out(issuance)
    assert (issuance.state, issuance.error_code) == (State.FAILED, "acme_gave_up")
    assert "could not be reached" in issuance.error_params["last"]
    assert Finding.unscoped.get(domain=domain).code == "issuance_failed"


def test_a_ca_out_of_reach_is_waited_for(portal: None, cast: Cast, dns_server: ChallengeDns, settings: Any) -> None:
    settings.ACME_DIRECTORY_URL = "https://localhost:1/dir"
    domain = verified_domain(cast.acme, "walk16.net", dns_server)
    issuance = start(domain, ["walk16.net"])
    assert (issuance.state, issuance.error_code) == (State.DRAFT, "acme_unreachable")
    assert issuance.run_after is not None


def test_looks_show_what_each_server_sees(portal: None, cast: Cast, dns_server: ChallengeDns) -> None:
    domain = verified_domain(cast.acme, "walk17.net", dns_server)
    issuance = start(domain, ["walk17.net"])
    keep_looking(issuance)
    jobs.run_due("dns_look")
    row = issuance.authorizations.get()
    assert (row.seen, [entry["seen"] for entry in row.servers]) == ("not_seen", [False])
    publish(issuance, dns_server)
    DnsLook.unscoped.filter(issuance=issuance).update(run_after=row.seen_at)
    jobs.run_due("dns_look")
    assert issuance.authorizations.get().seen == "seen"
    assert DnsLook.unscoped.get(issuance=issuance).run_after is None
    assert reread(issuance).state == State.PENDING_CHALLENGE


def test_one_name_costs_eight_exchanges_and_no_second_handshake(
    portal: None, cast: Cast, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """newOrder, its authorization, the answer, a look, finalize, the chain, a look, the proof given back."""
    domain = verified_domain(cast.acme, "few.net", dns_server)
    warm = start(domain, ["warm.few.net"])
    publish(warm, dns_server)
    assert issue(warm).state == State.ISSUED
    asked: list[str] = []
    post = Network.post

    def counted(self: Network, url: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(url)
        return post(self, url, *args, **kwargs)

    monkeypatch.setattr(Network, "post", counted)
    monkeypatch.setattr(kept, "acme_session", None)
    issuance = start(domain, ["one.few.net"])
    publish(issuance, dns_server)
    with CaptureQueriesContext(connection) as seen:
        assert issue(issuance).state == State.ISSUED
    # Pebble may take a moment longer to issue, which is one more look.
    assert len(asked) <= 9
    assert len(seen) <= 90
