"""Hands-free issuing: Pebble looks through a CNAME on real authoritative servers, to the bundled responder."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.dns.delegations import add_delegation, name_of, target_of
from certificates.dns.serving import Responder
from certificates.dns.stored import values_of
from certificates.dns.zone import make_zone
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import Certificate, ChallengeValue, Delegation, Issuance, Renewal
from certificates.records import look_at_records
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock, egress, jobs
from domains.models import Domain, Finding, Mode
from tests.cast import Cast, make_cast
from tests.integration.issuing import issue, publish, start, use_ca, verified_domain, work_out
from tests.servers.authoritative import ACME, CUSTOMER, RESPONDER_NAME, Zones, authoritative
from tests.servers.child import is_root
from tests.servers.pebble import Manners, Pebble, pebble
from tests.servers.ports import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not is_root(), reason="authoritative servers are asked on port 53, which only root may bind"),
]
State = Issuance.State
type Hosts = Callable[[str], Domain]


@pytest.fixture(scope="module")
def zones() -> Iterator[Zones]:
    with authoritative() as servers:
        yield servers


@pytest.fixture(scope="module")
def authority(zones: Zones) -> Iterator[Pebble]:
    with pebble(zones.of_ca) as server:
        yield server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def portal(settings: Any, zones: Zones, authority: Pebble) -> Iterator[None]:
    use_ca(settings, authority, zones)
    settings.ACME_DNS_ZONE, settings.ACME_DNS_NS = ACME, (RESPONDER_NAME,)
    with ExitStack() as stack:
        responder = Responder(make_zone(ACME, [RESPONDER_NAME], values_of), [(zones.responder, 53)])
        stack.callback(responder.stop)
        responder.start()
        yield


@pytest.fixture
def delegated(portal: None, cast: Cast, zones: Zones) -> Callable[[str], Domain]:
    """A verified domain whose CNAME is published at the customer's servers and was seen."""

    def make(label: str) -> Domain:
        domain = verified_domain(cast.acme, f"{label}.{CUSTOMER}", zones)
        hand_over(domain, domain.host, zones)
        return domain

    return make


def hand_over(domain: Domain, host: str, zones: Zones) -> Delegation:
    row, _ = add_delegation(domain=domain, host=host, actor=SYSTEM)
    zones.add(name_of(row), "CNAME", f"{target_of(row)}.")
    Delegation.unscoped.filter(pk=row.pk).update(run_after=clock.now())
    jobs.run_due("delegation")
    row.refresh_from_db()
    assert row.is_in_use, row.servers
    return row


def begin(domain: Domain, *names: str) -> Issuance:
    return start_issuance(domain=domain, wish=read_wish(names), actor=SYSTEM)[0]


def test_a_host_and_its_wildcard_are_issued_without_hands(delegated: Hosts, authority: Pebble, zones: Zones) -> None:
    domain = delegated("shop")
    before = authority.issued_count()
    issuance = work_out(begin(domain, domain.host, f"*.{domain.host}"))
    assert issuance.state == State.ISSUED, issuance.error_params
    assert issuance.certificate is not None
    assert issuance.certificate.names == [domain.host, f"*.{domain.host}"]
    assert authority.issued_count() == before + 1
    rows = list(issuance.authorizations.all())
    target = target_of(Delegation.unscoped.get(host=domain.host))
    assert {row.alias for row in rows} == {target}
    assert {entry["server"] for row in rows for entry in row.servers} == {RESPONDER_NAME}
    assert not ChallengeValue.unscoped.exists()
    assert values_of(target.partition(".")[0]) == []


def test_every_name_needs_its_own_cname(delegated: Hosts, zones: Zones) -> None:
    domain = delegated("part")
    names = (domain.host, f"www.{domain.host}")
    assert begin(domain, *names).solver == "manual"
    Issuance.unscoped.all().update(state=State.CANCELLED, run_after=None)
    hand_over(domain, f"www.{domain.host}", zones)
    issuance = work_out(begin(domain, *names))
    assert (issuance.solver, issuance.state) == ("delegated", State.ISSUED), issuance.error_params


def test_two_issuances_at_one_name_at_once(delegated: Hosts) -> None:
    domain = delegated("twice")
    first = begin(domain, domain.host)
    second = begin(domain, domain.host, f"*.{domain.host}")
    jobs.run_due("issuance")
    for issuance in (first, second):
        done = work_out(issuance)
        assert done.state == State.ISSUED, (done.error_code, done.error_params)
    assert not ChallengeValue.unscoped.exists()


