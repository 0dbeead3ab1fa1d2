"""What a CA's directory means for the domains that renew there."""

from django.db.models import QuerySet

from certificates.cas.directories import profiles_at
from certificates.cas.known import ca_at, ca_label
from certificates.models import AcmeAccount, Renewal
from config.lib.errors import describe
from domains.findings import close_finding, open_finding
from domains.models import Domain, Finding

SOURCE = "ca"
SILENT, DROPPED = "ca_silent", "ca_profile_gone"
# One look that fails is anybody's bad minute; these are hours.
TOLD_AFTER = 3
DOMAINS_AT_MOST = 500


def tell_directory(account: AcmeAccount, *, failures: int) -> None:
    """Open and close the findings of the domains that renew there. Repeatable; in the transaction of the look.

    Where all is well and was, it costs two queries however many domains renew.
    """
    renewals = Renewal.unscoped.filter(workspace=account.workspace_id, directory_url=account.directory_url)
    if failures:
        if failures >= TOLD_AFTER:
            _tell_silence(account, renewals)
        return
    offered = {profile.name for profile in profiles_at(ca_at(account.directory_url), account.facts)}
    dropped = renewals.exclude(profile__in=["", *offered])
    _close_all_but(renewals, dropped)
    for renewal in _first(dropped):
        params = {"ca": ca_label(renewal.directory_url), "profile": renewal.profile, "names": ", ".join(renewal.names)}
        _open(renewal, DROPPED, params)


def forget_directory(domain: Domain) -> None:
    """It renews there no longer. Repeatable."""
    for code in (SILENT, DROPPED):
        close_finding(domain=domain, source=SOURCE, code=code)


def _tell_silence(account: AcmeAccount, renewals: "QuerySet[Renewal]") -> None:
    error = describe(account.error_code, account.error_params).title
    for renewal in _first(renewals):
        _open(renewal, SILENT, {"ca": ca_label(account.directory_url), "error": error})


def _close_all_but(renewals: "QuerySet[Renewal]", dropped: "QuerySet[Renewal]") -> None:
    """It answers again; and what is offered again is no trouble any more."""
    rows = Finding.unscoped.filter(source=SOURCE, closed_at=None, domain__in=renewals.values("domain"))
    still = set(dropped.values_list("domain_id", flat=True)[:DOMAINS_AT_MOST])
    for finding in rows.select_related("domain"):
        if finding.code == SILENT or finding.domain_id not in still:
            close_finding(domain=finding.domain, source=SOURCE, code=finding.code)


def _first(renewals: "QuerySet[Renewal]") -> list[Renewal]:
    return list(renewals.select_related("domain").order_by("renew_at", "id")[:DOMAINS_AT_MOST])


def _open(renewal: Renewal, code: str, params: dict[str, str]) -> None:
    open_finding(domain=renewal.domain, source=SOURCE, code=code, params=params, severity="warning", needs_user=True)
