"""CAs, accounts and budgets as pages and the API show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Workspace
from certificates.cas.accounts import accounts_of
from certificates.cas.choosing import default_url
from certificates.cas.directories import profiles_at
from certificates.cas.known import Ca, Counted, ca_at
from certificates.cas.ledger import WORDS, Budget, Ordered, budgets, spare_of
from certificates.models import AcmeAccount
from config.lib.errors import Wording, describe
from config.lib.wording import span
from domains.models import Domain

# Of a hundred names each may be of a registered domain of its own.
SUBJECTS_SHOWN = 5


@dataclass(frozen=True)
class ShownCa:
    """A CA of a workspace; `account` is None for the portal's own before its first order."""

    ca: Ca
    account: AcmeAccount | None
    state: str
    words: str
    trouble: Wording | None
    caa: str
    details: dict[str, Any]


def shown_cas(workspace: Workspace) -> list[ShownCa]:
    """The portal's own first."""
    rows = {row.directory_url: row for row in accounts_of(workspace)}
    own = default_url()
    urls = dict.fromkeys([own, *rows])
    return [shown_ca(ca_at(url), rows.get(url)) for url in urls]


def shown_ca(ca: Ca, account: AcmeAccount | None) -> ShownCa:
    state, words = _state(account)
    facts = account.facts if account else {}
    details = {**facts, "profiles": [profile.name for profile in profiles_at(ca, facts)]}
    return ShownCa(ca, account, state, words, trouble_of(account), caa_record(account), details)


def _state(account: AcmeAccount | None) -> tuple[str, str]:
    if account is None:
        return "none", "No account yet"
    if account.closing_at:
        return "running", "Closing the account…"
    if account.rolling_at:
        return "running", "Changing the key…"
    if account.looked_at is None or account.is_under_way:
        return "running", "Looking…"
    if account.error_code:
        return "failed", "Does not answer as it should"
    return ("ok", "Account open") if account.uri else ("none", "Ready; the account opens with the first order")


def trouble_of(account: AcmeAccount | None) -> Wording | None:
    if account is None or not account.error_code or account.is_under_way:
        return None
    return describe(account.error_code, account.error_params)


def caa_record(account: AcmeAccount | None, host: str = "example.com") -> str:
    """The record that lets this account and no other one issue for `host` (RFC 8657); empty while there is none."""
    identities = account.facts.get("caa_identities") if account else None
    if account is None or not account.uri or not identities:
        return ""
    return f'{host}. IN CAA 0 issue "{identities[0]}; accounturi={account.uri}"'


def budgets_of(domain: Domain, names: Sequence[str], directory_url: str = "") -> list[dict[str, Any]]:
    """Every limit of a CA, the portal's own where none is named, as a certificate for `names` would find it.

    Also those that spare it because it renews a name set: the next one, with a name more, counts against them.
    """
    ordered = Ordered(domain.workspace_id, directory_url or default_url(), names)
    spared = spare_of(ordered, replaces="", domain_id=domain.pk)
    return [_shown_budget(budget, is_spared=bool(spared)) for budget in budgets(ordered, each=SUBJECTS_SHOWN)]


def _shown_budget(budget: Budget, *, is_spared: bool) -> dict[str, Any]:
    what = WORDS[Counted(budget.limit.counted)].format(subject=budget.subject)
    return {
        "what": what[0].upper() + what[1:],
        "used": budget.used,
        "most": budget.limit.most,
        "within": span(budget.limit.within.total_seconds()),
        "free_at": budget.free_at,
        "is_counted": not (is_spared and budget.limit.spares_renewals),
    }
