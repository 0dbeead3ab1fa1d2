"""The ACME client against a real CA: every exchange, its repetition, and its failures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from certificates import acme
from certificates.acme import AcmeClient, Authorization, Order
from certificates.keys import csr_der, make_csr, new_key
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient
from config.lib.sealed import Sealed
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import EAB_HMAC_KEY, EAB_KEY_ID, Manners, Pebble, pebble
from tests.servers.ports import wait_until


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture
def ca(pebble_server: Pebble) -> Iterator[AcmeClient]:
    with account(pebble_server) as client:
        yield client


@contextmanager
def account(server: Pebble, key: Sealed | None = None, uri: str = "") -> Iterator[AcmeClient]:
    """A client whose account is open already, unless it says that it has one."""
    pem = (key or new_key()).reveal()
    bundle = str(server.ca_bundle)
    with acme.connect(server.directory_url, account_key_pem=pem, account_uri=uri, ca_bundle=bundle) as client:
        if not uri:
            client.open_account()
        yield client


def answer_all(ca: AcmeClient, order: Order, dns: ChallengeDns) -> list[Authorization]:
    """Publish and answer whatever is still to be proven."""
    found = [ca.load_authorization(url) for url in order.authorization_urls]
    for authorization in found:
        challenge = authorization.challenge("dns-01")
        if authorization.status == "pending" and challenge:
            dns.set_txt(authorization.txt_name, challenge.txt_value)
            ca.answer_challenge(challenge.url)
    return found


def watch(ca: AcmeClient, url: str, is_enough: Callable[[Order], bool]) -> Order:
    seen: list[Order] = []

    def look() -> bool:
        seen.append(ca.load_order(url))
        return is_enough(seen[-1])

    wait_until(look, seconds=20, what="the order moved on")
    return seen[-1]


def issue(ca: AcmeClient, names: Sequence[str], dns: ChallengeDns) -> tuple[Order, tuple[str, ...]]:
    order = ca.new_order(names)
    answer_all(ca, order, dns)
    watch(ca, order.url, lambda seen: seen.status != "pending")
    csr = csr_der(make_csr(new_key(), names))
    ca.finalize(order, csr)
    order = watch(ca, order.url, lambda seen: seen.status in ("valid", "invalid"))
    return order, ca.download_chain(order.certificate_url).pems


def refusal(act: Callable[[], object]) -> ExpectedError:
    with pytest.raises(ExpectedError) as caught:
        act()
    return caught.value


def test_two_names_and_a_wildcard_become_a_chain(ca: AcmeClient, dns_server: ChallengeDns) -> None:
    order, pems = issue(ca, ["a.acme1.net", "*.a.acme1.net", "b.acme1.net"], dns_server)
    assert order.status == "valid"
    assert len(pems) == 2
    assert all(pem.startswith("-----BEGIN CERTIFICATE-----\n") and pem.endswith("-----\n") for pem in pems)


def test_apex_and_wildcard_want_two_values_at_one_name(ca: AcmeClient) -> None:
    order = ca.new_order(["acme2.net", "*.acme2.net"])
    found = [ca.load_authorization(url) for url in order.authorization_urls]
    assert {item.txt_name for item in found} == {"_acme-challenge.acme2.net"}
    values = {challenge.txt_value for item in found if (challenge := item.challenge("dns-01"))}
    assert len(values) == 2


@pytest.mark.parametrize("share", [20, 50])
def test_refused_nonces_do_not_show(dns_server: ChallengeDns, share: int) -> None:
    with pebble(dns_server, Manners(nonce_reject=share)) as server, account(server) as ca:
        for number in range(3):
            order, pems = issue(ca, [f"n{share}-{number}.acme3.net"], dns_server)
            assert order.status == "valid"
            assert pems


def test_reused_authorizations_come_back_valid_until_they_are_given_back(dns_server: ChallengeDns) -> None:
    with pebble(dns_server, Manners(authz_reuse=100)) as server, account(server) as ca:
        issue(ca, ["reuse.acme4.net"], dns_server)
        again = ca.new_order(["reuse.acme4.net"])
        proven = ca.load_authorization(again.authorization_urls[0])
        assert (again.status, proven.status) == ("ready", "valid")
        ca.deactivate_authorization(proven.url)
        ca.deactivate_authorization(proven.url)
        fresh = ca.new_order(["reuse.acme4.net"])
        assert ca.load_authorization(fresh.authorization_urls[0]).status == "pending"


def test_the_same_key_finds_its_account(pebble_server: Pebble) -> None:
    key = new_key()
    with account(pebble_server, key, uri="unknown yet") as ca:
        first = ca.open_account(email="ops@acme5.net")
        assert ca.open_account() == first
    with account(pebble_server, key, uri=first) as ca:
        assert ca.new_order(["acme5.net"]).status == "pending"


def test_an_account_that_the_ca_lost_is_told_apart(pebble_server: Pebble) -> None:
    with account(pebble_server) as ca:
        lost = ca.open_account() + "0"
    with account(pebble_server, uri=lost) as ca:
        error = refusal(lambda: ca.new_order(["acme6.net"]))
    assert isinstance(error, Transient)
    assert error.code == "acme_account_gone"


def test_external_accounts_are_bound(dns_server: ChallengeDns) -> None:
    with pebble(dns_server, Manners(external_account=True)) as server, account(server, uri="later") as ca:
        assert ca.directory().needs_external_account
        assert refusal(ca.open_account).code == "acme_external_account_required"
        external = acme.ExternalAccount(EAB_KEY_ID, Sealed.of(EAB_HMAC_KEY))
        assert ca.open_account(external=external).startswith("https://")


@pytest.mark.parametrize("value", ["wrong", None])
def test_a_wrong_or_missing_record_is_the_users_to_repair(
    ca: AcmeClient, dns_server: ChallengeDns, value: str | None
) -> None:
    name = f"{value or 'missing'}.acme7.net"
    order = ca.new_order([name])
    authorization = ca.load_authorization(order.authorization_urls[0])
    challenge = authorization.challenge("dns-01")
    assert challenge
    if value:
        dns_server.set_txt(authorization.txt_name, value)
    ca.answer_challenge(challenge.url)
    order = watch(ca, order.url, lambda seen: seen.status == "invalid")
    error = acme.challenge_refusal(ca.load_authorization(authorization.url))
    assert isinstance(error, NeedsUser)
    assert (error.code, error.params["name"]) == ("acme_unauthorized", name)
    assert "TXT record" in error.params["detail"] or "Correct value not found" in error.params["detail"]
    assert acme.order_refusal(order).code == "acme_unauthorized"
    ca.answer_challenge(challenge.url)


def test_a_stored_order_is_taken_up_by_another_client(pebble_server: Pebble, dns_server: ChallengeDns) -> None:
    key, names = new_key(), ["resume.acme8.net", "*.resume.acme8.net"]
    csr = csr_der(make_csr(new_key(), names))
    with account(pebble_server, key, uri="later") as ca:
        uri = ca.open_account()
        url = ca.new_order(names).url
    with account(pebble_server, key, uri) as ca:
        answer_all(ca, ca.load_order(url), dns_server)
        watch(ca, url, lambda seen: seen.status == "ready")
    with account(pebble_server, key, uri) as ca:
        ca.finalize(ca.load_order(url), csr)
    with account(pebble_server, key, uri) as ca:
        again = ca.finalize(ca.load_order(url), csr)
        assert again.status in ("processing", "valid")
        order = watch(ca, url, lambda seen: seen.status == "valid")
        assert ca.download_chain(order.certificate_url) == ca.download_chain(order.certificate_url)


def test_finalizing_too_early_is_a_look(ca: AcmeClient) -> None:
    names = ["early.acme9.net"]
    order = ca.new_order(names)
    assert ca.finalize(order, csr_der(make_csr(new_key(), names))).status == "pending"


def test_a_request_for_other_names_is_refused_for_good(ca: AcmeClient, dns_server: ChallengeDns) -> None:
    order = ca.new_order(["right.acme10.net"])
    answer_all(ca, order, dns_server)
    watch(ca, order.url, lambda seen: seen.status == "ready")
    error = refusal(lambda: ca.finalize(order, csr_der(make_csr(new_key(), ["wrong.acme10.net"]))))
    assert isinstance(error, Permanent)
    assert error.code in ("acme_bad_csr", "acme_refused", "acme_rejected_identifier")


@pytest.mark.parametrize(
    ("names", "more", "code"),
    [
        (["x.blocked-domain.example"], {}, "acme_rejected_identifier"),
        (["under_score.acme11.net"], {}, "acme_refused"),
        (["x.acme11.net"], {"profile": "nope"}, "acme_invalid_profile"),
        (["x.acme11.net"], {"replaces": "AAAA.BBBB"}, "acme_refused"),
    ],
)
def test_orders_that_can_never_be(ca: AcmeClient, names: list[str], more: dict[str, str], code: str) -> None:
    error = refusal(lambda: ca.new_order(names, **more))
    assert isinstance(error, Permanent)
    assert error.code == code
    assert error.params["detail"]


def test_an_order_that_the_ca_dropped_has_expired(ca: AcmeClient) -> None:
    order = ca.new_order(["gone.acme12.net"])
    assert refusal(lambda: ca.load_order(order.url + "x")).code == "acme_order_expired"


def test_revoking_twice_is_revoking(ca: AcmeClient, dns_server: ChallengeDns) -> None:
    _, pems = issue(ca, ["revoke.acme13.net"], dns_server)
    ca.revoke(pems[0], 1)
    ca.revoke(pems[0], 1)


def test_a_ca_out_of_reach_is_waited_for(pebble_server: Pebble) -> None:
    connection = acme.connect("https://localhost:1/dir", account_key_pem=new_key().reveal())
    with connection as ca:
        error = refusal(ca.directory)
    assert isinstance(error, Transient)
    assert error.code == "acme_unreachable"


def test_a_ca_with_a_certificate_of_nobody_is_not_trusted(pebble_server: Pebble) -> None:
    with acme.connect(pebble_server.directory_url, account_key_pem=new_key().reveal()) as ca:
        assert refusal(ca.open_account).code == "acme_unreachable"
