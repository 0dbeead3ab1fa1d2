"""How people know an account at a panel."""

from collections.abc import Sequence

from deploy.models import PanelAccount


def panel_label(account: PanelAccount) -> str:
    """Its name, else the vendor with the host where there is one of its own."""
    return account.name or _vendor_and_host(account)


def _vendor_and_host(account: PanelAccount) -> str:
    # Every process plans runs, and few of them speak to a panel: the clients' libraries come when one is named.
    from deploy.panels.known import panels

    vendor = panels.get(account.kind).label if account.kind in panels else account.kind
    return " ".join(part for part in (vendor, account.config.get("host", "")) if part)


def account_in_full(account: PanelAccount) -> str:
    """What tells it from the workspace's other accounts: name, vendor, host, port, user or zones, and its domains.

    Reads `account.targets` with their domains, so a list of accounts prefetches those.
    """
    told, places = account.config, list(account.targets.all())
    port = f":{told['port']}" if told.get("host") and told.get("port") else ""
    # Where everybody's host is the same, the zones are what it is known by.
    zones = [] if told.get("host") else sorted({one["site"] for place in places for one in place.sites})
    parts = [account.name, _vendor_and_host(account) + port, told.get("username", ""), *zones[:3]]
    return ", ".join([*(part for part in parts if part), used_by([place.domain.label for place in places])])


def used_by(hosts: Sequence[str], most: int = 3) -> str:
    """`used by 12 domains: a, b, c and 9 more`."""
    if not hosts:
        return "used by no domain"
    more = f" and {len(hosts) - most} more" if len(hosts) > most else ""
    noun = "1 domain" if len(hosts) == 1 else f"{len(hosts)} domains"
    return f"used by {noun}: {', '.join(sorted(hosts)[:most])}{more}"
