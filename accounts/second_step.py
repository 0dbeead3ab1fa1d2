"""Codes of the second step: guessed far less often than passwords, and not unseen."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core import context, ratelimit
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from django.core.cache import cache

from accounts.models import User
from accounts.notices import tell_of_guesses

ACTION = "second_step"  # its rates are in ACCOUNT_RATE_LIMITS
TOLD_EVERY = 24 * 3600


class _LimitedForm(BaseAuthenticateForm):
    def clean_code(self) -> Any:
        key = _bucket(self.user)
        if not ratelimit.consume(context.request, action=ACTION, key=key):
            # Whoever comes this far knows the password.
            if cache.add(f"second-step-told:{self.user.pk}", True, TOLD_EVERY):
                tell_of_guesses(self.user)
            raise get_account_adapter().validation_error("too_many_login_attempts")
        code = super().clean_code()
        ratelimit.clear(context.request, action=ACTION, key=key)
        return code


class SecondStepForm(_LimitedForm, AuthenticateForm):
    """After the password."""


class ConfirmCodeForm(_LimitedForm, ReauthenticateForm):
    """Fresh authentication."""


def _bucket(user: User) -> str:
    """A new password opens a new one: else a thief of the old could keep its owner out."""
    return f"{user.pk}:{user.password[-16:]}"
