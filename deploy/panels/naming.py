"""How people know an account at a panel."""

from deploy.models import PanelAccount
from deploy.panels.known import panels


def panel_label(account: PanelAccount) -> str:
    """Its name, else the vendor with the host where there is one of its own."""
    vendor = panels.get(account.kind).label if account.kind in panels else account.kind
    return account.name or " ".join(part for part in (vendor, account.config.get("host", "")) if part)
