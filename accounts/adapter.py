"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.core import context, ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.access import to_reauthentication
from accounts.addresses import plain_email
from accounts.fresh import is_fresh
from accounts.google.identity import connect_google
from accounts.google.token import Proof
from accounts.invitations import invitations_to
from accounts.models import GoogleIdentity, User
from accounts.notices import EVENTS, mail_for, tell_of_asked_change
from accounts.outbox import queue_mail
from accounts.person_trail import record_of_person
from accounts.sessions import end_sessions, note_browser, stored_key
from accounts.taking_back import undo_path
from accounts.workspaces import ensure_workspace
from auditlog.events import Actor
from config.lib.errors import NeedsUser, describe

# In allauth's Login.signal_kwargs, which survive a second factor: what Google proved before the password was asked.
GOOGLE = "google"

# Ways to confirm who one is, in our words.
WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}
SECOND_FACTOR_ADDED = ("mfa/email/totp_activated", "mfa/email/webauthn_added")
# What an event takes over of a notice's context.
TOLD = ("from_email", "to_email")


class AccountAdapter(DefaultAccountAdapter):
    """Sends nothing itself: mail goes through the outbox."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        template, values = mail_for(template_prefix, context)
        queue_mail(to=email, template=template, context=values)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Called once for each change of how an account is protected: told by mail, and written down."""
        context = dict(context or {})
        if template_prefix == "account/email/email_changed":
            context["undo_url"] = undo_path(user, str(context["from_email"]))
        with transaction.atomic():
            if template_prefix in SECOND_FACTOR_ADDED:
                # A session from before it would never be asked for it.
                here = stored_key(self.request.session.session_key or "")
                end_sessions(user=user, actor=actor_of(self.request, user), but=here)
            if template_prefix in EVENTS:
                kind, data = EVENTS[template_prefix]
                told: dict[str, str] = {name: str(value) for name, value in context.items() if name in TOLD}
                record_of_person(kind, user=user, actor=actor_of(self.request, user), data=data | told)
            super().send_notification_mail(template_prefix, user, context, email)

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:
        """Whoever has already verified this address is told of the attempt instead of asked to confirm it.

        Limited here, by account and by address: by address alone, as allauth does it, a stranger who keeps asking
        would keep the mail from its owner.
        """
        address = emailconfirmation.email_address
        for action, key in (("confirm_mine", f"{address.user_id}:{address.email}"), ("confirm_any", address.email)):
            if not ratelimit.consume(request, action=action, key=key):
                return
        if not signup and not address.primary:
            self._tell_of_asked_change(address)
        owners = EmailAddress.objects.filter(email=address.email, verified=True)
        if owners.exclude(user_id=address.user_id).exists():
            self.send_account_already_exists_mail(address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def _tell_of_asked_change(self, address: EmailAddress) -> None:
        if EmailAddress.objects.filter(user_id=address.user_id, email=address.user.email, verified=True).exists():
            tell_of_asked_change(address.user, address.email, get_client_ip(self.request))

    def clean_email(self, email: str) -> str:
        return plain_email(email)

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        note_browser(request, get_client_ip(request))

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        """Everybody lands in a workspace: also those who came by Google, or have left their last one."""
        actor = actor_of(request, user)
        with transaction.atomic():
            ensure_workspace(user=user, actor=actor)
            record_of_person("user.signed_in", user=user, actor=actor)
        proven = (options.get("signal_kwargs") or {}).get(GOOGLE)
        if proven:
            _connect(request, user, Proof(**proven))
        response: HttpResponse = super().post_login(request, user, **options)
        return response

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Whoever made the account because of an invitation goes on to it."""
        if invitations_to(email_address.user).exists():
            return reverse("accounts:invitation-list")
        return str(super().get_email_verification_redirect_url(email_address))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Google for those who have connected it; after the password, which needs no other site."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for method in methods:
            method["description"] = WAYS.get(method["id"], method["description"])
        if settings.GOOGLE_CLIENT_ID and user.is_authenticated and GoogleIdentity.objects.filter(user=user).exists():
            url = reverse("accounts:google-confirm")
            methods.append({"id": "google", "description": "Continue with Google", "url": url})
        return methods

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """allauth knows no way to ask people without password and second factor, and takes them for fresh; we do."""
        required: bool = super().is_reauthentication_required(app=app, **kwargs)
        request = context.request
        if required and not get_reauthentication_flows(request.user) and not is_fresh(request):
            raise ImmediateHttpResponse(to_reauthentication(request))
        return required

    def set_password(self, user: User, password: str) -> None:
        with transaction.atomic():
            user.set_password(password)
            user.save(update_fields=["password"])
            # Somebody who knew the old one may have asked for another address, and hold its link.
            EmailAddress.objects.filter(user=user, verified=False, primary=False).delete()
            record_of_person("user.password_changed", user=user, actor=actor_of(context.request, user))


def actor_of(request: HttpRequest | None, user: User) -> Actor:
    return Actor("user", id=user.pk, label=user.email, ip=get_client_ip(request) if request else None)


def _connect(request: HttpRequest, user: User, proof: Proof) -> None:
    """Only now: the second factor has been given too."""
    try:
        connect_google(user=user, proof=proof, actor=actor_of(request, user))
    except NeedsUser as error:
        wording = describe(error.code, error.params)
        messages.error(request, f"{wording.title}. {wording.why}")
    else:
        messages.success(request, f"From now on Google signs you in as {user.email}.")
