"""What is said of a renewal that does not happen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from auditlog.events import record
from auditlog.models import Event
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.moment import EXPIRED, OVERDUE_PERCENT, Window
from certificates.unpaid import tell_paid
from certificates.window import window_opens_at
from config.lib import jobs
from config.lib.errors import ExpectedError, describe
from domains.findings import close_finding, open_finding
from domains.models import Domain

SOURCE = "renewal"
OVERDUE, ENDED = "renewal_overdue", "certificate_expired"
# Before there is a first certificate, and after.
BLOCKED, REFUSED = "renewal_blocked", "renewal_not_begun"
# The CA moved its suggestion into the past, and who is to renew it then: the portal, or a person.
WANTED, WANTED_BY_HAND = "ca_wants_renewal", "ca_wants_renewal_by_hand"
# The event of what these two findings say, for whoever hears of each renewal.
NOT_BEGUN = "renewal.refused"
# What the row holds after its issuance was cancelled.
CANCELLED = "renewal_cancelled"
# What it holds when nobody proves the names without a person.
NEEDS_HANDS = "renewal_needs_hands"
SEVERITIES = {1: "warning", 2: "warning", 3: "critical"}


def tell_level(renewal: Renewal, level: int) -> None:
    """Open or close the findings that belong to `level`. Repeatable; in the transaction that keeps the level."""
    domain = renewal.domain
    _tell_blocked(renewal)
    _tell_wanted(renewal)
    if level == 0:
        close_finding(domain=domain, source=SOURCE, code=OVERDUE)
        close_finding(domain=domain, source=SOURCE, code=ENDED)
        return
    params: dict[str, Any] = {"names": ", ".join(renewal.names), "why": _why(renewal), **_moments(renewal)}
    if level == EXPIRED:
        open_finding(domain=domain, source=SOURCE, code=ENDED, params=params, severity="critical", needs_user=True)
        return
    params["percent"] = OVERDUE_PERCENT[level - 1]
    # The portal goes on by itself for a while; from a third of the time on somebody should look.
    open_finding(
        domain=domain, source=SOURCE, code=OVERDUE, params=params, severity=SEVERITIES[level], needs_user=level > 1
    )


def _tell_blocked(renewal: Renewal) -> None:
    """What keeps it from being ordered: told at once, and where there is no certificate that could be overdue."""
    code = BLOCKED if renewal.certificate is None else REFUSED
    if not renewal.failures or (code == REFUSED and is_of_an_order(renewal)):
        code = ""
    for other in {BLOCKED, REFUSED} - {code}:
        close_finding(domain=renewal.domain, source=SOURCE, code=other)
    if code:
        params = {"names": ", ".join(renewal.names), "why": _why(renewal)}
        open_finding(
            domain=renewal.domain, source=SOURCE, code=code, params=params, severity="warning", needs_user=True
        )


def _tell_wanted(renewal: Renewal) -> None:
    """Until the next certificate is on file, or the CA takes its word back."""
    window = _window_over(renewal)
    if renewal.certificate is None or window is None or not is_wanted_early(renewal.certificate, window):
        close_wanted(renewal.domain)
        return
    code = WANTED_BY_HAND if renewal.error_code == NEEDS_HANDS else WANTED
    tell_wanted(renewal.domain, code, renewal.names, window.end, renewal.explanation_url)


def _window_over(renewal: Renewal) -> Window | None:
    """The CA's, where it was over when the CA first named it."""
    if renewal.why != "ari_past" or renewal.window_start is None or renewal.window_end is None:
        return None
    return Window(renewal.window_start, renewal.window_end)


def tell_wanted(
    domain: Domain, code: str, names: Sequence[str], until: datetime, explanation_url: str, **more: Any
) -> None:
    """Open the one of the two findings and close the other. `more` is kept with it."""
    for other in {WANTED, WANTED_BY_HAND} - {code}:
        close_finding(domain=domain, source=SOURCE, code=other)
    params = {
        "names": ", ".join(names),
        "until": f"{until:%Y-%m-%d %H:%M} UTC",
        "explanation": f"It explains why at {explanation_url}" if explanation_url else "It gives no explanation.",
        **more,
    }
    by_hand = code == WANTED_BY_HAND
    open_finding(domain=domain, source=SOURCE, code=code, params=params, severity="warning", needs_user=by_hand)


