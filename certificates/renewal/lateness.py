"""Renewals whose moment has come and that have no successor yet: since when, what holds each of them, and who can help.

For whoever runs the portal: `/metrics`, the doctor and the staff page read it. What a workspace sees are findings.
"""

from datetime import datetime, timedelta

from django.db.models import BooleanField, Case, Q, QuerySet, When

from billing.charging import UNPAID
from certificates.models import Issuance, Renewal
from certificates.renewal.moment import OUTAGES

# Longer than any wait between a row that is due and a worker that looks at it.
UNSEEN = timedelta(minutes=10)
# Who can help.
PORTAL, WORKSPACE = "portal", "workspace"
QUEUE, DELETION, OUTAGE = "queue", "deletion", "CA out of reach"
# What keeps a renewal from going on, by the code that its last attempt ended with.
GATES = {
    **dict.fromkeys(OUTAGES, OUTAGE),
    UNPAID: "balance",
    "ca_limit": "rate limit of the CA",
    "acme_rate_limited": "rate limit of the CA",
    "ownership_missing": "ownership",
    "ownership_unclear": "ownership",
    "names_not_proven": "ownership",
    "auto_renew_incomplete": "settings of Auto-renew (SSH)",
    "renewal_needs_hands": "nobody proves the names without hands",
    "renewal_waits": "a challenge by hand is open",
    "renewal_cancelled": "a person cancelled it",
    "issuance_window": "issuance window",
    "acme_caa": "CAA",
    "caa_forbids": "CAA",
}
REFUSED = "its last attempt was refused"
# What a workspace alone can mend: its balance, its settings, its DNS and its servers. A code that nobody has put here
# is for whoever runs the portal to explain.
THEIRS = (
    UNPAID,
    *("ownership_missing", "ownership_unclear", "names_not_proven", "names_redundant", "delegation_missing"),
    *("auto_renew_incomplete", "renewal_needs_hands", "renewal_waits", "renewal_cancelled", "issuance_window"),
    *("acme_caa", "caa_forbids", "caa_unclear", "dnssec_broken", "acme_dns", "acme_connection", "acme_unauthorized"),
    *("acme_http_unauthorized", "acme_http_unreachable", "acme_not_validated", "acme_rejected_identifier"),
    *("acme_account_gone", "acme_terms_changed", "acme_external_account_required", "acme_contact_refused"),
    "acme_invalid_profile",
)
THEIRS_BY_HEAD = ("dns_", "http01_", "listener_", "ssh_", "sftp_", "sudo_", "webroot_", "path_", "mkdir_", "disk_")


def due_renewals(now: datetime) -> QuerySet[Renewal]:
    """Of all workspaces, the one that has been due longest first. What has never been looked at is not known yet."""
    return Renewal.unscoped.filter(renew_at__lte=now).order_by("renew_at")


def held_by_portal(now: datetime) -> Case:
    """As a condition: only whoever runs the portal can bring it on. The first line that fits decides.

    Nobody looks at it, its CA is away or at its limit, or it ended with something unknown. While an attempt is under
    way, what the one before ended with stands.
    """
    is_open = Q(issuance__state__in=Issuance.OPEN_STATES)
    has_told = is_open & Q(issuance__error_code__gt="")
    limit = now - UNSEEN
    return Case(
        When(workspace__closing_at__isnull=False, then=False),
        When(is_open & Q(issuance__run_after__lt=limit), then=True),
        When(has_told & _theirs("issuance__error_code"), then=False),
        When(has_told, then=True),
        When(is_open & _theirs("error_code"), then=False),
        When(is_open, then=True),
        When(Q(run_after=None) | Q(run_after__lt=limit), then=True),
        When(_theirs("error_code"), then=False),
        default=True,
        output_field=BooleanField(),
    )


def _theirs(field: str) -> Q:
    by_code = Q(**{f"{field}__in": THEIRS})
    for head in THEIRS_BY_HEAD:
        by_code |= Q(**{f"{field}__startswith": head})
    return by_code


def gate_of(renewal: Renewal, now: datetime) -> str:
    """What holds a due renewal, in words; one that has its `issuance`, `workspace` and `domain` read asks nothing."""
    if renewal.workspace.closing_at:
        return DELETION
    issuance = renewal.issuance
    if issuance is not None and issuance.is_open:
        doing = f"under way: {Issuance.Step(issuance.step).label}"
        return f"{doing}, {GATES.get(issuance.error_code, REFUSED)}" if issuance.error_code else doing
    if renewal.run_after is None or renewal.run_after < now - UNSEEN:
        return QUEUE
    return GATES.get(renewal.error_code, REFUSED) if renewal.error_code else "about to start"


def error_of(renewal: Renewal) -> str:
    """The code of what was in the way last, of the issuance that is under way before that of the one before."""
    issuance = renewal.issuance
    if issuance is not None and issuance.is_open and issuance.error_code:
        return issuance.error_code
    return renewal.error_code


def next_try(renewal: Renewal) -> datetime | None:
    """When something is done for it again."""
    issuance = renewal.issuance
    if issuance is not None and issuance.is_open:
        return issuance.run_after
    return max(filter(None, (renewal.renew_at, renewal.retry_at)), default=renewal.run_after)
