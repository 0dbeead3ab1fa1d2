"""A rehearsal at a hosting panel: its own `Test`, which signs in, looks, and changes nothing."""

from certificates.renewal.checks import Check
from config.lib.errors import ExpectedError, NeedsUser
from deploy.models import TargetRun
from deploy.panels.trying import try_panel
from deploy.readiness.on_target import ended
from deploy.readiness.work import require_wanted
from deploy.result import Result
from deploy.trail import Trail


def rehearse_at_panel(run: TargetRun, trail: Trail) -> Result:
    """A credential that the panel refused is not tried again: panels lock accounts."""
    require_wanted(run)
    try:
        if run.panel_account and run.panel_account.refused_at:
            raise NeedsUser("panel_login_waits", panel=run.label)
        try_panel(run, trail)
    except ExpectedError as error:
        return ended([Check("panel", error=error)])
    return ended([Check("panel", "it takes the login, and has a site for the certificate")])
