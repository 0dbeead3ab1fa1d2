"""CAs of a workspace against real ones: added, ordered from, looked at, given a new key, removed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from django.test import Client

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates import acme
from certificates.acme import AcmeClient
from certificates.cas import known
from certificates.cas.accounts import add_ca, ask_for_look, ask_for_new_key, remove_ca, require_settled
from certificates.cas.given import read_given
from certificates.cas.known import KNOWN
from certificates.gates import Wish, read_wish
from certificates.issuance import cancel_issuance, start_issuance
from certificates.line import connect_as
from certificates.models import AcmeAccount, CaEntry, CaOutage, Issuance, Renewal
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient
from domains.models import Domain, Finding, Mode
from tests.cast import Cast, make_cast
from tests.integration.issuing import issue, publish, reread, start, use_ca, verified_domain, work_out
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import EAB_HMAC_KEY, EAB_KEY_ID, Manners, Pebble, pebble

pytestmark = pytest.mark.django_db(transaction=True)
PROFILES = {"classic": 90 * 86_400, "shortlived": 6 * 86_400}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _portal(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns) -> None:
    use_ca(settings, pebble_server, dns_server)


@pytest.fixture
def private(dns_server: ChallengeDns) -> Iterator[Pebble]:
    """A CA of the workspace's own: other roots, and orders only from accounts that it knows."""
    manners = Manners(external_account=True, alternate_roots=1, profiles=PROFILES)
    with pebble(dns_server, manners) as server:
        yield server


def add(cast: Cast, server: Pebble, **more: str) -> AcmeAccount:
    credentials = {"key_id": EAB_KEY_ID, "mac_key": EAB_HMAC_KEY} | more
    bundle = server.ca_bundle.read_text()
    given = read_given(ca="other", directory_url=server.directory_url, ca_bundle=bundle, **credentials)
    account = add_ca(workspace=cast.acme, given=given, actor=SYSTEM)
    return work(account)


def work(account: AcmeAccount) -> AcmeAccount:
    jobs.run_due("acme_account", interactive=True)
    return AcmeAccount.unscoped.get(pk=account.pk)


def issued(domain: Domain, wish: Wish, dns: ChallengeDns) -> Issuance:
    issuance, _ = start_issuance(domain=domain, wish=wish, actor=SYSTEM)
    jobs.run_due("issuance")
    publish(reread(issuance), dns)
    return issue(reread(issuance))


def ordering(account: AcmeAccount, names: list[str], **more: str) -> Wish:
    return read_wish(names, directory_url=account.directory_url, **more)


