"""The workspace's certificates as the forecast takes them. Three queries."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from accounts.models import Workspace
from certificates.forecast.forecasting import Holding, Kind, Rule
from certificates.models import Certificate
from certificates.shelf.shown import ders_of
from config.lib import clock, x509
from config.lib.x509.chain import build
from notifications.models import Rule as AlertRule
from notifications.models import Trigger

MOST = 20_000
LETS_ENCRYPT = ("acme-v02.api.letsencrypt.org", "acme-staging-v02.api.letsencrypt.org")
PRIVATE_WARNINGS = frozenset({"upload_self_signed", "upload_untrusted"})
_COLUMNS = ("pk", "domain_id", "names", "names_key", "source", "directory_url", "issuer", "not_before", "not_after",
            "renew_at", "warnings")  # fmt: skip


def holdings_of(workspace: Workspace) -> tuple[list[Holding], dict[str, Any]]:
    """What is valid on file, of each set of names its newest; and the rows by the holdings' keys."""
    rows = Certificate.objects.for_workspace(workspace).filter(not_after__gt=clock.now(), revoked_at=None)
    newest: dict[tuple[Any, str], Any] = {}
    for row in rows.order_by("created_at", "pk").values_list(*_COLUMNS, named=True)[:MOST]:
        newest[row.domain_id, row.names_key] = row
    by_key = {str(row.pk): row for row in newest.values()}
    public = _public_directories(workspace, newest.values())
    return [_holding(key, row, public) for key, row in by_key.items()], by_key


def _public_directories(workspace: Workspace, rows: Iterable[Any]) -> frozenset[str]:
    """Of the CAs that issued these, those whose chain leads to a public root; one certificate of each tells it."""
    of_each = {row.directory_url: row.pk for row in rows if row.source == Certificate.Source.ACME}
    roots, now = x509.load_roots(), clock.now()
    found = Certificate.objects.for_workspace(workspace).filter(pk__in=of_each.values())
    return frozenset(one.directory_url for one in found if build(ders_of(one), roots, now).trusted)


def _holding(key: str, row: Any, public: Collection[str]) -> Holding:
    return Holding(
        key=key,
        kind=kind_of(row, public),
        not_before=row.not_before,
        not_after=row.not_after,
        is_manual=row.renew_at is None,
        is_upload=row.source == Certificate.Source.UPLOAD,
    )


def kind_of(row: Any, public: Collection[str]) -> Kind:
    """Whose rules it is under. An upload whose chain led to a trusted root is a public CA's.

    `public` are the directories of public CAs.
    """
    if row.source == Certificate.Source.UPLOAD:
        if PRIVATE_WARNINGS & {one["code"] for one in row.warnings}:
            return "private"
        return "letsencrypt" if row.issuer == "Let's Encrypt" else "public"
    if urlsplit(row.directory_url).hostname in LETS_ENCRYPT:
        return "letsencrypt"
    return "public" if row.directory_url in public else "private"


def rules_of(workspace: Workspace) -> list[Rule]:
    """The alert rules that count days before the end."""
    return list(_rules(workspace))


def _rules(workspace: Workspace) -> Iterator[Rule]:
    rows = AlertRule.objects.for_workspace(workspace).filter(trigger=Trigger.EXPIRY, paused_at=None, is_default=False)
    for name, days in rows.order_by("name", "pk").values_list("name", "days_before_expiry")[:200]:
        if days is not None:
            yield Rule(name, days)
