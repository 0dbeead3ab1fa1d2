"""Ownership by real DNS: what counts, what is said when it does not, and what a lost record does."""

import uuid
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Transient
from domains.add import add_domain
from domains.models import Domain, Finding, Ownership
from domains.ownership import ask_for_check, is_lapsed, ownership_of, records_of, require_ownership
from domains.review import look_words
from tests.cast import Cast, make_cast
from tests.servers.dns import ChallengeDns
from tests.servers.ports import free_port
from tests.servers.stub_dns import Zones, stub_dns

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def _names_come_from_the_test(settings: Settings, dns_server: ChallengeDns) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def host() -> str:
    """A name of this test alone: values pile up in the shared name server."""
    return f"h{uuid.uuid4().hex[:12]}.org"


def add(cast: Cast, host: str) -> Domain:
    return add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host)


def publish(dns: ChallengeDns, domain: Domain, value: str = "") -> str:
    wanted = records_of(ownership_of(domain))[0]
    dns.set_txt(wanted.name, value or wanted.value)
    return wanted.name


def look(domain: Domain) -> Ownership:
    ask_for_check(domain=domain, actor=SYSTEM)
    jobs.run_due("ownership")
    domain.refresh_from_db()
    return ownership_of(domain)


def test_before_the_record_exists_it_says_what_was_looked_for_where_and_what_was_seen(
    cast: Cast, host: str, dns_server: ChallengeDns
) -> None:
    domain = add(cast, host)
    ownership = look(domain)
    assert not domain.is_verified
    assert not ownership.is_under_way
    txt = ownership.checks[0]
    assert txt["method"] == "txt"
    assert txt["name"] == f"_managemycert-verify.{host}"
    assert txt["expected"] == f"mmc-{ownership.token}"
    assert [one["server"] for one in txt["seen"]] == [dns_server.address]
    assert txt["seen"][0]["values"] == []
    assert txt["resolvers"] == []
    assert look_words(ownership)[0]["said"] in ("there is no such name", "the name has no such record")
    assert ownership.run_after is None


def test_the_zones_own_servers_decide_and_what_resolvers_say_stands_beside(
    cast: Cast, host: str, settings: Settings
) -> None:
    with stub_dns() as resolver, ExitStack() as stack:
        settings.DNS_RESOLVERS = (resolver.resolver,)
        (own,) = Zones(resolver, stack).delegate(host, "ns1.dns-host.com")
        domain = add(cast, host)
        wanted = records_of(ownership_of(domain))[0]
        resolver.answer(wanted.name, "TXT", [f'"{wanted.value}"'])
        ownership = look(domain)
        assert [(one["server"], one["is_told"]) for one in look_words(ownership) if one["method"] == "txt"] == [
            ("ns1.dns-host.com", False),
            ("{}:{}".format(*resolver.resolver), True),
        ]
        before = domain.is_verified
        own.answer(wanted.name, "TXT", [f'"{wanted.value}"'])
        resolver.answer(wanted.name, "TXT", "SERVFAIL")
        ownership = look(domain)
    assert [before, domain.is_verified] == [False, True]
    assert ownership.checks[0]["resolvers"][0]["error"] == "servfail"


