"""What Settings, Billing and the API tell of an account."""

import zoneinfo
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet

from accounts.models import Workspace
from billing.models import Account, Entry, EntryKind, TopUp, Work
from billing.prices import price_of
from config.lib import clock, errors
from config.lib.money import dollars

# What has its price and is there to be bought.
OFFERED = (Work.SSH, Work.PANEL, Work.RENEW)
CSV_COLUMNS = ("time", "kind", "about", "by", "amount_usd", "balance_usd", "id")


def entries_of(workspace: Workspace, filters: dict[str, Any]) -> QuerySet[Entry]:
    """The newest first; days are the workspace's."""
    rows = Entry.objects.for_workspace(workspace).order_by("-at", "-id")
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    if filters.get("kind"):
        rows = rows.filter(kind=filters["kind"])
    if filters.get("start"):
        rows = rows.filter(at__gte=datetime.combine(filters["start"], time(), zone))
    if filters.get("end"):
        rows = rows.filter(at__lt=datetime.combine(filters["end"] + timedelta(days=1), time(), zone))
    return rows


def csv_rows(rows: QuerySet[Entry]) -> Iterator[tuple[str, ...]]:
    for entry in rows.iterator(chunk_size=2000):
        money = (f"{cents / 100:.2f}" for cents in (entry.amount_cents, entry.balance_cents))
        kind = EntryKind(entry.kind).label
        yield entry.at.isoformat(), kind, entry.about, entry.actor_label, *money, str(entry.pk)


def prices_shown() -> list[dict[str, str]]:
    """`price` is empty for what is free."""
    return [{"label": work.label, "price": dollars(price_of(work)) if price_of(work) else ""} for work in OFFERED]


def is_card_expired(account: Account) -> bool:
    """`card_expires` is MM/YYYY; a card holds until the end of that month."""
    month, _, year = account.card_expires.partition("/")
    now = clock.now()
    return account.has_card and year.isdecimal() and (int(year), int(month)) < (now.year, now.month)


def last_top_ups(workspace: Workspace) -> list[TopUp]:
    return list(TopUp.objects.for_workspace(workspace).order_by("-created_at", "-id")[:10])


def auto_trouble(account: Account) -> errors.Wording | None:
    """Why automatic top-ups stopped by themselves."""
    if not account.auto_is_on or not account.auto_code:
        return None
    failed = TopUp.objects.for_workspace(account.workspace_id).filter(mode=TopUp.Mode.AUTO, state=TopUp.State.FAILED)
    last = failed.order_by("-created_at").first()
    params = last.error_params if last and last.error_code == account.auto_code else {}
    return errors.describe(account.auto_code, params)


def trouble_of(top_up: TopUp) -> errors.Wording | None:
    return errors.describe(top_up.error_code, top_up.error_params) if top_up.error_code else None
