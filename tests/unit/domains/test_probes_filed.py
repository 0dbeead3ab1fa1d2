"""Each visit of a verified domain leaves one probe, once, and old ones go."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditlog.events import SYSTEM
from config.lib import clock, jobs
from domains.add import add_domain
from domains.conclusion import MOVING, SELDOM, Conclusion
from domains.models import Domain, ProbeDay, ProbeHour, Visit
from domains.tls import FrontPage
from domains.uptime.packing import unpack
from domains.uptime.reading import probes_of, year_of
from domains.visit import _target, file_conclusions
from tests.cast import Cast, make_cast
from tests.unit.domains.seen import claimed, looked, probe

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 11, 25, 12, 10, 5, tzinfo=UTC)
SLOW, BROKEN = FrontPage("http", 200, 450), FrontPage("https", 502, 12)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def add(cast: Cast, host: str = "www.forge.org", port: int = 443) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host, port=port)
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return Domain.unscoped.get(pk=domain.pk)


def kept(domain: Domain) -> list[tuple[int | None, int, str]]:
    probes = probes_of(domain, clock.now() - timedelta(days=400), clock.now())
    return [(one.status, one.milliseconds, one.scheme) for one in probes]


def test_probes_of_an_hour_share_a_row_and_are_counted_by_the_day(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOON):
        probe(domain)
    with clock.frozen(NOON + timedelta(minutes=15)):
        probe(domain, BROKEN)
    with clock.frozen(NOON + timedelta(hours=1)):
        probe(domain, SLOW)
        probe(domain, None)
        assert kept(domain) == [(200, 34, "https"), (502, 12, "https"), (200, 450, "http"), (None, 0, "")]
    first, second = ProbeHour.unscoped.order_by("hour")
    assert [one.at for one in unpack(first.hour, first.packed)] == [NOON, NOON + timedelta(minutes=15)]
    assert second.hour == datetime(2026, 11, 25, 13, tzinfo=UTC)
    day = ProbeDay.unscoped.get()
    assert (day.probes, day.up, day.milliseconds) == (4, 2, 484)
    assert (day.within_50, day.within_100, day.within_400, day.within_800) == (1, 0, 0, 1)


def test_a_visit_that_is_filed_twice_is_counted_once(cast: Cast) -> None:
    domain = add(cast)
    concluded = looked(claimed(domain), BROKEN)
    file_conclusions([concluded])
    file_conclusions([concluded])
    assert len(kept(domain)) == 1
    assert (ProbeDay.unscoped.get().probes, Visit.unscoped.get().page_failures) == (1, 1)


def test_the_result_of_a_worker_that_lost_its_lease_is_no_probe(cast: Cast) -> None:
    domain = add(cast)
    late = looked(claimed(domain), BROKEN)
    Visit.unscoped.update(lease_until=None)
    file_conclusions([looked(claimed(domain), SLOW)])
    file_conclusions([late])
    assert kept(domain) == [(200, 450, "http")]


def test_before_ownership_nothing_is_kept(cast: Cast) -> None:
    domain = add(cast)
    Domain.unscoped.update(verified_at=None)
    probe(domain)
    assert (ProbeHour.unscoped.count(), ProbeDay.unscoped.count()) == (0, 0)


@pytest.mark.parametrize("outcome", ["visit_crashed", "egress_refused"])
def test_what_we_did_not_look_at_is_no_downtime(cast: Cast, outcome: str) -> None:
    domain = add(cast)
    file_conclusions([looked(claimed(domain), None, outcome)])
    assert not ProbeHour.unscoped.exists()


def test_a_port_without_a_website_is_not_probed(cast: Cast) -> None:
    domain = add(cast, port=465)
    file_conclusions([looked(claimed(domain), None, http=False)])
    assert not ProbeHour.unscoped.exists()


def test_a_hurried_look_shows_that_a_site_is_up_but_never_that_it_is_down(cast: Cast) -> None:
    domain = add(cast)
    file_conclusions([looked(claimed(domain, priority=jobs.INTERACTIVE), None)])
    assert kept(domain) == []
    file_conclusions([looked(claimed(domain, priority=jobs.INTERACTIVE), SLOW)])
    assert kept(domain) == [(200, 450, "http")]


def test_probes_carry_the_moment_of_their_own_turn(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOON):
        file_conclusions([looked(claimed(domain), SLOW, waited=7.0)], began=NOON)
    (hour,) = ProbeHour.unscoped.all()
    assert [one.at for one in unpack(hour.hour, hour.packed)] == [NOON + timedelta(seconds=7)]


def test_each_column_of_a_visit_is_written_always_or_when_it_changes(cast: Cast) -> None:
    columns = looked(claimed(add(cast)), SLOW).columns
    assert sorted(columns) == sorted((*MOVING, *SELDOM))


def many(cast: Cast, count: int) -> list[Conclusion]:
    if not Domain.unscoped.exists():
        for number in range(count):
            add(cast, f"h{number}.forge.org")
    Visit.unscoped.update(run_after=clock.now(), priority=jobs.BACKGROUND)
    held = [row.pk for row in jobs.claim(jobs.kinds.get("visit"))]
    rows = Visit.unscoped.select_related("domain__workspace", "inspection").filter(pk__in=held)
    return [looked(row, SLOW) for row in rows]


def test_a_batch_is_filed_with_a_handful_of_statements_however_large(cast: Cast) -> None:
    with clock.frozen(NOON):
        file_conclusions(many(cast, 40))
        again = many(cast, 40)
        with CaptureQueriesContext(connection) as seen:
            file_conclusions(again)
    # A savepoint and its release, both locks, the visits, the hours, the days, the tally.
    assert len(seen) == 8, [query["sql"][:80] for query in seen]
    assert ProbeHour.unscoped.count() == 40
    assert set(ProbeDay.unscoped.values_list("probes", flat=True)) == {2}


def test_hours_older_than_a_month_and_days_older_than_a_year_go_with_the_first_probe_of_a_day(cast: Cast) -> None:
    domain, other = add(cast), add(cast, "other.forge.org")
    for days in (400, 31, 29, 0):
        with clock.frozen(NOON - timedelta(days=days)):
            probe(domain)
            if days == 400:
                probe(other)
    assert sorted((NOON.date() - hour.hour.date()).days for hour in ProbeHour.unscoped.filter(domain=domain)) == [0, 29]
    assert sorted((NOON.date() - day.day).days for day in ProbeDay.unscoped.filter(domain=domain)) == [0, 29, 31]
    assert ProbeHour.unscoped.filter(domain=other).count() == 1  # nobody has looked there since


def test_a_year_is_summed_up(cast: Cast) -> None:
    domain = add(cast)
    assert year_of(domain, NOON) is None
    for days, page in ((200, SLOW), (100, SLOW), (0, None)):
        with clock.frozen(NOON - timedelta(days=days)):
            probe(domain, page)
    year = year_of(domain, NOON)
    assert year is not None
    assert (year.percent, year.within, (NOON.date() - year.since).days) == (66.66, 800, 200)


def test_a_site_that_never_answered_has_no_response_time(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOON):
        probe(domain, None)
    year = year_of(domain, NOON)
    assert year is not None
    assert (year.percent, year.within) == (0.0, None)


def test_a_first_failure_is_tried_again_soon_and_only_once(cast: Cast) -> None:
    domain = add(cast)
    Visit.unscoped.update(failures=5)  # no certificate: that is tried again for reasons of its own
    with clock.frozen(NOON):
        assert probe(domain).page_up_at == NOON
        again = probe(domain, BROKEN)
        assert again.run_after == NOON + timedelta(seconds=60)
        second = probe(domain, BROKEN)
        assert second.page_failures == 2
        assert second.run_after is not None
        assert second.run_after > NOON + timedelta(seconds=60)


def test_a_failure_whose_second_try_saw_nothing_is_not_tried_for_ever(cast: Cast) -> None:
    domain = add(cast)
    Visit.unscoped.update(failures=5)
    with clock.frozen(NOON):
        probe(domain)
        probe(domain, BROKEN)
        file_conclusions([looked(claimed(domain), None, "egress_refused")])
        run_after = Visit.unscoped.get().run_after
    assert run_after is not None
    assert run_after > NOON + timedelta(seconds=60)


def test_plain_http_is_asked_beside_the_default_web_port_only() -> None:
    targets = {port: _target(Domain(host="www.forge.org", port=port)) for port in (443, 8443, 465)}
    assert {port: (target.http, target.plain_port) for port, target in targets.items()} == {
        443: (True, 80),
        8443: (True, None),
        465: (False, None),
    }
