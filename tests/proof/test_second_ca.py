"""A second, independent ACME server: the whole way of a certificate, and renewals months apart on both clocks."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates import solvers as solving
from certificates.issuance import start_again
from certificates.models import AcmeAccount, Certificate, Issuance
from certificates.revoking import revoke_certificate
from config.lib import clock, jobs
from tests.cast import make_cast
from tests.integration.issuing import issue, publish, reread, start, use_ca, verified_domain
from tests.integration.renewing import ByTestDns, certificates, turn_on, work
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.second_ca import SecondCa, second_ca

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True)]
SOON = timedelta(minutes=1)


@pytest.fixture(scope="module")
def dns() -> Iterator[ChallengeDns]:
    """At port 53, the only one that this CA asks; at an address of its own."""
    address = f"127.{128 + secrets.randbelow(127)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(250)}"
    with challenge_dns(address, 53) as server:
        yield server


@pytest.fixture(params=[90, 45], ids=["90 days", "45 days"])
def ca(request: pytest.FixtureRequest, settings: Any, dns: ChallengeDns) -> Iterator[SecondCa]:
    with second_ca(dns, days=request.param) as server:
        use_ca(settings, server, dns)
        settings.ACME_EMAIL = "certificates@acme-tools.net"
        yield server


def test_from_the_account_to_the_revocation(ca: SecondCa, dns: ChallengeDns) -> None:
    workspace = make_cast().acme
    domain = verified_domain(workspace, f"s{secrets.token_hex(4)}.net", dns)
    names = [domain.host, f"*.{domain.host}"]
    issuance = start(domain, names)
    publish(issuance, dns)
    done = issue(issuance)
    assert done.state == Issuance.State.ISSUED, (done.error_code, done.error_params)
    made = done.certificate
    assert made
    assert made.names == names
    assert made.issuer == "Second CA"
    assert AcmeAccount.unscoped.get().uri.startswith(ca.directory_url.removesuffix("directory"))
    revoke_certificate(certificate=made, reason=4, actor=SYSTEM)
    jobs.run_due("certificate_revocation")
    made.refresh_from_db()
    assert made.revoked_at
    again = start_again(issuance=done, actor=SYSTEM)
    jobs.run_due("issuance")
    publish(reread(again), dns)
    assert issue(reread(again)).state == Issuance.State.ISSUED


def test_renewals_months_apart(ca: SecondCa, dns: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three in a row: each in its time by both clocks, each with a key of its own, none early, none twice."""
    ours = ByTestDns(dns)
    monkeypatch.setattr(solving.solvers, "_items", {**solving.solvers._items, "tests": ours})
    domain = verified_domain(make_cast().acme, f"s{secrets.token_hex(4)}.net", dns)
    turn_on(domain)
    renewal = work(domain)
    ahead = timedelta(0)
    for number in range(1, 4):
        (*_, current) = certificates(domain)
        assert len(certificates(domain)) == number
        assert renewal.renew_at
        ahead = renewal.renew_at - clock.now() - timedelta(hours=1)
        with clock.shifted(ahead):
            ca.set_clock(ahead)
            jobs.run_due("renewal")
            assert len(certificates(domain)) == number, "an hour before its time nothing happens"
        ahead += timedelta(hours=1) + SOON
        ca.set_clock(ahead)
        with clock.shifted(ahead):
            renewal = work(domain)
            assert len(certificates(domain)) == number + 1, (renewal.error_code, renewal.error_params)
            successor = renewal.certificate
        assert successor
        assert successor.private_key_id != current.private_key_id
        assert abs(successor.not_before - ahead - clock.now()) < timedelta(hours=2)
        lifetime = successor.not_after - successor.not_before
        assert abs(lifetime - timedelta(days=ca.days)) < timedelta(hours=1)
        # This CA suggests the time after 85 % of the life; without its word it would be after two thirds.
        assert current.not_after - renewal_of(current) < 0.2 * lifetime


def renewal_of(certificate: Certificate) -> datetime:
    """When its successor was due."""
    at = Certificate.unscoped.get(pk=certificate.pk).renew_at
    assert at
    return at
