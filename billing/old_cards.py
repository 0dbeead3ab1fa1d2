"""Cards that were replaced or removed, until Stripe has forgotten them, too."""

from collections.abc import Sequence

from billing import stripe_api
from billing.models import OldCard
from config.lib import jobs
from config.lib.errors import ExpectedError


def forget_old_cards(batch: Sequence[OldCard]) -> None:
    for card in batch:
        card.renew_lease(2 * stripe_api.SECONDS)
        stripe_api.forget_card(card.payment_method)
        if not OldCard.unscoped.filter(pk=card.pk, lease_token=card.lease_token).delete()[0]:
            raise jobs.LeaseLost(str(card.pk))


def give_up(card: OldCard, error: ExpectedError) -> None:
    """The row stays as evidence; with the customer the card goes too."""
    card.finish(error_code=error.code, error_params=jobs.storable(error.params))