def test_the_record_verifies_the_domain_and_starts_its_watch(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    domain = add(cast, host)
    publish(dns_server, domain)
    ownership = look(domain)
    assert domain.is_verified
    assert ownership.proven_at is not None
    assert ownership.run_after is not None
    assert timedelta(hours=23) < ownership.run_after - clock.now() <= timedelta(hours=24)
    assert domain.visit.run_after is not None
    assert domain.visit.run_after <= clock.now()
    assert Event.unscoped.filter(kind="domain.verified", domain_id=domain.pk).count() == 1


def test_a_proof_reaches_the_names_below_but_nobody_elses(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    above, below, sibling = add(cast, host), add(cast, f"www.{host}"), add(cast, f"x{host}")
    foreign = add_domain(workspace=cast.other, actor=SYSTEM, hostname=host)
    publish(dns_server, above)
    look(above)
    states = [Domain.unscoped.get(pk=one.pk).is_verified for one in (above, below, sibling, foreign)]
    assert states == [True, True, False, False]


def test_another_workspaces_token_proves_nothing(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    mine = add(cast, host)
    theirs = add_domain(workspace=cast.other, actor=SYSTEM, hostname=host)
    publish(dns_server, theirs)
    ownership = look(mine)
    assert not mine.is_verified
    assert ownership.checks[0]["seen"][0]["values"] == [records_of(ownership_of(theirs))[0].value]


def test_other_values_beside_the_right_one_do_no_harm(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    domain = add(cast, host)
    publish(dns_server, domain, "v=spf1 -all")
    publish(dns_server, domain)
    look(domain)
    assert domain.is_verified


def test_an_alias_is_not_followed(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    domain = add(cast, host)
    wanted = records_of(ownership_of(domain))[0]
    dns_server.set_cname(wanted.name, f"saas-{host}")
    dns_server.set_txt(f"saas-{host}", wanted.value)
    ownership = look(domain)
    assert not domain.is_verified
    assert ownership.checks[0]["seen"][0]["error"] == "alias"


def test_the_a_record_under_the_customers_own_name_proves_it_too(
    cast: Cast, host: str, dns_server: ChallengeDns, settings: Settings
) -> None:
    domain = add(cast, host)
    wanted = records_of(ownership_of(domain))[1]
    assert wanted.name.endswith(f".verify.{host}")
    dns_server.add_a(wanted.name, settings.VERIFIER_IP)
    look(domain)
    assert domain.is_verified


def test_a_wildcard_a_record_proves_nothing(
    cast: Cast, host: str, dns_server: ChallengeDns, settings: Settings
) -> None:
    """The test's name server answers every name with 127.0.0.1, as a wildcard would."""
    settings.VERIFIER_IP = "127.0.0.1"
    domain = add(cast, host)
    ownership = look(domain)
    assert not domain.is_verified
    assert ownership.checks[1]["seen"][0]["error"] == "wildcard"


def test_silence_of_the_name_servers_is_no_miss(
    cast: Cast, host: str, dns_server: ChallengeDns, settings: Settings
) -> None:
    domain = add(cast, host)
    publish(dns_server, domain)
    look(domain)
    settings.DNS_RESOLVERS = (("127.0.0.1", free_port()),)
    ownership = look(domain)
    assert (ownership.misses, ownership.missing_since) == (0, None)
    assert domain.is_verified
    assert ownership.checks[0]["seen"][0]["values"] is None


def miss(domain: Domain, later: timedelta) -> Ownership:
    with clock.shifted(later):
        return look(domain)


def codes(domain: Domain) -> set[str]:
    return set(Finding.unscoped.filter(domain=domain, closed_at=None).values_list("code", flat=True))


def test_a_lost_record_opens_a_finding_and_stops_renewals_after_30_days(
    cast: Cast, host: str, dns_server: ChallengeDns
) -> None:
    domain = add(cast, host)
    name = publish(dns_server, domain)
    look(domain)
    dns_server.clear_txt(name)
    assert miss(domain, timedelta(days=1)).misses == 1
    assert codes(domain) == set()
    miss(domain, timedelta(days=1, hours=1))
    assert codes(domain) == {"ownership_record_gone"}
    assert domain.needs_action
    assert not is_lapsed(workspace=cast.acme, names=[host], now=clock.now() + timedelta(days=30))
    assert is_lapsed(workspace=cast.acme, names=[host, f"*.{host}"], now=clock.now() + timedelta(days=31, minutes=1))
    publish(dns_server, domain)
    ownership = miss(domain, timedelta(days=2))
    assert (ownership.misses, ownership.missing_since) == (0, None)
    assert codes(domain) == set()
    assert domain.is_verified


def test_names_nobody_proved_count_as_lapsed(cast: Cast, host: str) -> None:
    add(cast, host)
    assert is_lapsed(workspace=cast.acme, names=[host])


def test_ownership_is_demanded_live_for_every_name(cast: Cast, host: str, dns_server: ChallengeDns) -> None:
    domain = add(cast, host)
    names = [host, f"www.{host}", f"*.{host}"]
    with pytest.raises(NeedsUser, match="ownership_missing"):
        require_ownership(workspace=cast.acme, names=names)
    name = publish(dns_server, domain)
    look(domain)
    require_ownership(workspace=cast.acme, names=names)
    with pytest.raises(NeedsUser) as caught:
        require_ownership(workspace=cast.acme, names=[host, f"x{host}"])
    assert caught.value.params["names"] == [f"x{host}"]
    with pytest.raises(NeedsUser):
        require_ownership(workspace=cast.other, names=[host])
    dns_server.clear_txt(name)
    with pytest.raises(NeedsUser, match="ownership_missing"):
        require_ownership(workspace=cast.acme, names=[host])


def test_a_dns_that_cannot_say_is_waited_for(
    cast: Cast, host: str, dns_server: ChallengeDns, settings: Settings
) -> None:
    domain = add(cast, host)
    publish(dns_server, domain)
    look(domain)
    settings.DNS_RESOLVERS = (("127.0.0.1", free_port()),)
    with pytest.raises(Transient, match="ownership_unclear"):
        require_ownership(workspace=cast.acme, names=[host])


def test_looking_needs_no_encryption_key(cast: Cast, host: str, dns_server: ChallengeDns, settings: Settings) -> None:
    domain = add(cast, host)
    publish(dns_server, domain)
    settings.SECRETS_ENCRYPTION_KEYS = ()
    look(domain)
    assert domain.is_verified
