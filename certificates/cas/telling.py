"""What a CA's directory means for the domains that renew there."""

from certificates.cas.directories import profiles_at
from certificates.cas.known import ca_at, ca_label
from certificates.models import AcmeAccount, Renewal
from config.lib.errors import describe
from domains.findings import close_finding, open_finding

SOURCE = "ca"
SILENT, DROPPED = "ca_silent", "ca_profile_gone"
# One look that fails is anybody's bad minute; these are hours.
TOLD_AFTER = 3
DOMAINS_AT_MOST = 500


def tell_directory(account: AcmeAccount, *, failures: int) -> None:
    """Open and close the findings of the domains that renew there. Repeatable; in the transaction of the look."""
    rows = Renewal.unscoped.filter(workspace=account.workspace_id, directory_url=account.directory_url)
    offered = {profile.name for profile in profiles_at(ca_at(account.directory_url), account.facts)}
    for renewal in rows.select_related("domain").order_by("renew_at", "id")[:DOMAINS_AT_MOST]:
        _tell_silence(renewal, account, failures)
        if not failures:
            _tell_profile(renewal, offered)


def _tell_silence(renewal: Renewal, account: AcmeAccount, failures: int) -> None:
    if not failures:
        close_finding(domain=renewal.domain, source=SOURCE, code=SILENT)
    elif failures >= TOLD_AFTER:
        error = describe(account.error_code, account.error_params).title
        params = {"ca": ca_label(account.directory_url), "error": error}
        open_finding(
            domain=renewal.domain, source=SOURCE, code=SILENT, params=params, severity="warning", needs_user=True
        )


def _tell_profile(renewal: Renewal, offered: set[str]) -> None:
    if not renewal.profile or renewal.profile in offered:
        close_finding(domain=renewal.domain, source=SOURCE, code=DROPPED)
        return
    params = {"ca": ca_label(renewal.directory_url), "profile": renewal.profile, "names": ", ".join(renewal.names)}
    open_finding(domain=renewal.domain, source=SOURCE, code=DROPPED, params=params, severity="warning", needs_user=True)
