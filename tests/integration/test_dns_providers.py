"""Records at DNS providers: the library in its child process against stand-ins at the wire, RFC 2136 against Knot."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.dns.providers import visiting
from certificates.dns.providers.kinds import kinds
from certificates.dns.providers.saving import save_provider
from certificates.dns.providers.solving import AtProvider
from certificates.dns.providers.visiting import Access, Txt, trial_record, visit
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import DnsProvider, Issuance, ProviderRecord
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, NeedsUser, Transient
from tests.cast import Cast, make_cast
from tests.integration.issuing import LOOPBACK, use_ca, verified_domain, work_out
from tests.servers.authoritative import CUSTOMER, KEY_NAME, SECRET, Zones, authoritative, own_address
from tests.servers.ca import TestCa
from tests.servers.child import is_root
from tests.servers.dns_apis import Cloudflare, DnsApi, PowerDns, served
from tests.servers.pebble import pebble
from tests.servers.stub_dns import StubDns, stub_dns

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_root(), reason="Cloudflare's interface is on port 443, which only root may bind"),
]
ZONE = "acme-tools.net"
TOKEN = "a-token-that-nobody-must-see"
NAME = f"_acme-challenge.shop.{ZONE}"
RECORDS = [Txt(NAME, "first"), Txt(NAME, "second")]


@pytest.fixture
def dns(settings: Any) -> Iterator[StubDns]:
    settings.EGRESS_ALLOW_CIDRS = LOOPBACK
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


@pytest.fixture
def cloudflare(dns: StubDns, settings: Any, tmp_path: Path) -> Iterator[Cloudflare]:
    authority = TestCa("Stand-in")
    authority.issue(["api.cloudflare.com"], days=30).write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(authority.root_pem)
    settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "ca.pem")
    address = own_address()
    dns.answer("api.cloudflare.com", "A", [address])
    with served(Cloudflare(ZONE, TOKEN), address, 443, tmp_path) as api:
        yield api


@pytest.fixture
def powerdns(dns: StubDns) -> Iterator[PowerDns]:
    dns.answer("pdns.acme-tools.net", "A", ["127.0.0.1"])
    with served(PowerDns(ZONE, TOKEN), "127.0.0.1", 0) as api:
        yield api


def access(api: DnsApi, token: str = TOKEN, **more: str) -> Access:
    if isinstance(api, Cloudflare):
        return Access(kinds.get("cloudflare"), more.get("zone", ZONE), {"auth_token": token})
    server = f"http://pdns.acme-tools.net:{api.port}"
    return Access(
        kinds.get("powerdns"),
        more.get("zone", ZONE),
        {"pdns_server": server, "pdns_server_id": "localhost", "auth_token": token},
    )


@pytest.fixture(params=["cloudflare", "powerdns"])
def api(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_values_share_a_name_and_go_one_by_one(api: Any) -> None:
    visit(access(api), "create", RECORDS)
    visit(access(api), "create", RECORDS[:1])
    assert {value for _, value in api.left()} == {"first", "second"}
    visit(access(api), "delete", RECORDS[:1])
    assert {value for _, value in api.left()} == {"second"}
    visit(access(api), "delete", RECORDS)
    visit(access(api), "delete", RECORDS)
    assert api.left() == []


def test_a_trial_leaves_nothing(api: Any) -> None:
    visit(access(api), "test", [trial_record(ZONE)])
    assert api.left() == []
    assert len(api.asked) >= 3


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, NeedsUser, "dns_provider_refused"),
        (403, NeedsUser, "dns_provider_refused"),
        (404, NeedsUser, "dns_provider_no_zone"),
        (429, Transient, "dns_provider_busy"),
        (503, Transient, "dns_provider_unreachable"),
    ],
)
def test_refusals_become_our_codes_without_the_secret(
    cloudflare: Cloudflare, status: int, kind: type[ExpectedError], code: str
) -> None:
    cloudflare.refuse, cloudflare.headers = status, {"Retry-After": "120"}
    with pytest.raises(kind) as refused:
        visit(access(cloudflare), "create", RECORDS)
    assert refused.value.code == code
    assert TOKEN not in str(refused.value.params)
    if isinstance(refused.value, Transient) and status == 429:
        assert refused.value.retry_at is not None
        assert 100 < (refused.value.retry_at - clock.now()).total_seconds() < 130


def test_a_wrong_token_and_another_zone(api: Any) -> None:
    with pytest.raises(NeedsUser) as refused:
        visit(access(api, token="wrong-token"), "create", RECORDS)
    assert refused.value.code == "dns_provider_refused"
    with pytest.raises(NeedsUser) as refused:
        visit(access(api, zone="elsewhere.net"), "create", RECORDS)
    assert refused.value.code == "dns_provider_no_zone"
    assert api.left() == []


def test_redirects_lead_nowhere(cloudflare: Cloudflare, powerdns: PowerDns) -> None:
    """Not to another host, not even to one that exists: the child resolves the provider's own names alone."""
    cloudflare.redirect = f"http://pdns.acme-tools.net:{powerdns.port}/latest/meta-data/"
    with pytest.raises(Transient) as refused:
        visit(access(cloudflare), "create", RECORDS)
    assert refused.value.code == "dns_provider_unreachable"
    assert powerdns.asked == []


