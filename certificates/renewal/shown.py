"""What the pages and the API show of a domain's renewal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from certificates.gates import is_wanted_by_ca
from certificates.models import Certificate, Renewal
from certificates.renewal.plan import newest_issued, usual_names
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
    `is_wanted`: a person may at once, because the CA wants it replaced.

    `missing`: what Auto-renew (SSH) still lacks of its settings; no other mode has any.
    """

    mode: str
    renewal: Renewal | None
    names: tuple[str, ...]
    by: str
    by_hand_from: datetime | None = None
    is_wanted: bool = False
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
    newest = None if renewal else newest_issued(domain)
    return Shown(
        Mode(domain.mode).label,
        renewal,
        names,
        by,
        by_hand_from=_by_hand_from(newest) if newest else None,
        is_wanted=newest is not None and is_wanted_by_ca(newest),
        trouble=describe(renewal.error_code, renewal.error_params) if renewal and renewal.error_code else None,
        missing=missing_for(domain) if solver == OVER_SSH else (),
    )


def _by_hand_from(newest: Certificate) -> datetime:
    """When its window opens by its own life."""
    return window_opens_at(newest.not_before, newest.not_after, min_days_left=settings.ACME_ISSUE_MIN_DAYS_LEFT)
