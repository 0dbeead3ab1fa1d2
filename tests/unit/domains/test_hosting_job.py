"""The standing job: due when added, when asked for, when proven and weekly; what it writes and what it keeps."""

from datetime import timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Permanent
from domains import ownership
from domains.add import add_domain
from domains.hosting.detecting import (
    Site,
    ask_for_detection,
    doubt_detection,
    file_site,
    give_up,
    hosting_of,
    results_of,
    site_of,
)
from domains.hosting.evidence import facts_of_dns, facts_of_page
from domains.hosting.looking import Look, partner_of
from domains.models import Domain, Hosting
from tests.cast import Cast, make_cast
from tests.unit.domains.front_pages import HOST, hop

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST)


def site(*headers: str, is_proven: bool = False, page: str = "", **more: Any) -> Site:
    hops = [hop(*headers, page=page)]
    look = Look(facts=facts_of_page(hops, HOST), status=200, url=hops[-1].url)
    return Site(HOST, 443, is_proven, page=look, facts=look.facts, **more)


def claimed() -> Hosting:
    (row,) = jobs.claim(jobs.kinds.get("hosting"))
    assert isinstance(row, Hosting)
    return row


def events(kind: str) -> list[dict[str, Any]]:
    return [one.data for one in Event.unscoped.filter(kind=kind).order_by("at")]


def test_a_new_domain_is_looked_at_for_a_person_who_waits(domain: Domain) -> None:
    row = Hosting.unscoped.get(domain=domain)
    assert row.is_under_way
    assert row.priority == jobs.INTERACTIVE
    assert claimed().pk == row.pk


def test_what_was_seen_is_stored_and_a_stranger_is_not_looked_at_again(domain: Domain) -> None:
    row = claimed()
    file_site(row, site("Server: cloudflare", "CF-RAY: 1"), clock.now())
    stored = Hosting.unscoped.get(pk=row.pk)
    assert not stored.is_under_way
    assert stored.run_after is None
    assert stored.lease_token is None
    assert stored.error_code == ""
    (badge,) = stored.results["badges"]
    assert (badge["platform"], badge["layer"], badge["confidence"]) == ("cloudflare", "edge", 100)
    assert badge["because"][0] == "the header Cf-Ray is there"
    assert stored.results["path"] == "panel"


def test_a_proven_domain_is_looked_at_weekly(domain: Domain) -> None:
    Domain.unscoped.update(verified_at=clock.now())
    row = claimed()
    file_site(row, site("Server: nginx", is_proven=True), clock.now())
    due = Hosting.unscoped.get(pk=row.pk).run_after
    assert due is not None
    assert timedelta(days=3) < due - clock.now() < timedelta(days=11)


def test_proof_makes_a_closer_look_due(domain: Domain) -> None:
    file_site(claimed(), site("Server: nginx"), clock.now())
    assert jobs.claim(jobs.kinds.get("hosting")) == []
    _prove(domain)
    assert site_of(Domain.unscoped.get()).is_proven
    assert claimed().domain_id == domain.pk


def test_proof_during_a_look_is_followed_by_a_closer_one(domain: Domain) -> None:
    row = claimed()
    _prove(domain)
    file_site(row, site("Server: nginx", is_proven=False), clock.now())
    assert claimed().pk == row.pk


def _prove(domain: Domain) -> None:
    jobs.start_now(ownership.ownership_of(domain))
    (held,) = jobs.claim(jobs.kinds.get("ownership"))
    wanted = ownership.records_of(held)[0]
    seen = [{"server": "ns1", "values": [wanted.value], "error": ""}]
    look = {"method": "txt", "name": wanted.name, "expected": wanted.value, "seen": seen}
    ownership._file_proof(held, ownership.Look(clock.now(), [look]))


def test_who_asks_during_a_look_gets_another_one(domain: Domain) -> None:
    row, began = claimed(), clock.now()
    ask_for_detection(domain=domain)
    file_site(row, site("Server: nginx"), began)
    assert Hosting.unscoped.get().is_under_way
    assert claimed().pk == row.pk


def test_a_result_that_comes_too_late_is_dropped(domain: Domain) -> None:
    row = claimed()
    Hosting.unscoped.update(lease_token=None)
    file_site(row, site("Server: nginx"), clock.now())
    assert Hosting.unscoped.get().results == {}


