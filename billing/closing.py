"""What of a workspace's money has to be settled before its rows go."""

from accounts.closing import Content, Settling, closing_steps, contents
from billing.models import Account, Entry, TopUp
from config.lib.errors import ExpectedError
from config.lib.money import dollars

contents.add("balance", Content(Account, "the prepaid balance (it is not paid back by itself)", "", 34))
contents.add("ledger", Content(Entry, "1 entry of the balance", "{} entries of the balance", 35))


def forget_customer(settling: Settling) -> list[str]:
    """The customer goes at Stripe, and with it the saved card; what is left of the balance is told."""
    from billing import stripe_api  # Only the worker that takes a workspace apart needs the library.
    from billing.prices import is_on

    account = Account.unscoped.filter(workspace_id=settling.workspace_id).first()
    if account is None:
        return []
    left = [f"the balance of {dollars(account.balance_cents)}"] if account.balance_cents > 0 else []
    under_way = TopUp.unscoped.filter(
        workspace_id=account.workspace_id, state__in=TopUp.OPEN_STATES, amount_cents__gt=0
    )
    left += [
        f"a payment of {dollars(cents)} under way"
        for cents in under_way.exclude(mode="card").values_list("amount_cents", flat=True)
    ]
    if not account.customer:
        return left
    if not is_on():
        return [*left, f"the customer {account.customer} at Stripe"]
    settling.hold()
    try:
        for session in under_way.exclude(session="").values_list("session", flat=True):
            stripe_api.expire_session(session)
        stripe_api.forget_customer(account.customer)
    except ExpectedError:
        if not settling.is_last:
            raise
        return [*left, f"the customer {account.customer} at Stripe"]
    Account.unscoped.filter(pk=account.pk).update(customer="", payment_method="", card_brand="", card_last4="")
    return left


closing_steps.add("billing", forget_customer)
