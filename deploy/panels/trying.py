"""`Test` of a panel: signs in and looks; changes nothing and pins nothing."""

from config.lib.errors import NeedsUser
from deploy import unseal
from deploy.deployments import newest_certificate
from deploy.models import PanelTarget, TargetRun
from deploy.panels import sites
from deploy.panels.knocking import knocking, welcome_login
from deploy.panels.known import panels
from deploy.panels.panel import SECONDS, Seen
from deploy.result import Result
from deploy.trail import Trail


def try_panel(run: TargetRun, trail: Trail) -> Result:
    """Succeeds where the account has a site for the domain's certificate. Repeatable; asked for by a person alone.

    What keeps us out leaves as an exception.
    """
    account, place = run.panel_account, run.panel_target
    if account is None or place is None or place.account_id != account.pk:
        raise NeedsUser("deploy_nothing_left")
    panel, names = panels.get(account.kind), _names(place)
    access = unseal.panel_access(account, refs=place.refs, web_port=run.domain.port)
    with trail.step(f"Sign in to {run.label} and list what it has", seconds=SECONDS) as note, knocking(run):
        seen = panel.test(access, names)
        note.detail = " ".join((*seen.may, *seen.notes))
    welcome_login(run)
    _match(trail, run.label, seen, names)
    return Result(TargetRun.State.SUCCEEDED)


def _names(place: PanelTarget) -> list[str]:
    """Of what would be installed; before there is a certificate the domain's own."""
    certificate = newest_certificate(place.domain)
    return list(certificate.names) if certificate else [place.domain.host]


def _match(trail: Trail, label: str, seen: Seen, names: list[str]) -> None:
    with trail.step(f"Find what {sites.shown(names)} is for") as note:
        if not seen.matching:
            raise NeedsUser("panel_no_site", panel=label, names=sites.shown(names), found=sites.shown(seen.sites))
        note.detail = f"it would go to {sites.shown(seen.matching)}"
