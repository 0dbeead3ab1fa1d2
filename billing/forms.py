"""The forms of Settings, Billing."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from billing.models import Account, EntryKind
from billing.prices import LEAST_TOP_UP_CENTS, MOST_TOP_UP_CENTS, minimum_cents
from config.lib.errors import describe
from config.lib.money import dollars

_AMOUNT = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,2})?")
_MONEY = {"inputmode": "decimal", "autocomplete": "off"}


class DollarField(forms.Field):
    """Dollars in the form, cents in `cleaned_data`."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs=_MONEY), **kwargs)
        self.least, self.most = least, most

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip().removeprefix("$")
        if not text:
            return None
        if not _AMOUNT.fullmatch(text):
            raise forms.ValidationError("Enter an amount in dollars, such as 25.00.", code="invalid")
        return int(Decimal(text) * 100)

    def validate(self, value: int | None) -> None:
        super().validate(value)
        if value is not None and not self.least <= value <= self.most:
            words = describe("amount_outside", {"least": dollars(self.least), "most": dollars(self.most)})
            raise forms.ValidationError(f"{words.title}.", code="amount_outside")


class FundsForm(forms.Form):
    amount = DollarField(
        label="Amount in US dollars",
        least=LEAST_TOP_UP_CENTS,
        most=MOST_TOP_UP_CENTS,
        help_text=f"From {dollars(LEAST_TOP_UP_CENTS)} to {dollars(MOST_TOP_UP_CENTS)}. You pay at Stripe, which "
        "keeps the card for automatic top-ups. Nothing is charged before that.",
    )


class AutoForm(forms.Form):
    is_on = forms.BooleanField(label="Top up automatically", required=False)
    threshold = DollarField(label="When the balance is at or below", least=0, most=MOST_TOP_UP_CENTS)
    amount = DollarField(label="Charge the saved card", least=LEAST_TOP_UP_CENTS, most=MOST_TOP_UP_CENTS)

    def __init__(self, data: Any = None, *, account: Account) -> None:
        threshold = max(account.auto_threshold_cents, minimum_cents())
        super().__init__(
            data,
            # The other form of the page has an amount, too.
            auto_id="auto_%s",
            initial={
                "is_on": account.auto_is_on,
                "threshold": f"{threshold / 100:.2f}",
                "amount": f"{account.auto_amount_cents / 100:.2f}",
            },
        )
        # Below it automation waits already, so the balance would never fall to a lower threshold.
        self.fields["threshold"].least = minimum_cents()  # type: ignore[attr-defined]


# A day more must still be a date.
_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class LedgerFilter(forms.Form):
    """Of the list and of the CSV."""

    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "All"), *EntryKind.choices])
    start = forms.DateField(
        label="From", required=False, validators=_DAYS, widget=forms.DateInput(attrs={"type": "date"})
    )
    end = forms.DateField(label="To", required=False, validators=_DAYS, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("start") and told.get("end") and told["end"] < told["start"]:
            self.add_error("end", "This day is before the first one.")
        return told
