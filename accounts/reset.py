"""The form that asks for a link to a new password."""

from typing import Any

from allauth.account.forms import ResetPasswordForm

from accounts.addresses import plain_email


class OneResetForm(ResetPasswordForm):
    """One mail for one request: of several unconfirmed accounts with an address, the newest is meant."""

    users: list[Any]

    def clean_email(self) -> str:
        super().clean_email()
        self.users = sorted(self.users, key=lambda user: user.date_joined)[-1:]
        return plain_email(self.cleaned_data["email"])
