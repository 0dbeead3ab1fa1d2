"""What the Overview and its neighbours say about ownership, changes, turns and revocation."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.models import Domain, Inspection, Ownership, RevocationList, RevocationWatch, Visit
from domains.ownership import ownership_of, records_of
from domains.revocation.watching import show_findings
from domains.tabs import tabs
from tests.cast import Cast, make_cast
from tests.unit.domains.forge import NOW, World, days, leaf
from tests.unit.domains.seen import see

pytestmark = pytest.mark.django_db

HOST = "www.forge.org"
world = World()
FIRST = [leaf([HOST, "old.forge.org"], world.intermediate), world.intermediate.der]
STRANGE = world.stranger_intermediate
SECOND = [leaf([HOST, "new.forge.org"], STRANGE, kind="P-384 leaf"), STRANGE.der]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    made = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST)
    Domain.unscoped.filter(pk=made.pk).update(verified_at=clock.now())
    return made


def opened(cast: Cast, domain: Domain, rest: str = "", user: Any = None) -> str:
    client = Client()
    client.force_login(user or cast.admin)
    answer = client.get(f"/w/{domain.workspace_id}/domains/{domain.pk}/{rest}")
    assert answer.status_code == 200
    return unescape(" ".join(answer.content.decode().split()))


def test_the_overview_shows_the_latest_change_as_a_difference(cast: Cast, domain: Domain) -> None:
    see(domain, FIRST)
    assert "This is the first certificate that was seen here" in opened(cast, domain)
    with clock.shifted(timedelta(hours=1)):
        see(domain, SECOND)
    shown = opened(cast, domain)
    assert "Another certificate is served than before" in shown
    assert "CN=Forge Intermediate,O=Forge</del>" in shown or "O=Forge,CN=Forge Intermediate</del>" in shown
    assert "ECDSA P-384</ins>" in shown
    assert "<ins>new.forge.org</ins>" in shown
    assert "<del>old.forge.org</del>" in shown


def test_the_history_has_every_certificate_once_in_pages(cast: Cast, domain: Domain) -> None:
    assert "No certificate was seen yet" in opened(cast, domain, "history/")
    for number in range(23):
        with clock.frozen(NOW + timedelta(minutes=number)):
            see(
                domain, [leaf([HOST], world.intermediate, lasts=(days(-10), days(80 + number))), world.intermediate.der]
            )
    first, second = opened(cast, domain, "history/"), opened(cast, domain, "history/?page=2")
    assert first.count("Another certificate") == 20, "the last of a page is compared with the first of the next"
    assert (second.count("Another certificate"), second.count("The first certificate")) == (2, 1)
    assert first.count("Served now") == 1
    assert "Served now" not in second
    assert "of 23" in first


def test_a_turn_is_told_on_the_overview_and_counted_in_the_history(cast: Cast, domain: Domain) -> None:
    for turn in range(5):
        with clock.shifted(timedelta(minutes=turn)):
            see(domain, (FIRST, SECOND)[turn % 2])
    assert "Another certificate is served in turn with this one" in opened(cast, domain)
    assert "came back 2 times" in opened(cast, domain, "history/")


def test_ownership_says_what_was_seen_where_and_when_it_is_read_again(cast: Cast, domain: Domain) -> None:
    see(domain, FIRST)
    proof = ownership_of(domain)
    wanted = records_of(proof)[0]
    seen = [
        {"server": "ns1.dns.org", "values": [wanted.value], "error": ""},
        {"server": "ns2.dns.org", "values": None, "error": "timeout"},
    ]
    check = {"method": "txt", "name": wanted.name, "expected": wanted.value, "seen": seen}
    now = clock.now()
    told: dict[str, Any] = {"checks": [check], "checked_at": now - timedelta(hours=2), "proven_at": now}
    Ownership.unscoped.filter(pk=proof.pk).update(run_after=now + timedelta(hours=22, minutes=1), **told)
    shown = opened(cast, domain)
    assert "ns1.dns.org" in shown
    assert "no answer in time" in shown
    assert "not looked for: the other record is there" in shown
    assert ">2 hours ago</time>, next" in shown
    assert ">in 22 hours</time>" in shown
    assert "Without it renewals stop after 30 days, because" in shown
    Ownership.unscoped.filter(pk=proof.pk).update(missing_since=now - timedelta(days=3), misses=4)
    assert "The record is missing" in opened(cast, domain)


def test_before_ownership_every_tab_is_there_and_says_what_unlocks_it(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="later.forge.org")
    overview = opened(cast, domain)
    assert "without it renewals stop after 30 days, because" in overview
    for tab in tabs:
        assert f">{tab.label}<" in overview
    for rest in ("lets-encrypt/", "renew-deploy/", "uptime/", "activity/"):
        assert f"/domains/{domain.pk}/#ownership" in opened(cast, domain, rest), rest


def test_the_last_good_verdict_and_the_trouble_stand_together(cast: Cast, domain: Domain) -> None:
    see(domain, FIRST)
    with clock.shifted(timedelta(hours=5)):
        see(domain, [])
        assert "A second look follows within a minute" in opened(cast, domain)
        see(domain, [])
        shown = opened(cast, domain)
    assert "refused the connection on port 443" in shown
    assert "2 looks in a row have failed" in shown
    assert "Last certificate that was seen" in shown
    assert ">5 hours ago</time>, and is kept until another certificate is seen" in shown
    assert "CN=www.forge.org" in shown


def test_revocation_is_told_with_the_certificate(cast: Cast, domain: Domain) -> None:
    see(domain, FIRST)
    source = RevocationList.objects.create(url="http://crl/", issuer_sha256="x", issuer_der=b"", issuer_name="Forge")
    inspection = Inspection.unscoped.get()
    watch = RevocationWatch.unscoped.create(
        workspace=cast.acme, domain=domain, source=source, fingerprint_sha256=inspection.fingerprint_sha256, serial="1"
    )
    assert "list has not been read yet" in opened(cast, domain)
    RevocationWatch.unscoped.filter(pk=watch.pk).update(checked_at=clock.now())
    assert "not on the authority's list" in opened(cast, domain)
    RevocationWatch.unscoped.filter(pk=watch.pk).update(revoked_at=clock.now())
    show_findings(domain)
    shown = opened(cast, domain)
    assert "The certificate was revoked" in shown
    assert "</svg>Revoked" in shown


def test_a_member_sees_all_of_it_and_presses_nothing(cast: Cast, domain: Domain) -> None:
    see(domain, FIRST)
    assert (
        "<button"
        not in opened(cast, domain, user=cast.member).partition('id="addresses"')[2].partition("</section>")[0]
    )


def test_a_domain_whose_visit_never_ended_has_a_history_page(cast: Cast, domain: Domain) -> None:
    assert Visit.unscoped.get(domain=domain).inspection is None
    assert "No certificate was seen yet" in opened(cast, domain, "history/")