def test_a_cname_that_is_gone_is_missed_and_stops_before_the_ca(
    delegated: Hosts, zones: Zones, authority: Pebble, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = delegated("gone")
    row = Delegation.unscoped.get(host=domain.host)
    zones.remove(name_of(row), "CNAME")
    issuance = begin(domain, domain.host)
    assert issuance.solver == "delegated"
    jobs.run_due("issuance")
    issuance.refresh_from_db()
    assert issuance.step == Issuance.Step.CHECK_RECORDS, "the CA's one look is not spent"
    Issuance.unscoped.filter(pk=issuance.pk).update(
        step_at=clock.now().replace(year=2020), run_after=clock.now(), lease_until=None
    )
    issuance = work_out(issuance)
    assert (issuance.state, issuance.error_code) == (State.FAILED, "dns_txt_not_found")
    assert not ChallengeValue.unscoped.exists(), "nothing is left behind after a failure either"
    Delegation.unscoped.filter(pk=row.pk).update(run_after=clock.now())
    jobs.run_due("delegation")
    assert Finding.unscoped.filter(domain=domain, code="delegation_gone", closed_at=None).exists()


def test_by_hand_through_a_cname_of_the_customers_own(portal: None, cast: Cast, zones: Zones) -> None:
    """The look asks the servers of the alias' end, as the CA does."""
    domain = verified_domain(cast.acme, f"hand.{CUSTOMER}", zones)
    issuance = start(domain, [domain.host])
    row = issuance.authorizations.get()
    zones.add(row.txt_name, "CNAME", f"first.{CUSTOMER}.")
    zones.add(f"first.{CUSTOMER}", "CNAME", f"proofs.{CUSTOMER}.")
    zones.add(f"proofs.{CUSTOMER}", "TXT", row.txt_value)
    look_at_records([row])
    assert (row.seen, row.alias) == ("seen", f"proofs.{CUSTOMER}")
    assert issue(issuance).state == State.ISSUED


def test_typical_mistakes_are_named(portal: None, cast: Cast, zones: Zones) -> None:
    domain = verified_domain(cast.acme, f"oops.{CUSTOMER}", zones)
    issuance = start(domain, [domain.host, f"*.{domain.host}"])
    first, second = issuance.authorizations.all()

    def mistakes() -> list[str]:
        look_at_records([first, second])
        return [first.mistake, second.mistake]

    assert mistakes() == ["", ""]
    zones.add(f"{first.txt_name}.{CUSTOMER}", "TXT", first.txt_value)
    assert mistakes() == ["doubled", ""]
    zones.add(first.txt_name, "TXT", "mmc-0123456789")
    assert mistakes() == ["verify_token"] * 2
    zones.remove(first.txt_name, "TXT")
    zones.add(first.txt_name, "TXT", first.txt_value)
    assert mistakes() == ["", "one_of_two"]
    zones.remove(first.txt_name, "TXT")
    zones.add(first.txt_name, "TXT", "x" * 43)
    assert mistakes() == ["old_value"] * 2
    zones.remove(first.txt_name, "TXT")
    publish(issuance, zones)
    assert mistakes() == ["", ""]
    assert issue(issuance).state == State.ISSUED


def test_aliases_in_a_circle_end(portal: None, zones: Zones) -> None:
    zones.add(f"one.{CUSTOMER}", "CNAME", f"two.{CUSTOMER}.")
    zones.add(f"two.{CUSTOMER}", "CNAME", f"one.{CUSTOMER}.")
    answers = egress.lookup_txt(f"one.{CUSTOMER}", egress.Deadline(10))
    assert {answer.error for answer in answers} == {"alias_loop"}
    assert {answer.server for answer in answers} == {f"ns1.{CUSTOMER}", f"ns2.{CUSTOMER}"}


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_it_renews_by_itself_three_times_in_real_time(delegated: Hosts, zones: Zones, settings: Any) -> None:
    """Certificates that live for a minute: each successor is there before the end, and nobody has done anything."""
    domain = delegated("forever")
    with pebble(zones.of_ca, Manners(profiles={"classic": 60})) as hurried:
        use_ca(settings, hurried, zones)
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.DNS, auto_renew=True))
        wait_until(lambda: _renewed(domain) >= 4, seconds=240, what="three renewals")
    rows = list(Certificate.unscoped.filter(domain=domain).order_by("created_at"))
    assert all(new.created_at < old.not_after for old, new in itertools.pairwise(rows))
    assert len({row.private_key_id for row in rows}) == len(rows)
    assert set(Issuance.unscoped.filter(domain=domain).values_list("solver", "state")) >= {("delegated", "issued")}
    assert not Issuance.unscoped.filter(domain=domain, state="failed").exists()
    assert Renewal.unscoped.get(domain=domain).failures == 0


def _renewed(domain: Domain) -> int:
    """What the worker does at each of its ticks; how many certificates there are by now."""
    for kind in ("renewal", "issuance"):
        jobs.run_due(kind)
    return Certificate.unscoped.filter(domain=domain).count()
