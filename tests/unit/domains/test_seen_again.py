"""What a domain serves is kept once, however often it comes back; servers that take turns alarm nobody twice."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, x509
from domains.add import add_domain
from domains.api import show_fresh
from domains.conclusion import conclude
from domains.history import ALTERNATES_FOR, difference
from domains.models import Domain, Finding, Inspection, Visit
from domains.review import review_of
from domains.standing import refresh_state
from domains.tls import Observation, Target
from domains.visit import file_conclusions
from tests.cast import Cast, make_cast
from tests.unit.domains.forge import NOW, World, days, leaf
from tests.unit.domains.seen import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOST = "www.forge.org"
world = World()
ROOTS = x509.roots_of([world.root.der])
GOOD = [leaf([HOST], world.intermediate), world.intermediate.der]
OLD = [leaf([HOST], world.intermediate, lasts=(days(-90), days(-1))), world.intermediate.der]
THIRD = [leaf([HOST], world.intermediate, kind="P-384 leaf"), world.intermediate.der]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    made = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST)
    Domain.unscoped.filter(pk=made.pk).update(verified_at=clock.now())
    return made


def serve(
    domain: Domain, ders: Sequence[bytes], *, minutes: float = 0, tls: str = "TLS 1.3", cipher: str = ""
) -> Domain:
    """One visit, `minutes` after NOW, that finds these certificates, or nobody."""
    with clock.frozen(NOW + timedelta(minutes=minutes)):
        row = claimed(domain)
        seen = Observation(Target(HOST), "" if ders else "connect_refused", {"host": HOST, "port": 443})
        seen.ders, seen.tls_version, seen.cipher = tuple(ders), tls if ders else "", cipher
        file_conclusions([conclude(row, seen, clock.now(), ROOTS)])
    return Domain.unscoped.select_related("visit__inspection").get(pk=domain.pk)


def rows(domain: Domain) -> list[Inspection]:
    return list(Inspection.unscoped.filter(domain=domain).order_by("seen_at"))


def open_codes(domain: Domain) -> set[str]:
    return set(Finding.unscoped.filter(domain=domain, closed_at=None).values_list("code", flat=True))


def told(domain: Domain) -> list[str]:
    kinds = ("domain.certificate_changed", "domain.certificates_alternate", "finding.opened", "finding.closed")
    return list(
        Event.unscoped.filter(domain_id=domain.pk, kind__in=kinds).order_by("at", "pk").values_list("kind", flat=True)
    )


def test_a_certificate_that_comes_back_is_the_same_row(domain: Domain) -> None:
    serve(domain, GOOD)
    serve(domain, THIRD, minutes=15)
    back = serve(domain, GOOD, minutes=30)
    first, second = rows(domain)
    assert back.visit.inspection == first
    assert (first.times, second.times) == (2, 1)
    assert (first.seen_at, first.last_seen_at) == (NOW, NOW)
    assert second.last_seen_at == NOW + timedelta(minutes=15)
    assert back.visit.not_after == x509.certificate_facts(GOOD[0]).not_after
    assert back.visit.others == {}, "one return is an installation that was undone"


def test_two_servers_that_take_turns_write_two_rows_and_tell_it_once(domain: Domain) -> None:
    for turn in range(12):
        seen = serve(domain, (GOOD, OLD)[turn % 2], minutes=15 * turn)
    assert [row.times for row in rows(domain)] == [6, 6]
    events = told(domain)
    assert events.count("domain.certificates_alternate") == 1
    assert events.count("domain.certificate_changed") == 2, "the first change, and the way back that could be an undo"
    assert events.count("finding.closed") == 1, "of the undo; from then on nothing opens and closes with each turn"
    assert (seen.state, open_codes(domain)) == ("expired", {"expired", "certificates_alternate"})
    assert serve(domain, GOOD, minutes=200).state == "expired", "a part of the visitors meets the expired one"
    with clock.frozen(NOW + timedelta(minutes=200)):
        assert len(review_of(seen).alternates) == 1


def test_what_is_served_in_turn_decides_wherever_the_state_is_computed(domain: Domain) -> None:
    for turn in range(5):
        seen = serve(domain, (OLD, GOOD)[turn % 2], minutes=15 * turn)
    seen = serve(domain, GOOD, minutes=80)
    assert seen.state == "expired"
    with clock.frozen(NOW + timedelta(minutes=81)):
        refresh_state(seen)
    assert seen.state == "expired"


def test_after_a_day_without_a_turn_it_is_over(domain: Domain) -> None:
    for turn in range(6):
        serve(domain, (GOOD, OLD)[turn % 2], minutes=15 * turn)
    serve(domain, GOOD, minutes=100)
    later = serve(domain, GOOD, minutes=120 + ALTERNATES_FOR.total_seconds() / 60)
    assert (later.state, open_codes(domain), later.visit.others) == ("ok", set(), {})
    with clock.frozen(NOW + timedelta(days=2)):
        assert review_of(later).alternates == []


def test_three_servers_are_three_rows(domain: Domain) -> None:
    for turn in range(15):
        seen = serve(domain, (GOOD, OLD, THIRD)[turn % 3], minutes=15 * turn)
    assert len(rows(domain)) == 3
    assert len(seen.visit.others) == 2
    assert open_codes(domain) == {"expired", "certificates_alternate"}
    before = told(domain)
    for turn in range(15, 21):
        serve(domain, (GOOD, OLD, THIRD)[turn % 3], minutes=15 * turn)
    assert told(domain) == before


def test_the_last_good_verdict_stays_with_the_time_it_was_seen(domain: Domain) -> None:
    serve(domain, GOOD)
    serve(domain, [], minutes=15)
    gone = serve(domain, [], minutes=17)
    assert (gone.state, gone.visit.failures) == ("unreachable", 2)
    assert gone.visit.certificate_at == NOW
    shown = review_of(gone)
    assert (shown.certificate_at, shown.is_confirmed) == (NOW, True)
    assert shown.trouble is not None
    assert shown.served is not None


def test_the_connection_is_judged_with_the_certificate(domain: Domain) -> None:
    seen = serve(domain, GOOD, tls="TLS 1.0", cipher="AES128-SHA")
    assert seen.visit.inspection is not None
    assert [one["code"] for one in seen.visit.inspection.problems] == ["tls_outdated", "no_forward_secrecy"]
    assert open_codes(domain) == {"tls_outdated", "no_forward_secrecy"}
    assert serve(domain, GOOD, minutes=15, tls="TLS 1.2", cipher="ECDHE-ECDSA-AES128-GCM-SHA256").state == "ok"
    assert open_codes(domain) == set()


def test_the_protocol_on_the_page_is_that_of_the_latest_visit(domain: Domain) -> None:
    serve(domain, GOOD, tls="TLS 1.2", cipher="ECDHE-RSA-AES128-GCM-SHA256")
    seen = serve(domain, GOOD, minutes=15, tls="TLS 1.3", cipher="TLS_AES_128_GCM_SHA256")
    assert len(rows(domain)) == 1
    served = review_of(seen).served
    assert served is not None
    assert (served.tls_version, served.cipher) == ("TLS 1.3", "TLS_AES_128_GCM_SHA256")


def test_a_difference_names_what_changed_and_nothing_else(domain: Domain) -> None:
    serve(domain, GOOD)
    other = [leaf([HOST, "forge.org"], world.stranger_intermediate, kind="P-384 leaf"), world.stranger_intermediate.der]
    serve(domain, other, minutes=15)
    before, after = rows(domain)
    found = difference(before, after)
    assert found.is_other_certificate
    assert {one.what for one in found.changes} == {"Issuer", "Key", "Chain"}
    assert (found.names_added, found.names_removed) == (["forge.org"], [])
    assert [one["code"] for one in found.problems_new] == ["untrusted_chain"]
    assert difference(after, after).changes == []


def with_client_auth(domain: Domain, port: int) -> None:
    Domain.unscoped.filter(pk=domain.pk).update(port=port)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    serve(domain, [leaf([HOST], world.intermediate, usages=both), world.intermediate.der])


@pytest.mark.parametrize(("port", "expected"), [(5061, ["client_auth_gone"]), (587, ["client_auth_gone"]), (443, [])])
def test_a_server_that_may_be_a_client_is_told_when_its_certificate_no_longer_is(
    domain: Domain, port: int, expected: list[str]
) -> None:
    with_client_auth(domain, port)
    for minutes in (15, 30):
        seen = serve(domain, GOOD, minutes=minutes)
        assert seen.visit.inspection is not None
        assert [one["code"] for one in seen.visit.inspection.problems] == expected
    assert len(rows(domain)) == 2
    assert not Domain.unscoped.get(pk=domain.pk).needs_action
    assert seen.state == "ok"
    renewed = serve(domain, THIRD, minutes=45)
    assert renewed.visit.inspection is not None
    assert renewed.visit.inspection.problems == []


def test_a_visit_that_lost_its_lease_recalls_nothing(domain: Domain) -> None:
    serve(domain, GOOD)
    serve(domain, THIRD, minutes=15)
    with clock.frozen(NOW + timedelta(minutes=30)):
        row = claimed(domain)
        late = conclude(row, Observation(Target(HOST), ders=tuple(GOOD)), clock.now(), ROOTS)
        Visit.unscoped.filter(pk=row.pk).update(lease_token=None)
        file_conclusions([late])
    first, second = rows(domain)
    assert (first.times, second.last_seen_at) == (1, None)


def test_the_api_tells_the_findings_and_the_version_of_the_latest_visit(domain: Domain) -> None:
    serve(domain, GOOD, tls="TLS 1.1", cipher="ECDHE-RSA-AES128-SHA")
    shown = show_fresh(domain)
    assert shown["inspection"]["tls_version"] == "TLS 1.1"
    assert [one["code"] for one in shown["findings"]] == ["tls_outdated"]
