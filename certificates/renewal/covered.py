"""Auto-renew begins where the last name that needed somebody's hands needs them no more."""

from contextlib import suppress

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Renewal
from certificates.renewal.plan import Automation, set_automation, usual_names
from certificates.solvers import MANUAL, automatic_for
from config.lib.errors import NeedsUser
from domains.models import Domain, Mode


def renew_once_covered(domain: Domain) -> None:
    """Turn it on in the mode Let's Encrypt (DNS), unless somebody has turned it off. Repeatable.

    Whoever chose the mode before the names were covered wanted it then, and would not think of pressing a button now.
    """
    domain = Domain.objects.for_workspace(domain.workspace_id).select_related("workspace").get(pk=domain.pk)
    has_renewal = Renewal.objects.for_workspace(domain.workspace_id).filter(domain=domain).exists()
    if domain.mode != Mode.DNS or has_renewal or _was_turned_off(domain):
        return
    if automatic_for(domain.workspace_id, usual_names(domain)) == MANUAL:
        return
    # What keeps it from being turned on, such as a name that is not proven any more, is told to whoever presses it.
    with suppress(NeedsUser):
        set_automation(domain=domain, actor=SYSTEM, wanted=Automation(auto_renew=True))


def _was_turned_off(domain: Domain) -> bool:
    """By whoever changed the automation last. Where the log does not reach so far back, it was not."""
    rows = Event.objects.for_workspace(domain.workspace_id).filter(domain_id=domain.pk)
    last = rows.filter(kind="domain.automation_changed").order_by("-at", "-id").first()
    return last is not None and bool(last.data.get("declined", last.data["renews"] == "by hand"))
