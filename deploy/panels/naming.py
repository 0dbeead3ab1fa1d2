"""How people know an account at a panel."""

from deploy.models import PanelAccount


def panel_label(account: PanelAccount) -> str:
    """Its name, else the vendor with the host where there is one of its own."""
    if account.name:
        return account.name
    # Every process plans runs, and few of them speak to a panel: the clients' libraries come when one is named.
    from deploy.panels.known import panels

    vendor = panels.get(account.kind).label if account.kind in panels else account.kind
    return " ".join(part for part in (vendor, account.config.get("host", "")) if part)
