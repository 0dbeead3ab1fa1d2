"""What a visit says about the website: a probe, or nothing. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from config.lib import jobs
from domains.models import Domain, Visit
from domains.state import TRIES_BEFORE_ALARM
from domains.tls import Observation
from domains.uptime.packing import Probe

# Ports whose protocol speaks first or takes a GET as an insult; anything else may be a website.
NO_WEBSITE = frozenset({21, 25, 110, 143, 389, 465, 587, 636, 853, 990, 993, 995, 3306, 5061, 5222, 5223, 5269, 5432})
# Ends of a visit that are of our making: nobody else found the site down.
NOT_LOOKED = frozenset({"visit_crashed", "egress_refused"})

SOURCE = "uptime"


def has_website(domain: Domain) -> bool:
    """Whether the domain's protocol and port may carry a website at all."""
    return domain.protocol == "tls" and domain.port not in NO_WEBSITE


def probe_of(visit: Visit, seen: Observation, began: datetime) -> Probe | None:
    """The probe that an observation amounts to; None: nothing was learned, or nobody may know it yet.

    A person who waits gets shorter limits than a slow site may need, so such a look can show that a
    site is up, never that it is down.
    """
    if not (visit.domain.is_verified and seen.target.http) or seen.outcome in NOT_LOOKED:
        return None
    at = began + timedelta(seconds=seen.waited)
    page = seen.page
    if page is None or page.status is None:
        return None if visit.priority == jobs.INTERACTIVE else Probe(at, None, 0, "")
    return Probe(at, page.status, page.milliseconds, page.scheme)


def count_failures(visit: Visit, probe: Probe | None) -> dict[str, Any]:
    """The visit's columns about its website after `probe`; nothing learned changes nothing."""
    if probe is None:
        return {"page_failures": visit.page_failures, "page_up_at": visit.page_up_at}
    if probe.is_up:
        return {"page_failures": 0, "page_up_at": probe.at}
    return {"page_failures": visit.page_failures + 1, "page_up_at": visit.page_up_at}


def is_first_failure(visit: Visit, columns: Mapping[str, Any]) -> bool:
    """A site that was up has just been found down, and a second try has to say whether it is."""
    failures = columns["page_failures"]
    return bool(columns["page_up_at"]) and visit.page_failures < failures < TRIES_BEFORE_ALARM


def is_site_down(columns: Mapping[str, Any]) -> bool:
    """Confirmed, and of a site that was up before: what never answered alarms nobody."""
    return bool(columns["page_up_at"]) and columns["page_failures"] >= TRIES_BEFORE_ALARM


def site_findings(domain: Domain, columns: Mapping[str, Any], probe: Probe) -> dict[str, tuple[str, dict[str, Any]]]:
    """What `replace_findings` takes for SOURCE, after a probe."""
    if not is_site_down(columns):
        return {}
    return {"site_down": ("critical", {"host": domain.label, "answer": said(probe)})}


def said(probe: Probe) -> str:
    """`HTTP 502 over HTTPS`, or `no answer`."""
    if probe.status is None:
        return "no answer"
    return f"HTTP {probe.status} over {probe.scheme.upper()}"
