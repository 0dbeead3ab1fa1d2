"""allauth's mails in our words: which of our templates each becomes, and what of its context is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from accounts.browsers import name_browser
from accounts.models import User
from accounts.outbox import queue_mail


@dataclass(frozen=True)
class Mail:
    """`keep` renames what is taken over; nothing else of allauth's context reaches the outbox."""

    template: str
    keep: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)


def _notice(happened: str) -> Mail:
    """Something about the account's safety changed; the one action is to take the account back."""
    return Mail("security_notice", {"ip": "ip"}, {"happened": happened})


# What a notice's occasion is in the audit log: the kind of event and what is known of it beforehand.
EVENTS: dict[str, tuple[str, dict[str, str]]] = {
    "account/email/email_changed": ("user.email_changed", {}),
    "mfa/email/totp_activated": ("user.second_factor_added", {"factor": "an authenticator app"}),
    "mfa/email/totp_deactivated": ("user.second_factor_removed", {"factor": "the authenticator app"}),
    "mfa/email/recovery_codes_generated": ("user.second_factor_added", {"factor": "new recovery codes"}),
    "mfa/email/webauthn_added": ("user.second_factor_added", {"factor": "a passkey"}),
    "mfa/email/webauthn_removed": ("user.second_factor_removed", {"factor": "a passkey"}),
}


BY_PREFIX: dict[str, Mail] = {
    "account/email/email_confirmation_signup": Mail("verify_email", {"activate_url": "action_url"}, {"is_new": True}),
    "account/email/email_confirmation": Mail("verify_email", {"activate_url": "action_url"}, {"is_new": False}),
    "account/email/password_reset_key": Mail("reset_password", {"password_reset_url": "action_url"}),
    "account/email/account_already_exists": Mail("account_exists", {"password_reset_url": "action_url"}),
    "account/email/unknown_account": Mail("unknown_account", {"signup_url": "action_url"}),
    "account/email/password_changed": _notice("The password of your account was changed"),
    "account/email/password_reset": _notice("The password of your account was reset"),
    "account/email/password_set": _notice("A password was set for your account"),
    "account/email/email_changed": Mail(
        "address_changed",
        {"ip": "ip", "from_email": "from_email", "to_email": "to_email", "undo_url": "action_url"},
    ),
    "account/email/email_confirm": _notice("An e-mail address of your account was confirmed"),
    "account/email/email_deleted": _notice("An e-mail address was removed from your account"),
    "mfa/email/totp_activated": _notice("An authenticator app was added to your account"),
    "mfa/email/totp_deactivated": _notice("The authenticator app was removed from your account"),
    "mfa/email/recovery_codes_generated": _notice("New recovery codes were made for your account"),
    "mfa/email/webauthn_added": _notice("A passkey was added to your account"),
    "mfa/email/webauthn_removed": _notice("A passkey was removed from your account"),
}


def mail_for(prefix: str, context: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The template and the context of allauth's mail `prefix`; an unknown one is a bug (KeyError)."""
    mail = BY_PREFIX[prefix]
    kept = {ours: str(context[theirs]) for theirs, ours in mail.keep.items() if context.get(theirs)}
    if "user_agent" in context:
        # By its name alone: what a browser says of itself is whatever a stranger wants to write into a mail of ours.
        kept["browser"] = name_browser(str(context["user_agent"]))
    # Links lead to SITE_URL whatever Host header the request came with.
    path = urlsplit(kept["action_url"]).path if "action_url" in kept else reverse("account_reset_password")
    kept["action_url"] = settings.SITE_URL + path
    return mail.template, {**mail.fixed, **kept}


def notice_context(happened: str, ip: str | None, then: str = "") -> dict[str, Any]:
    """The context of a `security_notice` about something that is not allauth's.

    `then` is what the person has to do besides choosing a new password when it was not them.
    """
    action_url = settings.SITE_URL + reverse("account_reset_password")
    return {"happened": happened, "ip": ip or "", "then": then, "action_url": action_url}


def tell_of_guesses(user: User) -> None:
    """Somebody entered the right password and then wrong codes."""
    happened = "Somebody entered the password of your account and then several wrong codes of the second step"
    queue_mail(to=user.email, template="security_notice", context=notice_context(happened, None))


def tell_of_asked_change(user: User, new: str, ip: str | None) -> None:
    """To the address that is still the account's: while the change only waits to be confirmed, it can be stopped."""
    happened = f"Somebody asked to change the e-mail address of your account to {new}"
    then = "A new password also cancels the change."
    queue_mail(to=user.email, template="security_notice", context=notice_context(happened, ip, then))
