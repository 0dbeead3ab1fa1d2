"""The calendar of expiries is RFC 5545 to the letter, whatever stands in names and certificates."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.feeds.calendar import calendar_lines, escape, fold
from domains.models import Domain, DomainTag, Inspection, Visit
from tests.cast import Cast, make_cast
from tests.unit.domains.ics import Component, read_calendar

ENDS = datetime(2026, 12, 23, 23, 30, tzinfo=UTC)
SEEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def serve(cast: Cast, host: str, ends: datetime | None = ENDS, *, port: int = 443, issuer: str = "R12") -> Domain:
    """A domain as a visit leaves it that saw a certificate."""
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host, port=port)
    inspection = Inspection(
        workspace=cast.acme, domain=domain, seen_at=SEEN, chain_sha256="c" * 64, fingerprint_sha256=uuid.uuid4().hex * 2
    )
    inspection.save()
    Domain.unscoped.filter(pk=domain.pk).update(expires_at=ends, state="ok", verified_at=SEEN)
    Visit.unscoped.filter(domain=domain).update(inspection=inspection, not_after=ends, issuer_name=issuer)
    return domain


def read(cast: Cast, tag: str = "") -> Component:
    cast.acme.refresh_from_db()
    return read_calendar(b"".join(calendar_lines(cast.acme, tag)))


@pytest.mark.django_db
def test_an_expiry_is_an_event_on_its_day_with_an_alarm(cast: Cast) -> None:
    domain = serve(cast, "www.forge.org", issuer="Let's Encrypt; R12, X\\1\nBEGIN:VEVENT\r\x07")
    (event,) = read(cast).called("VEVENT")
    assert event.properties["DTSTART;VALUE=DATE"] == "20261223"
    assert event.properties["DTSTAMP"] == "20261120T080000Z"
    assert event.properties["SUMMARY"] == "Certificate expires: www.forge.org"
    assert "23:30 UTC on 23 December 2026" in event.properties["DESCRIPTION"]
    assert "Issued by Let's Encrypt; R12, X\\1\nBEGIN:VEVENT\n" in event.properties["DESCRIPTION"]
    assert event.properties["URL"].endswith(f"/domains/{domain.pk}/")
    (alarm,) = event.called("VALARM")
    assert (alarm.properties["ACTION"], alarm.properties["TRIGGER"]) == ("DISPLAY", "-P14D")
    assert alarm.properties["DESCRIPTION"]


@pytest.mark.django_db
def test_nobody_is_alarmed_about_what_is_not_verified(cast: Cast) -> None:
    domain = serve(cast, "www.forge.org")
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=None, state="unverified")
    assert read(cast).called("VEVENT") == []


@pytest.mark.django_db
def test_the_workspaces_time_zone_decides_the_day(cast: Cast) -> None:
    serve(cast, "www.forge.org")
    type(cast.acme).objects.filter(pk=cast.acme.pk).update(time_zone="Europe/Berlin")
    assert read(cast).called("VEVENT")[0].properties["DTSTART;VALUE=DATE"] == "20261224"


@pytest.mark.django_db
def test_a_name_is_shown_both_ways_with_its_port(cast: Cast) -> None:
    serve(cast, "xn--mnchen-3ya.forge.org", port=8443)
    (event,) = read(cast).called("VEVENT")
    assert event.properties["SUMMARY"] == "Certificate expires: münchen.forge.org:8443 (xn--mnchen-3ya.forge.org)"


@pytest.mark.django_db
def test_another_certificate_is_another_event_and_the_same_one_stays(cast: Cast) -> None:
    domain = serve(cast, "www.forge.org")
    first = read(cast).called("VEVENT")[0].properties["UID"]
    with clock.shifted(timedelta(hours=3)):
        assert read(cast).called("VEVENT")[0].properties["UID"] == first
    Inspection.unscoped.filter(domain=domain).update(fingerprint_sha256="f" * 64)
    assert read(cast).called("VEVENT")[0].properties["UID"] != first


@pytest.mark.django_db
def test_the_same_domains_give_the_same_octets(cast: Cast) -> None:
    for number in range(5):
        serve(cast, f"www{number}.forge.org")
    assert b"".join(calendar_lines(cast.acme)) == b"".join(calendar_lines(cast.acme))


@pytest.mark.django_db
def test_what_never_ends_or_serves_nothing_is_not_in_it(cast: Cast) -> None:
    serve(cast, "endless.forge.org", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    serve(cast, "nothing.forge.org", None)
    calendar = read(cast)
    assert calendar.called("VEVENT") == []
    assert calendar.properties["X-WR-CALNAME"] == "Certificates of Acme"


@pytest.mark.django_db
def test_a_tag_narrows_it(cast: Cast) -> None:
    tagged = serve(cast, "shop.forge.org")
    serve(cast, "www.forge.org")
    DomainTag.unscoped.create(workspace=cast.acme, domain=tagged, name="shop")
    assert [event.properties["SUMMARY"] for event in read(cast, "shop").called("VEVENT")] == [
        "Certificate expires: shop.forge.org"
    ]


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize("count", [1200, pytest.param(10_000, marks=pytest.mark.proof)])
def test_all_domains_are_one_calendar(cast: Cast, count: int) -> None:
    fill(cast, count)
    octets = b"".join(calendar_lines(cast.acme))
    assert len({event.properties["UID"] for event in read_calendar(octets).called("VEVENT")}) == count


def fill(cast: Cast, count: int) -> None:
    """Domains that nobody added one by one."""
    domains = [
        Domain(
            workspace=cast.acme,
            host=f"h{number}.forge.org",
            expires_at=ENDS + timedelta(hours=number),
            state="ok",
            verified_at=SEEN,
        )
        for number in range(count)
    ]
    Domain.unscoped.bulk_create(domains, batch_size=1000)
    seen = {"seen_at": SEEN, "chain_sha256": "c" * 64, "workspace": cast.acme}
    found = [Inspection(domain=domain, fingerprint_sha256=domain.pk.hex * 2, **seen) for domain in domains]
    Inspection.unscoped.bulk_create(found, batch_size=1000)
    Visit.unscoped.bulk_create(
        [Visit(workspace=cast.acme, domain=one.domain, inspection=one, issuer_name="R12") for one in found],
        batch_size=1000,
    )


@given(st.text(max_size=300))
@example("ü" * 200)
@example("x" + "ü" * 200)
@example("€" * 200)
@example("xx" + "🙂" * 100)
def test_any_text_is_folded_between_characters_and_comes_back(text: str) -> None:
    line = f"SUMMARY:{escape(text.encode('utf-8', 'replace').decode())}"
    folded = fold(line)
    assert all(len(piece.decode().encode()) <= 75 for piece in folded.split(b"\r\n"))
    assert folded.decode().removesuffix("\r\n").replace("\r\n ", "") == line