@pytest.mark.both_databases
def test_a_private_ca_with_external_accounts_issues(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    account = add(cast, private)
    assert account.error_code == ""
    assert account.facts["needs_external_account"] is True
    domain = verified_domain(cast.acme, "cas1.net", dns_server)
    made = issued(domain, ordering(account, ["cas1.net"]), dns_server)
    assert made.state == Issuance.State.ISSUED, made.error_code
    account.refresh_from_db()
    assert account.uri
    assert made.certificate
    assert made.certificate.directory_url == private.directory_url
    assert AcmeAccount.unscoped.filter(workspace=cast.acme).count() == 1, "the portal's own CA was not asked"


def test_without_credentials_it_says_where_they_belong(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    account = add(cast, private, key_id="", mac_key="")
    domain = verified_domain(cast.acme, "cas2.net", dns_server)
    start_issuance(domain=domain, wish=ordering(account, ["cas2.net"]), actor=SYSTEM)
    jobs.run_due("issuance")
    row = Issuance.unscoped.get()
    assert (row.state, row.error_code) == (Issuance.State.FAILED, "acme_external_account_required")


def test_under_other_roots_a_ca_is_not_talked_to(cast: Cast, private: Pebble) -> None:
    bundle = TestCa().root_pem.decode()
    given = read_given(ca="other", directory_url=private.directory_url, ca_bundle=bundle)
    account = work(add_ca(workspace=cast.acme, given=given, actor=SYSTEM))
    assert account.error_code == "acme_unreachable"
    assert account.error_params["detail"] == "tls_failed"
    assert account.facts == {}


@pytest.mark.parametrize("profile", ["classic", "shortlived"])
def test_a_profile_is_what_the_certificate_becomes(
    profile: str, cast: Cast, private: Pebble, dns_server: ChallengeDns
) -> None:
    account = add(cast, private)
    if not private.has_profiles():
        pytest.skip("this Pebble has no profiles")
    assert sorted(account.facts["profiles"]) == sorted(PROFILES)
    domain = verified_domain(cast.acme, "cas3.net", dns_server)
    made = issued(domain, ordering(account, ["cas3.net"], profile=profile), dns_server).certificate
    assert made
    lifetime = (made.not_after - made.not_before).total_seconds()
    assert abs(lifetime - PROFILES[profile]) < 60


def test_the_preferred_chain_is_kept(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    roots = [x509.load_pem_x509_certificate(private.root_pem(number).encode()) for number in (0, 1)]
    names = [root.subject.rfc4514_string().removeprefix("CN=") for root in roots]
    domain = verified_domain(cast.acme, "cas4.net", dns_server)
    for chain, expected in ((names[1], names[1]), ("Nobody's Root", names[0])):
        AcmeAccount.unscoped.all().delete()
        account = add(cast, private, chain=chain)
        key_type = "ecdsa-p256" if chain == names[1] else "ecdsa-p384"
        made = issued(domain, ordering(account, ["cas4.net"], key_type=key_type), dns_server).certificate
        assert made
        top = x509.load_pem_x509_certificates(made.chain_pem.encode())[-1]
        assert top.issuer.rfc4514_string() == f"CN={expected}"


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, pebble_server: Pebble) -> None:
    """The portal's own CA, as if it had Let's Encrypt's limits."""
    url = pebble_server.directory_url
    monkeypatch.setitem(known._BY_URL, url, replace(KNOWN[0], directory_url=url))


# The key of an account


@pytest.fixture
def account(cast: Cast, dns_server: ChallengeDns) -> AcmeAccount:
    """At the portal's own CA, opened by a certificate."""
    domain = verified_domain(cast.acme, "cas5.net", dns_server)
    publish(issuance := start(domain, ["cas5.net"]), dns_server)
    assert issue(issuance).certificate
    return AcmeAccount.unscoped.get(workspace=cast.acme)


@pytest.mark.both_databases
def test_a_new_key_takes_the_old_ones_place(cast: Cast, account: AcmeAccount, dns_server: ChallengeDns) -> None:
    old = account.sealed_key.reveal()
    ask_for_new_key(account=account, actor=SYSTEM)
    ask_for_new_key(account=account, actor=SYSTEM)
    account = work(account)
    assert account.error_code == ""
    assert account.rolling_at is None
    assert account.next_key is None
    assert account.sealed_key.reveal() != old
    with connect_as(account) as ca:
        assert ca.find_account() == account.uri
    bundle = {"account_key_pem": old, "ca_bundle": _bundle()}
    with acme.connect(account.directory_url, **bundle) as ca:
        assert ca.find_account() == "", "the old key opens nothing any more"
    kinds = Event.unscoped.filter(kind__startswith="ca.key").order_by("at").values_list("kind", flat=True)
    assert list(kinds) == ["ca.key_change_asked", "ca.key_changed"]
    domain = verified_domain(cast.acme, "cas6.net", dns_server)
    assert issued(domain, read_wish(["cas6.net"]), dns_server).state == Issuance.State.ISSUED


def _bundle() -> str:
    from django.conf import settings

    return str(settings.ACME_CA_BUNDLE)


def test_proofs_that_hang_on_the_key_keep_it(cast: Cast, account: AcmeAccount, dns_server: ChallengeDns) -> None:
    waiting = start(verified_domain(cast.acme, "cas7.net", dns_server), ["cas7.net"])
    with pytest.raises(NeedsUser, match="ca_account_busy"):
        ask_for_new_key(account=account, actor=SYSTEM)
    cancel_issuance(issuance=waiting, actor=SYSTEM)
    with pytest.raises(NeedsUser, match="ca_account_busy"):
        ask_for_new_key(account=account, actor=SYSTEM)
    work_out(waiting)
    ask_for_new_key(account=account, actor=SYSTEM)


def test_while_the_key_changes_nothing_is_ordered(cast: Cast, account: AcmeAccount, dns_server: ChallengeDns) -> None:
    ask_for_new_key(account=account, actor=SYSTEM)
    with pytest.raises(Transient, match="ca_key_changing"):
        require_settled(account.pk)
    begun = start(verified_domain(cast.acme, "cas8.net", dns_server), ["cas8.net"])
    assert (begun.step, begun.error_code) == (Issuance.Step.OPEN_ACCOUNT, "ca_key_changing")
    work(account)
    Issuance.unscoped.filter(pk=begun.pk).update(run_after=clock.now())
    jobs.run_due("issuance")
    assert reread(begun).state == Issuance.State.PENDING_CHALLENGE


def test_a_ca_that_refuses_the_new_key_leaves_the_old(account: AcmeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for one that another account has (RFC 8555, section 7.3.5); Pebble takes any."""

    def refuse(_client: AcmeClient, _pem: bytes) -> None:
        raise Permanent("acme_refused", detail="New key is already in use for a different account", status=409)

    monkeypatch.setattr(AcmeClient, "change_key", refuse)
    old = account.sealed_key.reveal()
    ask_for_new_key(account=account, actor=SYSTEM)
    account = work(account)
    assert account.error_code == "acme_refused"
    assert (account.rolling_at, account.next_key) == (None, None)
    assert account.sealed_key.reveal() == old
    assert Event.unscoped.filter(kind="ca.key_change_failed").exists()


def test_an_account_that_is_not_open_has_no_key_to_change(cast: Cast, private: Pebble) -> None:
    account = add(cast, private)
    with pytest.raises(NeedsUser, match="ca_account_closed"):
        ask_for_new_key(account=account, actor=SYSTEM)


# Looks at the directory


def renewing(domain: Domain, account: AcmeAccount, profile: str = "") -> Renewal:
    return Renewal.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[domain.host],
        directory_url=account.directory_url,
        profile=profile,
    )


def codes(domain: Domain) -> list[str]:
    return list(Finding.unscoped.filter(domain=domain, source="ca", closed_at=None).values_list("code", flat=True))


def test_a_ca_that_stays_silent_is_told_to_those_who_renew_there(
    cast: Cast, account: AcmeAccount, dns_server: ChallengeDns, settings: Any, pebble_server: Pebble
) -> None:
    domain = Domain.unscoped.get(host="cas5.net")
    renewing(domain, account)
    settings.ACME_CA_BUNDLE = ""
    for expected in ([], [], ["ca_silent"]):
        ask_again(account)
        CaOutage.objects.update(probe_at=clock.now())  # It is this account's turn to try.
        account = work(account)
        assert account.error_code == "acme_unreachable"
        assert codes(domain) == expected
    assert account.run_after
    assert timedelta(hours=5) < account.run_after - clock.now() <= timedelta(hours=6)
    settings.ACME_CA_BUNDLE = str(pebble_server.ca_bundle)
    ask_again(account)
    account = work(account)
    assert (account.error_code, codes(domain)) == ("", [])
    assert account.run_after
    assert timedelta(days=6) < account.run_after - clock.now() < timedelta(days=8)


def ask_again(account: AcmeAccount) -> None:
    """Of its own accord, as the clock would: a person's wish starts the count anew."""
    AcmeAccount.unscoped.filter(pk=account.pk).update(run_after=clock.now(), priority=jobs.INTERACTIVE)


def test_a_profile_that_a_ca_drops_is_told_in_time(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    account = add(cast, private)
    if not private.has_profiles():
        pytest.skip("this Pebble has no profiles")
    domain = verified_domain(cast.acme, "cas9.net", dns_server)
    renewal = renewing(domain, account, "tlsclient")
    ask_for_look(account)
    work(account)
    assert codes(domain) == ["ca_profile_gone"]
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.MONITOR))
    assert codes(domain) == [], "it renews there no longer"
    renewal = renewing(domain, account, "tlsclient")
    ask_for_look(account)
    work(account)
    Renewal.unscoped.filter(pk=renewal.pk).update(profile="classic")
    ask_for_look(account)
    work(account)
    assert codes(domain) == []


# Its end


@pytest.mark.both_databases
def test_removing_closes_the_account_at_the_ca(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    account = add(cast, private)
    domain = verified_domain(cast.acme, "cas10.net", dns_server)
    assert issued(domain, ordering(account, ["cas10.net"]), dns_server).certificate
    account.refresh_from_db()
    renewal = renewing(domain, account)
    with pytest.raises(NeedsUser, match="ca_in_use"):
        remove_ca(account=account, actor=SYSTEM)
    renewal.delete()
    key, uri, bundle = account.sealed_key.reveal(), account.uri, account.ca_bundle
    remove_ca(account=account, actor=SYSTEM)
    jobs.run_due("acme_account", interactive=True)
    assert not AcmeAccount.unscoped.filter(pk=account.pk).exists()
    told = {"account_key_pem": key, "account_uri": uri, "ca_bundle": bundle}
    with acme.connect(private.directory_url, **told) as ca, pytest.raises(ExpectedError):
        ca.new_order(["cas10.net"])
    assert Event.unscoped.filter(kind="ca.forgotten").exists()


def test_the_portal_s_own_ca_stays(account: AcmeAccount) -> None:
    with pytest.raises(NeedsUser, match="ca_is_default"):
        remove_ca(account=account, actor=SYSTEM)


# The ledger on the way


def test_uses_are_written_down_as_they_happen(limited: None, cast: Cast, account: AcmeAccount) -> None:
    found = sorted(CaEntry.objects.values_list("counted", "subject"))
    assert [counted for counted, _ in found] == [
        "accounts",
        "certificates_of_domain",
        "certificates_of_names",
        "orders",
    ]
    assert ("certificates_of_domain", "cas5.net") in found


# The API


def api(cast: Cast, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    call = getattr(Client(), method)
    return call(f"/api{path}", body, content_type="application/json", headers=headers)


def test_the_api_adds_looks_and_issues(cast: Cast, private: Pebble, dns_server: ChallengeDns) -> None:
    body = {
        "authority": "other",
        "directory_url": private.directory_url,
        "ca_bundle": private.ca_bundle.read_text(),
        "key_id": EAB_KEY_ID,
        "mac_key": EAB_HMAC_KEY,
    }
    made = api(cast, "post", "/certificate-authorities", body)
    assert made.status_code == 201, made.content
    assert EAB_HMAC_KEY not in made.content.decode()
    assert api(cast, "post", "/certificate-authorities", body).status_code == 409
    jobs.run_due("acme_account", interactive=True)
    shown = api(cast, "get", f"/certificate-authorities/{made.json()['id']}").json()
    assert shown["error"] is None
    assert shown["looked_at"]
    assert shown["has_credentials"] is True
    domain = verified_domain(cast.acme, "cas11.net", dns_server)
    wrong = api(cast, "post", f"/domains/{domain.pk}/issuances", {"ca": "https://elsewhere.net/dir"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "ca_unknown")
    answer = api(cast, "post", f"/domains/{domain.pk}/issuances", {"ca": private.directory_url})
    assert answer.status_code == 202
    row = Issuance.unscoped.get()
    assert row.directory_url == private.directory_url
