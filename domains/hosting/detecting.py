"""The job that finds out what a domain is hosted on: look, judge, store. One path for button, adding and schedule."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from auditlog.events import Actor, record
from config.lib import clock, egress, jobs
from config.lib.errors import ExpectedError
from domains.conclusion import spread
from domains.hosting.evidence import Fact
from domains.hosting.judging import Outcome, Verdict, judge, outcome_of
from domains.hosting.looking import PANEL_PORTS, Look, ask_paths, knock, look_at_page, look_up_host, partner_of
from domains.hosting.platforms import PLATFORMS, Layer
from domains.models import Domain, Hosting
from domains.protocols import HTTPS
from domains.turns import require_patience
from domains.uptime.probing import has_website

WEEKLY = timedelta(days=7)
RESOLVE_SECONDS = 5.0
SECOND_LOOK_SECONDS = 6.0


@dataclass
class Site:
    """A site and everything that was seen of it; `is_proven` opens the doors of its server."""

    host: str
    port: int
    is_proven: bool
    page: Look = field(default_factory=Look)
    other_family: Look | None = None
    partner: Look | None = None
    facts: list[Fact] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)


def detect_hosting(rows: Sequence[Hosting]) -> None:
    """The work of the standing job. Blocks on the network; repeatable."""
    for row in rows:
        domain = Domain.unscoped.filter(pk=row.domain_id).first()
        if domain:  # Else it was deleted meanwhile, and the row with it.
            began = clock.now()
            file_site(row, look_at(site_of(domain)), began)


def site_of(domain: Domain) -> Site:
    """A mail port says nothing of the web site beside it, so that is looked at where it usually is."""
    return Site(domain.host, domain.port if has_website(domain) else HTTPS, domain.is_verified)


def look_at(site: Site) -> Site:
    """Fill in what is seen of the site, its parts side by side. Blocks up to about 20 seconds."""
    try:
        addresses = egress.resolve(site.host, egress.Deadline(RESOLVE_SECONDS))
    except ExpectedError as problem:
        site.page = Look(error=problem)
        return site
    families = sorted({6 if ":" in one else 4 for one in addresses})
    partner = partner_of(site.host)
    with ThreadPoolExecutor(4 + len(PANEL_PORTS)) as pool:
        dns = pool.submit(look_up_host, site.host, addresses)
        looks = [pool.submit(look_at_page, site.host, site.port, family=one) for one in families]
        beside = pool.submit(look_at_page, partner, site.port, seconds=SECOND_LOOK_SECONDS) if partner else None
        doors = {port: pool.submit(knock, site.host, port) for port in PANEL_PORTS if _is_to_knock(site, port)}
    _take_pages(site, [one.result() for one in looks])
    site.partner = beside.result() if beside else None
    site.facts = [*site.page.facts, *dns.result()]
    for port, door in doors.items():
        site.ports[str(port)], told = door.result()
        site.facts += told
    _ask_further(site)
    return site


def _is_to_knock(site: Site, port: int) -> bool:
    return site.is_proven and port != site.port


def _take_pages(site: Site, looks: Sequence[Look]) -> None:
    """The first that answered is the page; the portal itself may have no way to the others."""
    answered = [one for one in looks if one.status is not None]
    site.page = (answered or list(looks))[0]
    site.other_family = answered[1] if len(answered) > 1 else None


def _ask_further(site: Site) -> None:
    """Where the front page does not say what it is made with, its owner has us ask at the usual doors."""
    found = verdict_of(site)
    is_known = any(one.layer == Layer.PLATFORM for one in found.badges)
    if site.is_proven and found.outcome == Outcome.SITE and not is_known:
        site.facts += ask_paths(site.page.url)


def verdict_of(site: Site) -> Verdict:
    """What was seen of the site's front page, DNS and doors, taken together. Pure."""
    page = site.page
    return judge(site.facts, outcome_of(site.facts, page.status, is_elsewhere=bool(page.elsewhere)))


def results_of(site: Site) -> dict[str, Any]:
    """What is stored: the verdict, with notes as codes of the catalogue. Pure."""
    found = verdict_of(site)
    page = site.page
    return {
        **found.as_json(),
        "url": page.url,
        "status": page.status,
        "distrust": jobs.storable({"reason": page.distrust})["reason"],
        "ports": site.ports,
        "notes": [{"code": code, "params": params} for code, params in _notes(site, found)],
    }


def _notes(site: Site, found: Verdict) -> list[tuple[str, dict[str, Any]]]:
    about: dict[str, Any] = {"host": site.host, "status": site.page.status, "target": site.page.elsewhere}
    notes = []
    if found.outcome in _NOTE_OF_OUTCOME:
        notes.append((_NOTE_OF_OUTCOME[found.outcome], about))
    if found.zone_at_cloudflare and not found.has("cloudflare") and found.outcome != Outcome.PARKED:
        notes.append(("hosting_dns_at_cloudflare", about))
    if found.is_behind_vendors_cloudflare:
        notes.append(("hosting_cloudflare_is_vendors", about))
    return notes + _differences(site, found)


