"""What the pages and the API show of a domain's renewal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from certificates.models import Certificate, Renewal
from certificates.renewal.plan import usual_names
from certificates.renewal.requirements import missing_for
from certificates.solvers import MANUAL, OVER_SSH, solver_for, solvers
from certificates.window import window_opens_at
from config.lib.errors import Wording, describe
from domains.models import Domain, Mode

WHY: Mapping[str, str] = {
    "first": "there is no certificate yet",
    "ari": "the CA suggests that time",
    "ari_past": "the CA wants it replaced at once",
    "lifetime": "that much of its life is left then",
    "emergency": "hardly any of its life is left",
}


@dataclass(frozen=True)
class Shown:
    """`by` is how the names are proven without hands; empty: nobody can. `by_hand_from`: when a person may renew.

    `missing`: what Auto-renew (SSH) still lacks of its settings; no other mode has any.
    """

    mode: str
    renewal: Renewal | None
    names: tuple[str, ...]
    by: str
    by_hand_from: datetime | None = None
    trouble: Wording | None = None
    missing: Sequence[str] = ()

    @property
    def is_on(self) -> bool:
        return self.renewal is not None

    @property
    def why(self) -> str:
        return WHY.get(self.renewal.why, "") if self.renewal else ""


def renewal_of(domain: Domain) -> Shown:
    rows = Renewal.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    renewal = rows.select_related("certificate", "issuance").first()
    names = tuple(renewal.names) if renewal else usual_names(domain)
    solver = solver_for(domain.mode, domain.workspace_id, names)
    by = "" if solver == MANUAL else solvers.get(solver).label
    return Shown(
        Mode(domain.mode).label,
        renewal,
        names,
        by,
        by_hand_from=None if renewal else _by_hand_from(domain),
        trouble=describe(renewal.error_code, renewal.error_params) if renewal and renewal.error_code else None,
        missing=missing_for(domain) if solver == OVER_SSH else (),
    )


def _by_hand_from(domain: Domain) -> datetime | None:
    """When the window opens for the newest certificate of this domain."""
    rows = Certificate.objects.for_workspace(domain.workspace_id).filter(domain=domain, source=Certificate.Source.ACME)
    newest = rows.order_by("-created_at").first()
    if newest is None:
        return None
    return window_opens_at(newest.not_before, newest.not_after, min_days_left=settings.ACME_ISSUE_MIN_DAYS_LEFT)
