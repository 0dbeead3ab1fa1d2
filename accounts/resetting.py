"""What a request for a new password becomes: worked out by a worker, since the time of the page would tell."""

from collections.abc import Mapping
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse

from accounts.notices import mail_for


def work_out_reset(asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The mail to an address: one, whoever has it; of several unconfirmed accounts, the newest is meant."""
    found = filter_users_by_email(asked["email"], is_active=True, prefer_verified=True, for_login=True)
    users = sorted(found, key=lambda user: user.date_joined)
    if not users:
        return mail_for("account/email/unknown_account", {"signup_url": reverse("account_signup")})
    link = {"uidb36": user_pk_to_url_str(users[-1]), "key": default_token_generator.make_token(users[-1])}
    url = reverse("account_reset_password_from_key", kwargs=link)
    return mail_for("account/email/password_reset_key", {"password_reset_url": url})
