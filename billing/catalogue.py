"""Words about money: what happened, why, what to do."""

from config.lib.errors import Entry, register

WHERE = "Settings, Billing"

register(
    {
        "balance_too_low": Entry(
            "The balance is too low: {missing} more is needed",
            "Automation is paid from the workspace's balance, which has to be {minimum} at least and has to cover the "
            "price beside what is set aside for other work. Watching, alerts and downloads stay free.",
            f"An admin of the workspace adds funds in {WHERE}: what waits goes on by itself then.",
        ),
        "amount_outside": Entry(
            "The amount has to be between {least} and {most}",
            "Smaller payments would mostly be fees; larger ones are better talked about first.",
            "Enter another amount.",
        ),
        "auto_needs_top_up": Entry(
            "Automatic top-ups need a card on file",
            "The first payment is made by hand, and saves the card that later ones take.",
            "Add funds once, then turn automatic top-ups on.",
        ),
        "stripe_away": Entry(
            "Stripe did not answer",
            "The payment service could not be reached, or is busy ({answer}).",
            "Nothing to do: it is asked again by itself, and no payment is made twice.",
        ),
        "stripe_key_refused": Entry(
            "Payments do not work at the moment",
            "Stripe does not accept the portal's key: it was withdrawn, or lacks a right.",
            "Tell whoever runs this portal; STRIPE_SECRET_KEY has to be set anew. It is tried again by itself.",
        ),
        "stripe_refused": Entry(
            "Stripe refuses the request: {answer}",
            "Asking again would bring the same answer.",
            "Start anew; tell whoever runs this portal when it comes again.",
        ),
        "stripe_customer_gone": Entry(
            "Stripe does not know the workspace any more",
            "Its customer was deleted there, or the portal was connected to another account. Nothing was charged.",
            "Start anew: it is made again with the next payment, which saves a card, too.",
        ),
        "stripe_asked_otherwise": Entry(
            "Stripe was asked the same thing in another way",
            "Something about the request has changed since it was first sent. No payment was made twice.",
            "Start anew; tell whoever runs this portal when it comes again.",
        ),
        "money_given_back": Entry(
            "Automatic top-ups have stopped: money was given back",
            "Charging the card by itself would take back at once what was just returned.",
            f"Turn them on again in {WHERE} when the card may be charged.",
        ),
        "top_ups_open": Entry(
            "There are {limit} payments open already",
            "None of them has been paid or given up.",
            "Go on with one of them, or press 'Do not pay' on its page.",
        ),
        "card_missing": Entry(
            "There is no card on file",
            "It was removed, here or at Stripe.",
            f"Add funds by hand in {WHERE}: that saves a card again.",
        ),
        "card_needs_you": Entry(
            "The bank wants you to confirm the payment",
            "It does not let this card be charged without you.",
            f"Pay by hand in {WHERE}: the bank asks you there. Automatic top-ups go on after it.",
        ),
        "card_unusable": Entry(
            "The card cannot be used any more",
            "It has expired, or its number is not valid.",
            f"Save another card in {WHERE}.",
        ),
        "card_without_funds": Entry(
            "The bank refused the payment for lack of funds",
            "Nothing was charged.",
            f"Pay by hand in {WHERE}, or save another card.",
        ),
        "card_declined": Entry(
            "The bank refused the payment",
            "It does not say why. Nothing was charged.",
            f"Ask the bank, pay by hand in {WHERE}, or save another card.",
        ),
        "payment_mismatch": Entry(
            "The payment {payment} is not what was asked for",
            "Its amount, currency, account or mode is another. It was not credited.",
            "Write to whoever runs this portal; the payment is in their Stripe account.",
        ),
        "payment_unknown": Entry(
            "Stripe knows nothing of this payment",
            "It was asked for more than a day ago, and never made.",
            "Nothing was charged. Start anew.",
        ),
        "payment_undecided": Entry(
            "The bank has not decided about the payment",
            "It was asked for more than a week ago. Should it be paid after all, it is credited then.",
            f"Pay by hand in {WHERE}, or ask the bank.",
        ),
        "payment_pending": Entry(
            "The payment is not credited yet",
            "What Stripe said about it came before the payment itself.",
            "Nothing to do: it is looked at again by itself.",
        ),
        "payment_disputed": Entry(
            "A payment is disputed at the bank",
            "The card's owner asked the bank for the money back, so the card is not charged by itself any more.",
            "Settle it with your bank, then add funds by hand.",
        ),
    }
)
