"""One installation by a panel: pair checked, sites matched and installed, read back, and what is served then.

What a panel has already is left alone, so all of it may be done again: a run that is killed anywhere is claimed
again and completes.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from certificates.models import Certificate
from config.lib import egress, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy import server_lease, unseal
from deploy.deploying import refuse_older
from deploy.models import PanelTarget, TargetRun
from deploy.panels import sites
from deploy.panels.knocking import knocking, refuse_login
from deploy.panels.known import panels
from deploy.panels.panel import SECONDS, Access, Bundle, Installed, LoginRefused, Panel, SiteResult
from deploy.panels.seen import LOOK_SECONDS, PROOF_SECONDS, wait_for
from deploy.paying import require_paid
from deploy.reconcile import RETRIES
from deploy.result import Result
from deploy.trail import Trail, keep_on_run

State, Outcome = TargetRun.State, TargetRun.Outcome

# The panel has it and does not serve it yet: the run comes back this often before it is called partial.
PENDING = "panel_pending"
PENDING_AT_MOST = 6
# What is installed and not served yet is looked at again this many times, later each time: nearly a day in all.
LOOKS_AT_MOST = len(RETRIES)
READ_SECONDS, ONE_LOOK = 15.0, 60.0
# Between two questions, twice as long each time: one may be dozens of requests, and Cloudflare counts all of a user's.
FIRST_PAUSE = 1.0
IN_WORDS = {"installed": "installed", "unchanged": "has it already", "pending": "not active yet", "failed": "not done"}


@dataclass(frozen=True)
class Visit:
    """A claimed run at its panel, with the credential and the key in memory."""

    run: TargetRun
    trail: Trail
    place: PanelTarget
    panel: Panel
    access: Access
    bundle: Bundle


def install_on_panel(run: TargetRun, trail: Trail) -> Result:
    """Bring the run's certificate onto the sites of the account and prove it. Blocks for minutes; repeatable.

    An expected error leaves as an exception when nothing was installed, and as `panel_pending` while the panel has
    everything and does not serve it yet: then the run is to come back.
    """
    account, place = run.panel_account, run.panel_target
    is_moved = place is not None and account is not None and place.account_id != account.pk
    if place is None or account is None or run.certificate is None or is_moved:
        raise NeedsUser("deploy_nothing_left")
    refuse_older(run)
    if account.refused_at:
        raise NeedsUser("panel_login_waits", panel=run.label)
    require_paid(run)
    bundle = _pair(run.certificate, run.domain.host, trail)
    access = unseal.panel_access(account, refs=place.refs, web_port=run.domain.port)
    visit = Visit(run, trail, place, panels.get(account.kind), access, bundle)
    crash_here("panel.checked")
    results = _hand_over(visit)
    crash_here("panel.kept")
    return _judge(visit, results)


def _pair(certificate: Certificate, host: str, trail: Trail) -> Bundle:
    with trail.step("Check that key and certificate belong together") as note:
        bundle = unseal.panel_bundle(certificate, label=host)
        note.detail = f"{bundle.fingerprint[:16]}…, valid until {bundle.not_after:%d %B %Y}"
    return bundle


def _hand_over(visit: Visit) -> list[SiteResult]:
    """Give it to the panel, and keep at once what became of each site and what the panel calls it."""
    with visit.trail.step(f"Hand it to {visit.run.label}", seconds=SECONDS) as note, knocking(visit.run):
        results = visit.panel.install(visit.access, visit.bundle)
        crash_here("panel.installed")
        note.detail = _counted(results)
        refuse_login(visit.run, [one.error for one in results])
    refs = {**visit.place.refs, **{one.site: one.ref for one in results if one.ref}}
    kept = [_kept(one, visit.run.sites) for one in results]
    keep_on_run(visit.run, sites=kept, also=lambda: _keep_refs(visit.run, refs))
    visit.place.refs = refs
    for one in results:
        _tell(visit.trail, one)
    return results


def _keep_refs(run: TargetRun, refs: dict[str, str]) -> None:
    """While the place is at the account of this claim: of another one, or at another door, they say nothing."""
    if server_lease.is_held(run, run.lease_token):
        PanelTarget.unscoped.filter(Q(pk=run.panel_target_id), account=run.panel_account_id).update(refs=refs)


def _counted(results: Sequence[SiteResult]) -> str:
    counts = [(sum(one.state == state for one in results), words) for state, words in IN_WORDS.items()]
    return ", ".join(f"{count} {words}" for count, words in counts if count)


def _kept(result: SiteResult, before: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """As it is stored. What this very run has put there stays its work when it comes back and finds it."""
    was = next((one["state"] for one in before if one["site"] == result.site), "")
    is_put = result.state == "pending" or (was == "installed" and result.state == "unchanged")
    error = result.error
    return {
        "site": result.site,
        "state": "installed" if is_put else result.state,
        "detail": _detail(result),
        "code": error.code if error else "",
        "params": jobs.storable(error.params) if error else {},
    }


def _detail(result: SiteResult) -> str:
    uncovered = f"does not cover {', '.join(result.uncovered[:10])}" if result.uncovered else ""
    return "; ".join(part for part in (IN_WORDS[result.state], result.said, uncovered) if part)


def _tell(trail: Trail, result: SiteResult) -> None:
    """A step of its own, so that what one site was refused for stands beside it."""
    with contextlib.suppress(ExpectedError), trail.step(result.site) as note:
        note.detail = _detail(result)
        if result.error:
            raise result.error


def _judge(visit: Visit, results: Sequence[SiteResult]) -> Result:
    """Where every site was refused the run has failed. Else what is installed is read back and looked at."""
    failure = _worst([one.error for one in results if one.error])
    done = [one.site for one in results if one.state != "failed"]
    if failure and not done:
        raise failure
    missing = _asked_back(visit, done)
    crash_here("panel.read_back")
    if missing and missing.code == PENDING and not failure and visit.run.attempts < PENDING_AT_MOST:
        raise missing
    seen = _look(visit)
    crash_here("panel.proven")
    facts: dict[str, Any] = {"sites": visit.run.sites, "served": seen}
    failure = failure or missing or _about_served(visit, done, seen)
    if failure:
        return Result(State.PARTIAL, Outcome.INSTALLED, error=failure, **facts)
    return Result(State.SUCCEEDED, Outcome.SERVING, **facts)


def _worst(errors: Sequence[ExpectedError]) -> ExpectedError | None:
    """The login, which nothing may try again; else what only time helps, the longest wait first; else the first."""
    kinds = (LoginRefused, Transient, ExpectedError)
    named = sorted(errors, key=_named_time, reverse=True)
    return next((one for kind in kinds for one in named if isinstance(one, kind)), None)


def _named_time(error: ExpectedError) -> float:
    moment = error.retry_at if isinstance(error, Transient) else None
    return moment.timestamp() if moment else 0.0


def _asked_back(visit: Visit, done: Sequence[str]) -> ExpectedError | None:
    """What could not be asked does not undo what was installed."""
    try:
        return _read_back(visit, done)
    except ExpectedError as error:
        return error


def _read_back(visit: Visit, done: Sequence[str]) -> ExpectedError | None:
    """Ask the panel until it tells of the new certificate on each of the sites; what is wrong when time is up."""
    with visit.trail.step(f"Ask {visit.run.label} what is installed", seconds=READ_SECONDS + ONE_LOOK) as note:
        ends, pause = time.monotonic() + READ_SECONDS, FIRST_PAUSE
        while True:
            access = replace(visit.access, deadline=egress.Deadline(ONE_LOOK))
            rows = visit.panel.read_back(access, visit.bundle.names)
            wrong = _first_wrong(visit, rows, done)
            if wrong is None or time.monotonic() + pause >= ends:
                break
            time.sleep(pause)
            pause *= 2
        note.detail = _describe(wrong) if wrong else f"the new certificate, on {sites.shown(list(done))}"
        return wrong


def _describe(error: ExpectedError) -> str:
    return "it is not active yet" if error.code == PENDING else f"{error.params['site']} has another certificate"


def _first_wrong(visit: Visit, rows: Sequence[Installed], done: Sequence[str]) -> ExpectedError | None:
    """Where a panel does not tell which certificate it is, the handshake that follows is the proof."""
    told: dict[str, Any] = {"panel": visit.run.label, "host": visit.run.domain.host}
    for site in done:
        found = [row for row in rows if row.site == site]
        ours = [row for row in found if row.ref and row.ref == visit.place.refs.get(site)] or found
        if any(row.state in ("pending", "initializing") for row in ours):
            return Transient(PENDING, site=site, **told)
        if not any(row.state == "active" and row.fingerprint in ("", visit.bundle.fingerprint) for row in ours):
            return Transient("panel_other_certificate", site=site, **told)
    return None


def _look(visit: Visit) -> str:
    """What a visitor of the domain gets, by its name and wherever that leads: its SHA-256, empty for nothing."""
    domain = visit.run.domain
    with visit.trail.step("Look at what is served now", seconds=PROOF_SECONDS + 2 * LOOK_SECONDS) as note:
        seen = wait_for(domain, visit.bundle.fingerprint)
        what = "the new certificate" if seen == visit.bundle.fingerprint else f"another certificate ({seen[:16]}…)"
        note.detail = f"port {domain.port}: {what if seen else 'nothing is served'}"
        note.data = {"served": {str(domain.port): seen}}
    return seen


def _about_served(visit: Visit, done: Sequence[str], seen: str) -> ExpectedError | None:
    if seen == visit.bundle.fingerprint:
        return None
    domain = visit.run.domain
    code = "panel_other_served" if seen else "panel_nothing_served"
    told: dict[str, Any] = {"panel": visit.run.label, "host": domain.host, "port": domain.port}
    told |= {"sites": sites.shown(list(done)), "seen": seen[:16]}
    return Transient(code, **told) if _looks(visit.run) < LOOKS_AT_MOST else NeedsUser(code, **told)


def _looks(run: TargetRun) -> int:
    """How often this deployment was brought there before."""
    rows = TargetRun.objects.for_workspace(run.workspace_id).filter(deployment=run.deployment_id)
    return rows.filter(run.place, ended_at__isnull=False).count()
