"""Expiries as iCalendar (RFC 5545): an all-day event per domain, on the day its certificate ends."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Workspace
from domains.models import Domain

# Subscribers fetch the whole every few hours.
EVENTS_AT_MOST = 20_000
ALARM_DAYS = 14
LINE_OCTETS = 75
# RFC 5280 4.1.2.5: 9999-12-31 means that there is no end, and no calendar can add a day to it.
_NO_END = datetime(9999, 1, 1, tzinfo=UTC)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_READ = (
    *("host", "port", "protocol", "expires_at", "workspace_id", "visit__issuer_name"),
    *("visit__inspection__fingerprint_sha256", "visit__inspection__seen_at"),
)
# A calendar without any component is none (RFC 5545 3.6): an empty one says at least which zone it is in.
_EMPTY = (
    *("BEGIN:VTIMEZONE", "TZID:UTC", "BEGIN:STANDARD", "DTSTART:19700101T000000"),
    *("TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD", "END:VTIMEZONE"),
)


def expiring_domains(workspace: Workspace, tag: str = "") -> QuerySet[Domain]:
    """The domains whose certificate's end is known, the next to end first, at most EVENTS_AT_MOST.

    Verified ones: the others are looked at when somebody asks, so their date may be long past, and each event has
    an alarm.
    """
    rows = Domain.objects.for_workspace(workspace).filter(expires_at__lt=_NO_END, verified_at__isnull=False)
    if tag:
        rows = rows.filter(tag_rows__name=tag)
    return rows.select_related("visit__inspection").only(*_READ).order_by("expires_at", "id")[:EVENTS_AT_MOST]


def calendar_lines(workspace: Workspace, tag: str = "") -> Iterator[bytes]:
    """The file line by line, folded, each with its CRLF. Reads the database in pieces while it goes.

    The same domains give the same octets: `DTSTAMP` is when the certificate was first seen, not the time of asking.
    """
    title = f"Certificates of {workspace.name}" + (f" ({tag})" if tag else "")
    zone = ZoneInfo(workspace.time_zone)
    yield from map(fold, _head(title))
    is_empty = True
    for domain in expiring_domains(workspace, tag).iterator(chunk_size=500):
        if domain.expires_at:
            is_empty = False
            yield from map(fold, event_lines(domain, domain.expires_at, zone))
    yield from map(fold, (*(_EMPTY if is_empty else ()), "END:VCALENDAR"))


def _head(title: str) -> Iterable[str]:
    return (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{escape(settings.SITE_NAME)}//Certificate expiries//EN",
        "CALSCALE:GREGORIAN",
        # RFC 7986's names, and what programs that are older than it read.
        f"NAME:{escape(title)}",
        f"X-WR-CALNAME:{escape(title)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
    )


def event_lines(domain: Domain, expires_at: datetime, zone: ZoneInfo) -> Iterable[str]:
    """One VEVENT, not yet folded; `domain` with its visit and inspection loaded.

    The workspace's time zone decides the day. Another certificate is another event, so that a calendar that
    keeps what it once read moves nothing.
    """
    inspection = domain.visit.inspection
    ends = expires_at.astimezone(UTC)
    told_apart = inspection.fingerprint_sha256[:24] if inspection else f"{ends:%Y%m%dT%H%M%SZ}"
    seen_at = (inspection.seen_at if inspection else expires_at).astimezone(UTC)
    page = reverse("domains:domain-overview", args=[domain.workspace_id, domain.pk])
    summary = f"Certificate expires: {_named(domain)}"
    return (
        "BEGIN:VEVENT",
        f"UID:{domain.pk}-{told_apart}@{settings.SITE_HOST}",
        f"DTSTAMP:{seen_at:%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{expires_at.astimezone(zone):%Y%m%d}",
        f"SUMMARY:{escape(summary)}",
        f"DESCRIPTION:{escape(_details(domain, ends))}",
        f"URL:{settings.SITE_URL}{page}",
        "TRANSP:TRANSPARENT",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{escape(summary)}",
        f"TRIGGER:-P{ALARM_DAYS}D",
        "END:VALARM",
        "END:VEVENT",
    )


def _named(domain: Domain) -> str:
    """`münchen.example:8443 (xn--mnchen-3ya.example)`; plain names once."""
    if domain.readable_host == domain.host:
        return domain.label
    return f"{domain.label.replace(domain.host, domain.readable_host, 1)} ({domain.host})"


def _details(domain: Domain, ends: datetime) -> str:
    issuer = domain.visit.issuer_name
    by = f" Issued by {issuer}." if issuer else ""
    return f"The certificate that {domain.label} serves ends at {ends:%H:%M} UTC on {ends.day} {ends:%B %Y}.{by}"


def escape(text: str) -> str:
    """TEXT as RFC 5545 3.3.11 has it; control characters, which it does not allow, are left out."""
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def fold(line: str) -> bytes:
    """One content line with its CRLF, cut into pieces of at most 75 octets between characters (3.1)."""
    octets = line.encode()
    pieces, start, room = [], 0, LINE_OCTETS
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        pieces.append(octets[start:end])
        start, room = end, LINE_OCTETS - 1  # the space at the beginning counts
    pieces.append(octets[start:])
    return b"\r\n ".join(pieces) + b"\r\n"