def test_a_private_address_is_not_visited(powerdns: PowerDns, settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    with pytest.raises(ExpectedError) as refused:
        visit(access(powerdns), "create", RECORDS)
    assert refused.value.code == "egress_refused"
    assert powerdns.asked == []


def test_a_provider_that_hangs_is_left(powerdns: PowerDns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "VISIT_SECONDS", 3.0)
    ended = threading.Event()

    def hang(*_asked: Any) -> Any:
        ended.wait(20)
        return 500, None

    powerdns.handle = hang  # type: ignore[method-assign, assignment]
    began = time.monotonic()
    with pytest.raises(Transient) as refused:
        visit(access(powerdns), "create", RECORDS)
    assert refused.value.code == "dns_provider_unreachable"
    assert time.monotonic() - began < 10
    ended.set()


def test_the_child_sees_nothing_of_ours(powerdns: PowerDns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token travels by stdin; neither arguments nor environment of the child name it or a secret of ours."""
    seen: dict[str, str] = {}

    def look(*args: Any) -> Any:
        for child in children():
            place = Path(f"/proc/{child}")
            seen["environ"] = (place / "environ").read_text()
            seen["cmdline"] = (place / "cmdline").read_text()
        return 200, {"name": f"{ZONE}.", "kind": "Native", "rrsets": []}

    powerdns.handle = look  # type: ignore[method-assign,assignment]
    powerdns.handle = look  # type: ignore[method-assign, assignment]
    with pytest.raises(ExpectedError):
        visit(access(powerdns), "test", [trial_record(ZONE)])
    assert "child.py" in seen["cmdline"]
    assert TOKEN not in seen["cmdline"] + seen["environ"]
    assert "SECRET" not in seen["environ"]


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]


@pytest.fixture(scope="module")
def zones() -> Iterator[Zones]:
    with authoritative() as servers:
        yield servers


@pytest.fixture
def knot(zones: Zones, settings: Any) -> Access:
    settings.EGRESS_ALLOW_CIDRS = LOOPBACK
    settings.DNS_RESOLVERS = ((zones.host, zones.port),)
    values = {"server": f"ns1.{CUSTOMER}", "key_name": KEY_NAME, "algorithm": "hmac-sha256", "key_secret": SECRET}
    return Access(kinds.get("rfc2136"), CUSTOMER, values)


def test_rfc_2136_against_knot(knot: Access, zones: Zones) -> None:
    name = f"_acme-challenge.update.{CUSTOMER}"
    records = [Txt(name, "first"), Txt(name, "second")]
    visit(knot, "create", records)
    visit(knot, "create", records)
    assert sorted(zones.values(zones.knot, name, "TXT")) == ["first", "second"]
    visit(knot, "delete", records[:1])
    assert zones.values(zones.knot, name, "TXT") == ["second"]
    visit(knot, "test", [trial_record(CUSTOMER)])
    visit(knot, "delete", records)
    visit(knot, "delete", records)
    assert zones.values(zones.knot, name, "TXT") == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key_secret": "d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldC13cm9uZw=="}, "dns_provider_refused"),
        ({"key_name": "nobody"}, "dns_provider_refused"),
        ({"key_secret": "not base64!"}, "dns_provider_refused"),
        ({"server": f"ns1.{CUSTOMER}:9"}, "connect_refused"),
    ],
)
def test_rfc_2136_refusals(knot: Access, changed: dict[str, str], code: str) -> None:
    with pytest.raises(ExpectedError) as refused:
        visit(Access(knot.kind, knot.zone, {**knot.values, **changed}), "create", RECORDS[:0])
    assert refused.value.code == code
    assert SECRET not in str(refused.value.params)


def test_a_zone_that_is_not_there(knot: Access) -> None:
    with pytest.raises(NeedsUser) as refused:
        visit(Access(knot.kind, "elsewhere.net", knot.values), "create", [Txt("x.elsewhere.net", "v")])
    assert refused.value.code == "dns_provider_no_zone"


# The whole way


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def provider_in(cast: Cast, knot: Access) -> DnsProvider:
    row = save_provider(workspace=cast.acme, kind="rfc2136", zone=CUSTOMER, given=knot.values, actor=SYSTEM)
    jobs.run_due("dns_provider")
    row.refresh_from_db()
    assert row.works, (row.error_code, row.error_params)
    return row


def test_issued_through_the_customers_own_name_server(cast: Cast, knot: Access, zones: Zones, settings: Any) -> None:
    with pebble(zones.of_ca) as authority:
        use_ca(settings, authority, zones)
        provider_in(cast, knot)
        domain = verified_domain(cast.acme, f"auto.{CUSTOMER}", zones)
        wish = read_wish([domain.host, f"*.{domain.host}"])
        issuance, _ = start_issuance(domain=domain, wish=wish, actor=SYSTEM)
        assert issuance.solver == "provider"
        done = work_out(issuance)
    assert done.state == Issuance.State.ISSUED, (done.error_code, done.error_params)
    assert not ProviderRecord.unscoped.exists()
    assert zones.values(zones.knot, f"_acme-challenge.{domain.host}", "TXT") == []


def test_what_could_not_be_removed_is_the_janitors(
    cast: Cast, knot: Access, zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = provider_in(cast, knot)
    domain = verified_domain(cast.acme, f"left.{CUSTOMER}", zones)
    name = f"_acme-challenge.{domain.host}"
    issuance = Issuance.objects.create(workspace=cast.acme, domain=domain, names=[domain.host], names_key="x")
    record = ProviderRecord.objects.create(
        workspace=cast.acme, provider=provider, issuance=issuance, fqdn=name, value="left"
    )
    visit(knot, "create", [Txt(name, "left")])
    good, bad = knot.values, {**knot.values, "key_name": "nobody"}
    DnsProvider.unscoped.filter(pk=provider.pk).update(config={k: v for k, v in bad.items() if k != "key_secret"})
    taken = Issuance.unscoped.get(pk=issuance.pk)
    monkeypatch.setattr(taken, "renew_lease", lambda _seconds: None)
    AtProvider().clean_up(taken, [])
    record.refresh_from_db()
    assert record.error_code == "dns_provider_refused"
    assert zones.values(zones.knot, name, "TXT") == ["left"]

    DnsProvider.unscoped.filter(pk=provider.pk).update(config={k: v for k, v in good.items() if k != "key_secret"})
    ProviderRecord.unscoped.update(run_after=clock.now())
    jobs.run_due("provider_record")
    assert ProviderRecord.unscoped.exists(), "an open issuance may still need it"
    Issuance.unscoped.update(state=Issuance.State.FAILED)
    ProviderRecord.unscoped.update(run_after=clock.now())
    jobs.run_due("provider_record")
    assert not ProviderRecord.unscoped.exists()
    assert zones.values(zones.knot, name, "TXT") == []
