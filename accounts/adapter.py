"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.access import to_reauthentication
from accounts.fresh import is_fresh
from accounts.google.identity import connect_google
from accounts.google.token import Proof
from accounts.mail import queue_mail
from accounts.models import GoogleIdentity, User
from accounts.notices import mail_for
from accounts.sessions import forget_old_sessions, note_browser
from accounts.workspaces import ensure_workspace
from auditlog.events import Actor, record
from config.lib.errors import NeedsUser, describe

# In allauth's Login.signal_kwargs, which survive a second factor: what Google proved before the password was asked.
GOOGLE = "google"


class AccountAdapter(DefaultAccountAdapter):
    """Sends nothing itself: mail goes through the outbox."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        template, values = mail_for(template_prefix, context)
        queue_mail(to=email, template=template, context=values)

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:
        """Whoever has already verified this address is told of the attempt instead of asked to confirm it."""
        address = emailconfirmation.email_address
        owners = EmailAddress.objects.filter(email=address.email, verified=True)
        if owners.exclude(user_id=address.user_id).exists():
            self.send_account_already_exists_mail(address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        note_browser(request, get_client_ip(request))
        forget_old_sessions()

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        """Everybody lands in a workspace: also those who came by Google, or have left their last one."""
        actor = actor_of(request, user)
        with transaction.atomic():
            ensure_workspace(user=user, actor=actor)
            record("user.signed_in", workspace_id=None, actor=actor)
        proven = (options.get("signal_kwargs") or {}).get(GOOGLE)
        if proven:
            _connect(request, user, Proof(**proven))
        response: HttpResponse = super().post_login(request, user, **options)
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Google for those who have connected it; after the password, which needs no other site."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
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
            record("user.password_changed", workspace_id=None, actor=actor_of(context.request, user))


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
