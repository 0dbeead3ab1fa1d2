"""Every way to join without being invited, each refused."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from accounts.invitations import accept_invitation, invite_person, resend_invitation, revoke_invitation
from accounts.members import change_role, remove_member
from accounts.models import Invitation, Membership, PlatformMail, User, Workspace
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser, Transient
from tests.cast import Cast, make_cast, make_user
from tests.unit.accounts.inviting import NEW, Sent, add_admin, at_browser, invite, membership_of, role_in
from tests.unit.accounts.test_sign_up import delivered

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    delivered()
    cast = make_cast()
    add_admin(cast, cast.outsider)  # so that the inviter may go
    return cast


@pytest.fixture
def person(cast: Cast) -> User:
    return make_user(NEW)


def revoke(cast: Cast, sent: Sent) -> None:
    revoke_invitation(invitation=sent.row, actor=SYSTEM)


def demote(cast: Cast, sent: Sent) -> None:
    change_role(membership=membership_of(cast, cast.admin), role="member", actor=SYSTEM)


def demote_and_promote(cast: Cast, sent: Sent) -> None:
    demote(cast, sent)
    change_role(membership=membership_of(cast, cast.admin), role="admin", actor=SYSTEM)


def remove(cast: Cast, sent: Sent) -> None:
    remove_member(membership=membership_of(cast, cast.admin), actor=SYSTEM)


def lose_the_role_unseen(cast: Cast, sent: Sent) -> None:
    """By whatever forgot to withdraw the invitations."""
    Membership.objects.filter(user=cast.admin).update(role="member")


def disable(cast: Cast, sent: Sent) -> None:
    User.objects.filter(pk=cast.admin.pk).update(is_active=False)


def close(cast: Cast, sent: Sent) -> None:
    Workspace.objects.filter(pk=cast.acme.pk).update(closing_at=clock.now())


ENDINGS: dict[str, tuple[Callable[[Cast, Sent], None], int]] = {
    "revoked": (revoke, 410),
    "its inviter is no longer admin": (demote, 410),
    "its inviter was demoted for a while": (demote_and_promote, 410),
    "its inviter lost the role by another way": (lose_the_role_unseen, 410),
    "its inviter was removed": (remove, 410),
    "its inviter is disabled": (disable, 410),
    "its workspace is being deleted": (close, 404),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ended_invitation_lets_nobody_in(cast: Cast, person: User, ending: str) -> None:
    end, status = ENDINGS[ending]
    sent = invite(cast)
    end(cast, sent)
    assert_refused(cast, sent, at_browser(person), status)
    assert role_in(cast.acme, person) == ""


def assert_refused(cast: Cast, sent: Sent, client: Client, status: int) -> None:
    """The page names nobody and offers nothing; the button, pressed all the same, does nothing."""
    page = sent.page(client)
    assert page.status_code == status
    text = page.content.decode()
    for told in ("Join", "Acme", "admin@example.org"):
        assert told not in text
    people = Membership.objects.filter(workspace=cast.acme).count()
    assert sent.accept(client).headers["Location"] == "/account/invitations/"
    waiting = client.get("/account/invitations/").content.decode()
    assert "This invitation is no longer open" in waiting
    assert "Join" not in waiting
    assert Membership.objects.filter(workspace=cast.acme).count() == people


def test_an_expired_invitation_lets_nobody_in(cast: Cast, person: User) -> None:
    sent = invite(cast)
    sent_at = clock.now()
    with time_machine.travel(sent_at + timedelta(days=6, hours=23), tick=False):
        assert "Join Acme" in sent.page(at_browser(person)).content.decode()
    with time_machine.travel(sent_at + timedelta(days=7, seconds=1), tick=False):
        assert_refused(cast, sent, at_browser(person), 410)


def test_an_invitation_is_used_once(cast: Cast, person: User) -> None:
    sent = invite(cast)
    client = at_browser(person)
    for _ in range(2):
        assert sent.accept(client).headers["Location"] == f"/w/{cast.acme.pk}/domains/"
    assert Membership.objects.filter(user=person).count() == 1
    assert Event.objects.for_workspace(cast.acme).filter(kind="member.added", data__email=NEW).count() == 1
    remove_member(membership=membership_of(cast, person), actor=SYSTEM)
    assert_refused(cast, sent, client, 410)
    assert "This invitation was used already" in sent.page(Client()).content.decode()


def test_the_old_link_of_a_resent_invitation_is_dead(cast: Cast, person: User) -> None:
    sent = invite(cast)
    resend_invitation(invitation=sent.row, inviter=cast.admin, actor=SYSTEM)
    page = sent.page(at_browser(person))
    assert page.status_code == 404
    assert "Acme" not in page.content.decode()


def test_another_persons_account_does_not_get_in(cast: Cast) -> None:
    sent = invite(cast)
    thief = make_user("thief@example.org")
    assert "Join" not in sent.page(at_browser(thief)).content.decode()
    assert sent.accept(at_browser(thief)).status_code == 404
    assert role_in(cast.acme, thief) == ""


@pytest.mark.parametrize("has_owner", [True, False])
def test_an_account_that_only_claims_the_address_does_not_get_in(cast: Cast, has_owner: bool) -> None:
    if has_owner:
        make_user(NEW)
    claimer = make_user(NEW, verified=False)
    sent = invite(cast)
    page = sent.page(at_browser(claimer)).content.decode()
    assert "First confirm that new@example.org is yours" in page
    assert "Join" not in page
    assert sent.accept(at_browser(claimer)).status_code == 404
    assert role_in(cast.acme, claimer) == ""


@pytest.mark.parametrize("email", ["thief@example.org", NEW])
def test_the_operation_itself_asks_for_the_confirmed_address(cast: Cast, email: str) -> None:
    thief = make_user(email, verified=email != NEW)
    sent = invite(cast)
    with pytest.raises(NeedsUser) as refused:
        accept_invitation(invitation=sent.row, user=thief, actor=SYSTEM)
    assert refused.value.code == "invitation_not_yours"
    assert role_in(cast.acme, thief) == ""


def test_a_stranger_is_asked_to_sign_in(cast: Cast) -> None:
    sent = invite(cast)
    assert sent.accept(Client()).headers["Location"].startswith("/account/login/")
    assert sent.now().accepted_at is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "A" * 43,
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.swapcase(),
        lambda token: "%00" + token,
        lambda _: "é" * 43,
    ],
    ids=["invented", "cut", "longer", "changed", "in the other case", "with NUL", "not ASCII"],
)
def test_a_wrong_token_finds_nothing(cast: Cast, person: User, spoil: Any) -> None:
    sent = invite(cast)
    before, _, token = sent.link.strip("/").rpartition("/")
    page = at_browser(person).get(f"/{before}/{spoil(token)}/")
    assert page.status_code == 404
    assert "This link leads to no invitation" in page.content.decode()


def test_what_the_database_holds_of_a_token_is_no_token(cast: Cast, person: User) -> None:
    sent = invite(cast)
    assert at_browser(person).get(f"/account/invitation/{sent.row.digest}/").status_code == 404


def test_looking_does_not_join(cast: Cast, person: User) -> None:
    """Mail scanners open every link."""
    sent = invite(cast)
    client = at_browser(person)
    assert client.get(sent.link).status_code == client.head(sent.link).status_code == 200
    assert client.post(sent.link).status_code == 405
    accept = f"/account/invitations/{sent.row.pk}/accept/"
    assert client.get(accept).status_code == client.head(accept).status_code == 405
    assert sent.now().accepted_at is None
    assert role_in(cast.acme, person) == ""


def test_another_site_cannot_press_the_button(cast: Cast, person: User) -> None:
    sent = invite(cast)
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert sent.accept(client).status_code == 403
    assert role_in(cast.acme, person) == ""


def test_the_role_is_the_invitations_whatever_the_form_says(cast: Cast, person: User) -> None:
    sent = invite(cast)
    sent.accept(at_browser(person), role="admin", workspace=str(cast.other.pk), user=str(cast.admin.pk))
    assert role_in(cast.acme, person) == "member"
    assert Membership.objects.filter(user=person).count() == 1


def test_an_invitation_says_no_more_than_the_form_asks(cast: Cast) -> None:
    body = {
        "email": NEW,
        "role": "admin",
        "workspace": str(cast.other.pk),
        "invited_by": str(cast.member.pk),
        "expires_at": "2099-01-01T00:00:00Z",
        "digest": "0" * 64,
        "accepted_at": "2020-01-01T00:00:00Z",
    }
    at_browser(cast.admin, fresh=True).post(f"/w/{cast.acme.pk}/team/invite/", body)
    row = Invitation.unscoped.get()
    assert (row.workspace_id, row.invited_by_id, row.accepted_at) == (cast.acme.pk, cast.admin.pk, None)
    assert row.digest != "0" * 64
    assert row.expires_at < clock.now() + timedelta(days=7, seconds=1)


@pytest.mark.parametrize("role", ["owner", "", "ADMIN", "staff"])
def test_there_are_no_other_roles(cast: Cast, role: str) -> None:
    body = {"email": NEW, "role": role}
    assert at_browser(cast.admin, fresh=True).post(f"/w/{cast.acme.pk}/team/invite/", body).status_code == 200
    assert not Invitation.unscoped.exists()


def test_a_members_role_does_not_change_by_accepting(cast: Cast, person: User) -> None:
    sent = invite(cast, role="admin")
    Membership.objects.create(user=person, workspace=cast.acme, role="member")
    sent.accept(at_browser(person))
    assert role_in(cast.acme, person) == "member"
    assert sent.now().accepted_at is None


def test_a_member_may_not_invite(cast: Cast) -> None:
    client = at_browser(cast.member, fresh=True)
    assert client.post(f"/w/{cast.acme.pk}/team/invite/", {"email": NEW, "role": "admin"}).status_code == 403
    assert not Invitation.unscoped.exists()


def test_an_admin_with_an_unconfirmed_address_may_not_invite() -> None:
    cache.clear()
    client = Client()
    body = {"email": "spammer@example.org", "password1": "correct horse battery", "password2": "correct horse battery"}
    client.post("/account/signup/", body)
    client.post("/account/reauthenticate/", {"password": "correct horse battery"})
    workspace = Workspace.objects.get()
    answer = client.post(f"/w/{workspace.pk}/team/invite/", {"email": NEW, "role": "member"})
    assert answer.status_code == 403
    assert "Confirm your e-mail address first" in answer.content.decode()
    assert not Invitation.unscoped.exists()


def test_neither_many_workspaces_nor_deleting_them_gets_more_mails_out(cast: Cast) -> None:
    """To one address five a day, from one person a hundred, whatever is still there of what sent them."""
    for number in range(4):
        workspace = create_workspace(user=cast.admin, name=f"Cannon {number}", actor=SYSTEM)
        for _ in range(2):
            with contextlib.suppress(Transient):
                invite_person(workspace=workspace, inviter=cast.admin, actor=SYSTEM, email=NEW, role="member")
        Invitation.unscoped.filter(workspace=workspace).delete()
    assert PlatformMail.objects.filter(to=NEW, template="invitation").count() == 5
    workspace = create_workspace(user=cast.admin, name="Another", actor=SYSTEM)
    for number in range(95):
        address = f"person{number}@example.net"
        invite_person(workspace=workspace, inviter=cast.admin, actor=SYSTEM, email=address, role="member")
        Invitation.unscoped.filter(workspace=workspace).delete()
    with pytest.raises(Transient, match="invitation_mails_spent"):
        invite_person(workspace=workspace, inviter=cast.admin, actor=SYSTEM, email="one@more.example", role="member")