_NOTE_OF_OUTCOME: dict[str, str] = {
    Outcome.BLOCKED: "hosting_blocked",
    Outcome.PARKED: "hosting_parked",
    Outcome.DEFAULT_PAGE: "hosting_default_page",
    Outcome.NO_PAGE: "hosting_no_page",
    Outcome.ELSEWHERE: "hosting_elsewhere",
}


def _differences(site: Site, found: Verdict) -> list[tuple[str, dict[str, Any]]]:
    """Hosts that belong together but end their visitors' TLS in different places."""
    here = _of_look(site.page)
    notes: list[tuple[str, dict[str, Any]]] = []
    if site.other_family and _ends(other := _of_look(site.other_family)) != _ends(here):
        notes.append(("hosting_families_differ", {"host": site.host, "four": _said(here), "six": _said(other)}))
    if site.partner and site.partner.status is not None and _ends(beside := _of_look(site.partner)) != _ends(here):
        params = {"host": site.host, "partner": partner_of(site.host), "here": _said(here), "there": _said(beside)}
        notes.append(("hosting_partner_differs", params))
    return notes


def _of_look(look: Look) -> Verdict:
    """What one front page says by itself and of its own host."""
    facts = [one for one in look.facts if one.is_here]
    return judge(facts, outcome_of(facts, look.status, is_elsewhere=bool(look.elsewhere)))


def _ends(found: Verdict) -> set[str]:
    return set(found.tls_ends_at)


def _said(found: Verdict) -> str:
    return labels_of(found.tls_ends_at) or "its own server"


def labels_of(platforms: Sequence[str]) -> str:
    """`Cloudflare, WordPress`; a platform that is not in the table any more keeps its key."""
    return ", ".join(PLATFORMS[one].label if one in PLATFORMS else one for one in platforms)


def file_site(row: Hosting, site: Site, began: datetime) -> None:
    """Write what was seen, while the row is still ours; whoever asked meanwhile is answered by another look."""
    results = results_of(site)
    error = site.page.error

    def tell() -> None:
        _keep_requests(row, site, began)
        _record_change(row, before, results)

    before = row.results
    row.finish(
        run_after=clock.now() + spread(WEEKLY, row.pk, clock.now()) if site.is_proven else None,
        detected_at=began,
        results=results,
        error_code=error.code if error else "",
        error_params=jobs.storable(error.params) if error else {},
        also=tell,
    )


def _keep_requests(row: Hosting, site: Site, began: datetime) -> None:
    mine = Hosting.unscoped.filter(pk=row.pk)
    if mine.filter(asked_at__gt=began).update(run_after=clock.now(), priority=jobs.INTERACTIVE):
        jobs.ring("hosting", interactive=True)
    elif not site.is_proven and mine.filter(domain__verified_at__isnull=False).exists():
        mine.update(run_after=clock.now())
        jobs.ring("hosting")


def _record_change(row: Hosting, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Only between two looks that saw the site: a wall or an outage is no move."""
    if {before.get("outcome"), after["outcome"]} != {Outcome.SITE.value}:
        return
    was, now = (labels_of([one["platform"] for one in each["badges"]]) for each in (before, after))
    if was != now:
        domain = Domain.unscoped.get(pk=row.domain_id)
        record(
            "domain.hosting_changed",
            workspace_id=domain.workspace_id,
            domain_id=domain.pk,
            domain_label=domain.label,
            data={"before": was or "unknown", "after": now or "unknown"},
        )


def give_up(row: Hosting, error: ExpectedError) -> None:
    """The look itself failed for good: the page says so, and a proven host is looked at again in a week."""
    now = clock.now()
    is_proven = Domain.unscoped.filter(pk=row.domain_id, verified_at__isnull=False).exists()
    row.finish(
        run_after=now + spread(WEEKLY, row.pk, now) if is_proven else None,
        detected_at=now,
        error_code=error.code,
        error_params=jobs.storable(error.params),
    )


def hosting_of(domain: Domain) -> Hosting:
    """The domain's row; a domain that was added before there were any gets one, which is due at once."""
    row, is_new = Hosting.unscoped.get_or_create(
        domain=domain, defaults={"workspace_id": domain.workspace_id, "run_after": clock.now()}
    )
    if is_new:
        jobs.ring("hosting")
    return row


@transaction.atomic
def ask_for_detection(*, domain: Domain, actor: Actor | None = None) -> Hosting:
    """`Detect again`: make the look due at once for a person who waits, and ring. Repeatable.

    Raises Transient("checked_too_often"), as asking for a visit does.
    """
    row = hosting_of(domain)
    jobs.start_now(row, asked_at=clock.now())
    require_patience(domain, actor)
    record(
        "domain.detection_asked",
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
    )
    jobs.ring("hosting", interactive=True)
    return row


@transaction.atomic
def doubt_detection(*, domain: Domain, actor: Actor, is_doubted: bool) -> None:
    """'This detection is wrong', or no longer so. Repeatable."""
    row = hosting_of(domain)
    changed = Hosting.unscoped.filter(pk=row.pk).exclude(is_doubted=is_doubted).update(is_doubted=is_doubted)
    if changed:
        record(
            "domain.detection_doubted" if is_doubted else "domain.detection_trusted",
            workspace_id=domain.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
        )
