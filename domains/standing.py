"""Where a domain stands: its columns brought in line with the latest visit, findings and ownership."""

from config.lib import clock
from domains.history import others_now, united
from domains.models import Domain, Visit
from domains.state import Known, domain_state, urgency


def refresh_state(domain: Domain) -> None:
    """Recompute `state` from the stored facts. Repeatable; call inside the transaction of the change."""
    row = Domain.unscoped.filter(pk=domain.pk).select_related("visit__inspection").first()
    if row is None:
        return
    state = domain_state(known_of(row), clock.now())
    if state != row.state:
        Domain.unscoped.filter(pk=row.pk).update(state=state, urgency=urgency(state))
    domain.state, domain.urgency = state, urgency(state)
    domain.needs_action, domain.reported_state = row.needs_action, row.reported_state


def known_of(domain: Domain) -> Known:
    """What the rows say about a domain, loaded with visit and inspection."""
    visit: Visit | None = getattr(domain, "visit", None)
    inspection = visit.inspection if visit else None
    problems = united(inspection.problems, others_now(visit, clock.now())) if visit and inspection else []
    return Known(
        is_verified=domain.is_verified,
        has_certificate=inspection is not None,
        not_after=visit.not_after if visit else None,
        problems=tuple((problem["code"], problem["severity"]) for problem in problems),
        failures=visit.failures if visit else 0,
        renew_at=domain.renew_at,
        reported_state=domain.reported_state,
    )
