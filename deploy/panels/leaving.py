"""Accounts at panels that no domain uses any more: their credential is destroyed with the last of them."""

from deploy.models import PanelAccount, PanelTarget
from domains.leaving import steps
from domains.models import Domain


def drop_unused(account: PanelAccount) -> None:
    """Inside the transaction that took a domain from it. Of two such at once the later one sees that it is the last."""
    row = PanelAccount.unscoped.select_for_update().filter(pk=account.pk).first()
    if row and not row.targets.exists():
        row.delete()


def leave_panels(domain: Domain) -> None:
    """A deleted domain uses no account any more."""
    rows = PanelTarget.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    accounts = [place.account for place in rows.select_related("account").order_by("account_id")]
    rows.delete()
    for account in accounts:
        drop_unused(account)


steps.add("panels", leave_panels)
