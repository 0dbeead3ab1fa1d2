"""An invitation as a test meets it: sent, its link taken from the mail, its page opened, its button pressed."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.invitations import invite_person
from accounts.models import Invitation, Membership, User, Workspace
from auditlog.events import SYSTEM
from tests.cast import PASSWORD, Cast
from tests.unit.accounts.test_sign_up import delivered, link_in

NEW = "new@example.org"


@dataclass
class Sent:
    """`link` is the path in the mail."""

    row: Invitation
    link: str

    def page(self, client: Client) -> Any:
        return client.get(self.link)

    def accept(self, client: Client, **body: Any) -> Any:
        return client.post(f"/account/invitations/{self.row.pk}/accept/", body)

    def now(self) -> Invitation:
        return Invitation.unscoped.get(pk=self.row.pk)


def invite(cast: Cast, email: str = NEW, role: str = "member", inviter: User | None = None) -> Sent:
    who = inviter or cast.admin
    row = invite_person(workspace=cast.acme, inviter=who, actor=SYSTEM, email=email, role=role)
    return Sent(row, newest_link())


def newest_link() -> str:
    mails = [mail for mail in delivered() if "invites you" in mail["Subject"]]
    return link_in(mails[-1]).removeprefix(settings.SITE_URL)


def at_browser(user: User | None, *, fresh: bool = False) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def add_admin(cast: Cast, user: User) -> Membership:
    return Membership.objects.create(user=user, workspace=cast.acme, role="admin")


def role_in(workspace: Workspace, user: User) -> str:
    """Empty for whoever does not belong there."""
    membership = Membership.objects.filter(user=user, workspace=workspace).first()
    return membership.role if membership else ""


def membership_of(cast: Cast, user: User) -> Membership:
    return Membership.objects.get(user=user, workspace=cast.acme)
