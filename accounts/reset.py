"""The form that asks for a link to a new password."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django.http import HttpRequest

from accounts.addresses import plain_email
from accounts.outbox import RESET_ASKED, queue_mail


class OneResetForm(ResetPasswordForm):
    """Looks nobody up: the same row goes into the outbox whether or not there is an account."""

    def clean_email(self) -> str:
        return plain_email(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        queue_mail(to=email, template=RESET_ASKED, context={"email": email})
        return email
