"""From a due row to what it means: claimed, observed, judged and written, on both databases."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pytest_django import DjangoAssertNumQueries, Settings

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, jobs
from domains.add import add_domain
from domains.models import Domain, Finding, Inspection, ProbeDay, Visit
from domains.uptime.reading import probes_of
from domains.visit import ask_for_visit, visit_due
from tests.cast import Cast, make_cast
from tests.servers.ca import Issued, TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.tls import PAGE, listener, server_context, tls_server

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOST = "www.forge.org"


@pytest.fixture(scope="module")
def authority() -> TestCa:
    return TestCa()


@dataclass
class Street:
    """A name server for all names, and servers that the test puts up."""

    stack: ExitStack
    authority: TestCa

    def serve(self, issued: Issued, answer: bytes = PAGE) -> int:
        ders = [one.public_bytes(Encoding.DER) for one in (issued.certificate, *issued.chain)]
        return self.stack.enter_context(tls_server(server_context(ders, issued.key_pem), answer))


@pytest.fixture
def street(dns_server: ChallengeDns, settings: Settings, tmp_path: Path, authority: TestCa) -> Iterator[Street]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(authority.root_pem)
    settings.TLS_EXTRA_CA_BUNDLE = str(bundle)
    with ExitStack() as stack:
        yield Street(stack, authority)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def add(cast: Cast, port: int, host: str = HOST, *, verified: bool = True) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host, port=port)
    if verified:
        Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def fresh(domain: Domain) -> Domain:
    return Domain.unscoped.select_related("visit__inspection").get(pk=domain.pk)


def look_again(domain: Domain) -> Domain:
    ask_for_visit(domain=domain)
    jobs.run_due("visit")
    return fresh(domain)


def closes(connection: object) -> None:
    """A server that says nothing and is gone."""


def open_codes(domain: Domain) -> set[str]:
    return set(Finding.unscoped.filter(domain=domain, closed_at=None).values_list("code", flat=True))


def events(kind: str) -> int:
    return Event.unscoped.filter(kind=kind).count()


def test_a_healthy_host_is_ok_and_due_again_by_the_interval(street: Street, cast: Cast) -> None:
    issued = street.authority.issue([HOST])
    domain = add(cast, street.serve(issued))
    jobs.run_due("visit")
    seen = fresh(domain)
    visit = seen.visit
    assert (seen.state, seen.urgency) == ("ok", 9)
    assert visit.inspection is not None
    assert visit.inspection.fingerprint_sha256 == issued.fingerprint
    assert visit.inspection.is_trusted
    assert [link["role"] for link in visit.inspection.chain] == ["leaf", "intermediate", "root"]
    assert visit.not_after == seen.expires_at == issued.certificate.not_valid_after_utc
    assert (visit.error_code, visit.failures, visit.lease_token, visit.priority) == ("", 0, None, 5)
    assert (visit.page_scheme, visit.page_status) == ("https", 200)
    assert visit.run_after is not None
    wait = visit.run_after - clock.now()
    assert timedelta(minutes=7) < wait < timedelta(minutes=23)
    assert open_codes(domain) == set()


def test_problems_become_findings_of_a_verified_domain_and_go_with_it(street: Street, cast: Cast) -> None:
    domain = add(cast, street.serve(street.authority.issue(["mail.forge.org"])))
    jobs.run_due("visit")
    assert fresh(domain).state == "problem"
    assert fresh(domain).needs_action
    assert open_codes(domain) == {"name_mismatch"}
    Domain.unscoped.filter(pk=domain.pk).update(port=street.serve(street.authority.issue([HOST])))
    assert look_again(domain).state == "ok"
    assert not fresh(domain).needs_action
    assert open_codes(domain) == set()
    assert (events("finding.opened"), events("finding.closed")) == (1, 1)
    assert events("domain.certificate_changed") == 1
    assert Inspection.unscoped.filter(domain=domain).count() == 2


def test_an_unverified_domain_is_looked_at_but_nothing_is_filed(street: Street, cast: Cast) -> None:
    domain = add(cast, street.serve(street.authority.issue(["mail.forge.org"])), verified=False)
    jobs.run_due("visit")
    seen = fresh(domain)
    assert seen.state == "unverified"
    assert seen.visit.inspection is not None
    assert [problem["code"] for problem in seen.visit.inspection.problems] == ["name_mismatch"]
    assert open_codes(domain) == set()
    assert seen.visit.run_after == domain.created_at + timedelta(days=7)


def test_an_unchanged_host_writes_nothing_but_its_visit(street: Street, cast: Cast) -> None:
    domain = add(cast, street.serve(street.authority.issue([HOST])))
    jobs.run_due("visit")
    before = Event.unscoped.count()
    look_again(domain)
    assert Inspection.unscoped.count() == 1
    assert Event.unscoped.exclude(kind="domain.inspection_asked").count() == before


def test_a_whole_batch_is_written_with_a_constant_number_of_queries(
    street: Street, cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    port = street.serve(street.authority.issue([f"h{n}.forge.org" for n in range(30)]))
    for number in range(30):
        add(cast, port, f"h{number}.forge.org")
    jobs.run_due("visit")
    Visit.unscoped.update(run_after=clock.now())
    claimed = jobs.claim(jobs.kinds.get("visit"))
    assert len(claimed) == 30
    # The workspaces' own roots; savepoint, both read anew, one UPDATE, hours and days
    # of probes, the tally, release.
    with django_assert_num_queries(9):
        visit_due(claimed)
    assert set(Domain.unscoped.values_list("state", flat=True)) == {"ok"}


def test_unreachable_only_after_a_second_try_and_the_last_good_verdict_stays(street: Street, cast: Cast) -> None:
    port = street.serve(street.authority.issue([HOST]))
    domain = add(cast, port)
    jobs.run_due("visit")
    inspection = fresh(domain).visit.inspection
    with listener(closes) as closing:
        Domain.unscoped.filter(pk=domain.pk).update(port=closing)
        first = look_again(domain)
        assert (first.state, first.visit.failures, first.visit.error_code) == ("ok", 1, "tls_handshake_failed")
        assert first.visit.run_after is not None
        assert first.visit.run_after - clock.now() < timedelta(seconds=61)
        with clock.shifted(timedelta(seconds=62)):
            jobs.run_due("visit")
    second = fresh(domain)
    assert (second.state, second.needs_action) == ("unreachable", True)
    assert open_codes(domain) == {"tls_handshake_failed"}
    assert second.visit.inspection == inspection
    Domain.unscoped.filter(pk=domain.pk).update(port=port)
    assert look_again(domain).state == "ok"
    assert open_codes(domain) == set()


def test_a_host_that_never_served_a_certificate_alarms_nobody(street: Street, cast: Cast) -> None:
    with listener(closes) as port:
        domain = add(cast, port)
        jobs.run_due("visit")
        assert look_again(domain).state == "no_certificate"
    assert open_codes(domain) == set()
    assert fresh(domain).visit.error_code == "tls_handshake_failed"


def test_a_result_is_dropped_when_somebody_else_has_the_row_by_then(street: Street, cast: Cast) -> None:
    domain = add(cast, street.serve(street.authority.issue([HOST])))
    claimed = jobs.claim(jobs.kinds.get("visit"))
    stolen = "11111111-1111-1111-1111-111111111111"
    Visit.unscoped.update(lease_token=stolen)
    visit_due(claimed)
    seen = fresh(domain)
    assert (seen.visit.visited_at, str(seen.visit.lease_token)) == (None, stolen)
    assert not Inspection.unscoped.exists()


def test_a_domain_deleted_during_its_visit_takes_nobody_down(street: Street, cast: Cast) -> None:
    port = street.serve(street.authority.issue([HOST, "a.forge.org"]))
    gone, kept = add(cast, port), add(cast, port, "a.forge.org")
    claimed = jobs.claim(jobs.kinds.get("visit"))
    Domain.unscoped.get(pk=gone.pk).delete()
    visit_due(claimed)
    assert fresh(kept).state == "ok"


def test_a_domain_nobody_verified_for_a_week_goes_away(street: Street, cast: Cast) -> None:
    port = street.serve(street.authority.issue([HOST, "a.forge.org"]))
    add(cast, port, verified=False)
    kept = add(cast, port, "a.forge.org")
    jobs.run_due("visit")
    with clock.shifted(timedelta(days=7, seconds=1)):
        jobs.run_due("visit")
    assert list(Domain.unscoped.all()) == [kept]
    assert events("domain.purged") == 1


def test_the_interval_of_the_workspace_decides(street: Street, cast: Cast) -> None:
    cast.acme.monitor_interval_minutes = 1
    cast.acme.save(update_fields=["monitor_interval_minutes"])
    domain = add(cast, street.serve(street.authority.issue([HOST])))
    jobs.run_due("visit")
    run_after = fresh(domain).visit.run_after
    assert run_after is not None
    assert run_after - clock.now() <= timedelta(seconds=91)


def test_visits_need_no_encryption_key(street: Street, cast: Cast, settings: Settings) -> None:
    domain = add(cast, street.serve(street.authority.issue([HOST])))
    settings.SECRETS_ENCRYPTION_KEYS = ()
    jobs.run_due("visit")
    assert fresh(domain).state == "ok"


def test_one_slow_host_holds_nobody_who_waits_at_the_page(street: Street, cast: Cast) -> None:
    """Background rows of the same claim come after the interactive ones are written."""

    def sleeps(connection: object) -> None:
        time.sleep(4)

    with listener(sleeps) as slow_port:
        slow = add(cast, slow_port, "slow.forge.org")
        Visit.unscoped.filter(domain=slow).update(priority=jobs.BACKGROUND)
        quick = add(cast, street.serve(street.authority.issue([HOST])))
        jobs.run_due("visit")
    began = fresh(slow).visit.visited_at
    assert began is not None
    assert Inspection.unscoped.get(domain=quick).seen_at <= began


def schedule(domain: Domain) -> Domain:
    """A look that nobody waits for."""
    Visit.unscoped.filter(domain=domain).update(run_after=clock.now(), priority=jobs.BACKGROUND)
    jobs.run_due("visit")
    return fresh(domain)


def probed(domain: Domain) -> list[tuple[int | None, str]]:
    found = probes_of(domain, clock.now() - timedelta(days=1), clock.now())
    return [(probe.status, probe.scheme) for probe in found]


def test_visits_of_a_website_leave_probes_and_tell_of_its_end(street: Street, cast: Cast) -> None:
    port = street.serve(street.authority.issue([HOST]))
    domain = add(cast, port)
    schedule(domain)
    assert probed(domain) == [(200, "https")]
    with listener(closes) as closing:
        Domain.unscoped.filter(pk=domain.pk).update(port=closing)
        schedule(domain)
        assert open_codes(domain) == set()
        schedule(domain)
    assert probed(domain) == [(200, "https"), (None, ""), (None, "")]
    assert open_codes(domain) == {"tls_handshake_failed", "site_down"}
    Domain.unscoped.filter(pk=domain.pk).update(port=port)
    schedule(domain)
    assert open_codes(domain) == set()
    assert ProbeDay.unscoped.filter(domain=domain, probes__gt=0).exists()


def test_a_certificate_that_is_fine_does_not_hide_a_broken_site(street: Street, cast: Cast) -> None:
    issued = street.authority.issue([HOST])
    domain = add(cast, street.serve(issued))
    schedule(domain)
    broken = street.serve(issued, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    Domain.unscoped.filter(pk=domain.pk).update(port=broken)
    first = schedule(domain)
    assert first.visit.run_after is not None
    assert first.visit.run_after - clock.now() < timedelta(seconds=61)
    assert schedule(domain).state == "ok"
    assert open_codes(domain) == {"site_down"}
    assert fresh(domain).needs_action