def test_a_domain_without_a_row_gets_one_that_is_due(domain: Domain) -> None:
    Hosting.unscoped.all().delete()
    row = hosting_of(domain)
    assert not row.is_under_way
    assert hosting_of(domain).pk == row.pk == claimed().pk
    Hosting.unscoped.all().delete()
    assert ask_for_detection(domain=domain).is_under_way


def test_a_move_is_an_event_and_an_outage_is_none(domain: Domain) -> None:
    looks = [
        site("Server: nginx"),
        Site(HOST, 443, is_proven=False, page=Look(error=NeedsUser("egress_refused", host=HOST))),
        site("Server: nginx"),
        site("Server: nginx"),
        site("Server: Vercel"),
    ]
    for one in looks:
        ask_for_detection(domain=domain)
        file_site(claimed(), one, clock.now())
    assert events("domain.hosting_changed") == [{"before": "Nginx", "after": "Vercel"}]


def test_the_reason_why_there_was_no_page_is_kept(domain: Domain) -> None:
    error = NeedsUser("egress_refused", host=HOST)
    file_site(claimed(), Site(HOST, 443, is_proven=False, page=Look(error=error)), clock.now())
    stored = Hosting.unscoped.get()
    assert (stored.error_code, stored.error_params) == ("egress_refused", {"host": HOST})
    assert stored.results["outcome"] == "no_answer"


def test_a_look_that_kills_its_worker_ends_with_words(domain: Domain) -> None:
    give_up(claimed(), Permanent("job_quarantined", claims=6))
    stored = Hosting.unscoped.get()
    assert (stored.error_code, stored.run_after, stored.is_under_way) == ("job_quarantined", None, False)


def test_a_proven_domain_is_looked_at_weekly_after_that_too(domain: Domain) -> None:
    row = claimed()
    Domain.unscoped.update(verified_at=clock.now())
    give_up(row, Permanent("job_quarantined", claims=6))
    run_after = Hosting.unscoped.get().run_after
    assert run_after is not None
    assert timedelta(days=3) < run_after - clock.now() < timedelta(days=11)


def test_nul_in_a_strangers_answer_is_stored_as_something_else(domain: Domain) -> None:
    row = claimed()
    seen = site("Server: nginx\0", "X-Generator: Drupal\0")
    file_site(row, Site(**{**vars(seen), "page": Look(**{**vars(seen.page), "distrust": "a\0b"})}), clock.now())
    assert "\0" not in str(Hosting.unscoped.get().results)


def test_doubt_is_kept_through_the_next_look_and_can_be_taken_back(domain: Domain, cast: Cast) -> None:
    doubt_detection(domain=domain, actor=SYSTEM, is_doubted=True)
    doubt_detection(domain=domain, actor=SYSTEM, is_doubted=True)
    file_site(claimed(), site("powered-by: Shopify"), clock.now())
    assert Hosting.unscoped.get().is_doubted
    doubt_detection(domain=domain, actor=SYSTEM, is_doubted=False)
    assert not Hosting.unscoped.get().is_doubted
    assert (len(events("domain.detection_doubted")), len(events("domain.detection_trusted"))) == (1, 1)


def test_a_mail_port_is_looked_at_where_the_site_usually_is(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST, port=465)
    assert site_of(domain).port == 443
    Domain.unscoped.update(port=8443)
    assert site_of(Domain.unscoped.get()).port == 8443


@pytest.mark.parametrize(
    ("host", "partner"),
    [
        ("forge.org", "www.forge.org"),
        ("www.forge.org", "forge.org"),
        ("forge.co.uk", "www.forge.co.uk"),
        ("www.forge.co.uk", "forge.co.uk"),
        ("shop.forge.org", ""),
        ("www.shop.forge.org", ""),
    ],
)
def test_the_bare_name_and_its_www_are_partners(host: str, partner: str) -> None:
    assert partner_of(host) == partner


def test_a_zone_at_cloudflare_that_is_not_proxied_is_told() -> None:
    seen = site("Server: nginx")
    seen.facts = [*seen.facts, *facts_of_dns([], ["ada.ns.cloudflare.com"], ["203.0.113.9"])]
    assert [one["code"] for one in results_of(seen)["notes"]] == ["hosting_dns_at_cloudflare"]


def test_the_vendors_cloudflare_is_told() -> None:
    seen = site("Server: cloudflare", "CF-RAY: 1", "powered-by: Shopify")
    assert [one["code"] for one in results_of(seen)["notes"]] == ["hosting_cloudflare_is_vendors"]