def close_wanted(domain: Domain) -> None:
    for code in (WANTED, WANTED_BY_HAND):
        close_finding(domain=domain, source=SOURCE, code=code)


def is_wanted_early(certificate: Certificate, window: Window) -> bool:
    """Whether the CA's window, which is over, was so before the certificate was due by its own life.

    One that is asked about for the first time when it is old has a window in the past as well, and nothing happened.
    """
    life = {"min_days_left": settings.ACME_ISSUE_MIN_DAYS_LEFT}
    return window.end < window_opens_at(certificate.not_before, certificate.not_after, **life)


def is_of_an_order(renewal: Renewal) -> bool:
    """Whether an order was begun, which tells of its own end; or a person cancelled it, who knows."""
    if renewal.issuance_id is not None or renewal.error_code == CANCELLED:
        return True
    rows = Issuance.objects.for_workspace(renewal.workspace_id).filter(domain=renewal.domain_id, is_renewal=True)
    last = rows.filter(names_key=renewal.names_key).order_by("-created_at").first()
    return last is not None and last.error_code == renewal.error_code


def tell_refused(renewal: Renewal, error: ExpectedError) -> None:
    """Record that nothing was ordered, once for each reason and each wish to renew. Where the failure is kept."""
    params = jobs.storable(error.params)
    if _is_told(renewal, error.code, params):
        return
    asked = {"issuance": str(renewal.asked_as)} if renewal.asked_as else {}
    record(
        NOT_BEGUN,
        workspace_id=renewal.workspace_id,
        domain_id=renewal.domain_id,
        domain_label=renewal.domain.label,
        run_id=renewal.asked_as,
        data={
            **asked,
            "names": ", ".join(renewal.names),
            "code": error.code,
            "params": params,
            "error": describe(error.code, params).title,
        },
    )


def _is_told(renewal: Renewal, code: str, params: Mapping[str, Any]) -> bool:
    """Whether this was the last word already, since the last order and for the certificate that there is."""
    rows = Event.objects.for_workspace(renewal.workspace_id).filter(domain_id=renewal.domain_id, kind=NOT_BEGUN)
    last = rows.order_by("-at", "-id").first()
    if last is None or last.at < _began_at(renewal):
        return False
    if renewal.asked_as and renewal.asked_as != last.run_id:
        return False
    return (last.data["code"], _reasons(last.data["params"])) == (code, _reasons(params))


def _began_at(renewal: Renewal) -> datetime:
    """Since when the same renewal is tried."""
    orders = Issuance.objects.for_workspace(renewal.workspace_id).filter(domain=renewal.domain_id, is_renewal=True)
    ordered_at = orders.order_by("-created_at").values_list("created_at", flat=True).first()
    stored_at = renewal.certificate.created_at if renewal.certificate else None
    return max(filter(None, (renewal.created_at, stored_at, ordered_at)))


def _reasons(params: Mapping[str, Any]) -> dict[str, Any]:
    """What tells one reason from another: names and missing things. Amounts and moments differ at every try."""
    return {name: value for name, value in params.items() if isinstance(value, list)}


def forget(renewal: Renewal) -> None:
    """Nobody renews it any more, so nothing is overdue."""
    for code in (OVERDUE, ENDED, BLOCKED, REFUSED, WANTED, WANTED_BY_HAND):
        close_finding(domain=renewal.domain, source=SOURCE, code=code)
    tell_paid(renewal.domain)


def _why(renewal: Renewal) -> str:
    if not renewal.error_code:
        return "It has not come to an end yet."
    return f"The last attempt ended with: {describe(renewal.error_code, renewal.error_params).title}."


def _moments(renewal: Renewal) -> dict[str, str]:
    until = renewal.certificate.not_after if renewal.certificate else None
    return {
        "since": f"{renewal.renew_at:%Y-%m-%d %H:%M} UTC" if renewal.renew_at else "",
        "until": f"{until:%Y-%m-%d %H:%M} UTC" if until else "",
    }
