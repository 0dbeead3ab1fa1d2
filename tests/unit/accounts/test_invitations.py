"""Invitations: what the mail says, who may open it, how it ends, and how many there may be."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from accounts import invitations
from accounts.invitations import invite_person, open_invitations, resend_invitation
from accounts.models import Invitation, Membership, PlatformMail, User
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser, Transient
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.unit.accounts.inviting import NEW, add_admin, at_browser, invite, newest_link, role_in
from tests.unit.accounts.test_sign_up import delivered, link_in

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    delivered()
    return make_cast()


def kinds(cast: Cast) -> list[str]:
    rows = Event.objects.for_workspace(cast.acme).filter(kind__startswith="member.").order_by("at")
    return [row.kind for row in rows if row.data.get("email") == NEW]


def test_the_mail_has_one_link_and_says_who_invites_whom_where_as_what(cast: Cast) -> None:
    invite_person(workspace=cast.acme, inviter=cast.admin, actor=SYSTEM, email=NEW, role="admin")
    [mail] = delivered()
    assert (mail["To"], mail["Subject"]) == (NEW, "admin@example.org invites you to ManageMyCert")
    for part in ("plain", "html"):
        text = mail.get_body((part,)).get_content()
        assert "“Acme” as Admin" in text
        assert NEW in text
        assert len(set(re.findall(r"https?://[^\s\"<]+/account/[^\s\"<]+", text))) == 1
    assert link_in(mail).startswith(f"{settings.SITE_URL}/account/invitation/")


def test_only_a_hash_of_the_token_is_kept(cast: Cast) -> None:
    sent = invite(cast)
    token = sent.link.strip("/").rpartition("/")[2]
    assert len(token) >= 43
    assert token not in str(Invitation.unscoped.values().get())
    assert token not in str(list(Event.unscoped.values()))
    assert token not in str(list(PlatformMail.objects.values()))


def test_an_invited_person_joins_and_lands_in_the_workspace(cast: Cast) -> None:
    sent = invite(cast)
    person = make_user(NEW)
    client = at_browser(person)
    page = sent.page(client)
    assert page["Cache-Control"] == "no-store"
    assert "Join Acme" in page.content.decode()
    assert sent.accept(client).headers["Location"] == f"/w/{cast.acme.pk}/domains/"
    assert role_in(cast.acme, person) == "member"
    assert kinds(cast) == ["member.invited", "member.added"]
    [told] = delivered()
    assert (told["To"], told["Subject"]) == ("admin@example.org", f"{NEW} joined Acme")
    assert sent.page(client).headers["Location"] == f"/w/{cast.acme.pk}/domains/"


def test_the_letter_case_of_the_address_does_not_matter(cast: Cast) -> None:
    sent = invite(cast, "  New@Example.ORG ")
    person = make_user(NEW)
    assert sent.accept(at_browser(person)).status_code == 302
    assert role_in(cast.acme, person) == "member"


def test_a_stranger_is_led_to_an_account_and_back(cast: Cast) -> None:
    """The whole way of somebody who has no account yet."""
    sent = invite(cast, role="admin")
    client = Client()
    page = sent.page(client)
    assert page["Cache-Control"] == "no-store"
    found = re.search(r'href="(/account/signup/[^"]+)"', page.content.decode())
    assert found
    form = client.get(found[1].replace("&amp;", "&")).content.decode()
    assert f'value="{NEW}"' in form
    assert f'name="next" value="{sent.link}"' in form
    body = {"email": NEW, "password1": PASSWORD, "password2": PASSWORD, "workspace": "", "next": sent.link}
    assert client.post("/account/signup/", body).headers["Location"] == sent.link
    assert "Send the link again" in sent.page(client).content.decode()
    [mail] = delivered()
    confirmed = client.post(link_in(mail).removeprefix(settings.SITE_URL))
    assert confirmed.headers["Location"] == "/account/invitations/"
    waiting = client.get("/account/invitations/").content.decode()
    assert "Join Acme" in waiting
    sent.accept(client)
    user = User.objects.get(email=NEW)
    assert role_in(cast.acme, user) == "admin"
    assert Membership.objects.filter(user=user, workspace__is_personal=True).count() == 1


def test_whoever_confirms_in_another_browser_is_led_on_after_signing_in(cast: Cast) -> None:
    invite(cast)
    Client().post("/account/signup/", {"email": NEW, "password1": PASSWORD, "password2": PASSWORD})
    [mail] = delivered()
    elsewhere, link = Client(), link_in(mail).removeprefix(settings.SITE_URL)
    door = elsewhere.get(link).headers["Location"]
    back = elsewhere.post(door, {"login": NEW, "password": PASSWORD, "next": link}).headers["Location"]
    assert back == link
    assert elsewhere.post(link).headers["Location"] == "/account/invitations/"


def test_whoever_was_not_invited_confirms_as_ever(cast: Cast) -> None:
    client = Client()
    client.post("/account/signup/", {"email": NEW, "password1": PASSWORD, "password2": PASSWORD})
    [mail] = delivered()
    assert client.post(link_in(mail).removeprefix(settings.SITE_URL)).headers["Location"] == "/"


def test_a_person_signed_in_with_another_address_is_told_which_one_it_takes(cast: Cast) -> None:
    sent = invite(cast)
    client = at_browser(cast.outsider)
    page = sent.page(client).content.decode()
    assert "You are signed in as outsider@example.org. This invitation works only with new@example.org." in page
    assert "Join" not in page
    assert client.post("/account/logout/", {"next": sent.link}).headers["Location"] == sent.link
    assert "Create an account" in sent.page(client).content.decode()


def test_inviting_answers_the_same_whether_or_not_there_is_an_account(cast: Cast) -> None:
    make_user("known@example.org")
    client = at_browser(cast.admin, fresh=True)
    pages, mails = [], []
    for email in ("known@example.org", "unknown@example.org"):
        body = {"email": email, "role": "member"}
        answer = client.post(f"/w/{cast.acme.pk}/team/invite/", body, follow=True)
        pages.append(_masked(answer.content.decode()))
        [mail] = delivered()
        mails.append(_masked(mail.get_body(("plain",)).get_content()))
        Invitation.unscoped.all().delete()
    assert pages[0] == pages[1]
    assert mails[0] == mails[1]


def _masked(text: str) -> str:
    """Without what differs in any two pages: the address itself, tokens, ids and times."""
    text = text.replace("unknown@", "known@")
    return re.sub(r'invitation/[\w-]+|value="[^"]*"|[0-9a-f-]{36}|title="[^"]*"|datetime="[^"]*"', "", text)


def test_a_waiting_invitation_is_shown_where_people_land(cast: Cast) -> None:
    sent = invite(cast, "outsider@example.org")
    client = at_browser(cast.outsider)
    page = client.get("/", follow=True).content.decode()
    assert "You are invited to Acme" in page
    sent.accept(client)
    assert "You are invited" not in client.get("/", follow=True).content.decode()


@pytest.mark.parametrize("is_verified", [True, False])
def test_invitations_wait_for_confirmed_addresses_only(cast: Cast, is_verified: bool) -> None:
    invite(cast)
    person = make_user(NEW, verified=is_verified)
    create_workspace(user=person, name="", actor=SYSTEM)
    client = at_browser(person)
    for path in ("/", "/account/invitations/"):
        assert ("Acme" in client.get(path, follow=True).content.decode()) is is_verified


def test_a_list_of_invitations_costs_the_same_however_many_there_are(
    cast: Cast, django_assert_max_num_queries: object
) -> None:
    person = make_user(NEW)
    for number in range(5):
        workspace = create_workspace(user=cast.admin, name=f"Team {number}", actor=SYSTEM)
        invite_person(workspace=workspace, inviter=cast.admin, actor=SYSTEM, email=NEW, role="member")
    client = at_browser(person)
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        page = client.get("/account/invitations/").content.decode()
    assert page.count("Join Team") == 5


def test_inviting_again_sends_a_new_link_with_the_new_role(cast: Cast) -> None:
    first = invite(cast)
    second = invite(cast, role="admin")
    assert first.row.pk == second.row.pk
    assert (first.page(Client()).status_code, second.page(Client()).status_code) == (404, 200)
    assert open_invitations(cast.acme).get().role == "admin"
    assert kinds(cast) == ["member.invited", "member.invited_again"]


def test_an_expired_invitation_is_sent_again_for_seven_days(cast: Cast) -> None:
    sent = invite(cast)
    with clock.shifted(timedelta(days=8)):
        assert sent.page(Client()).status_code == 410
        resend_invitation(invitation=sent.row, inviter=cast.admin, actor=SYSTEM)
        link = newest_link()
        assert Client().get(link).status_code == 200
        assert sent.page(Client()).status_code == 404
    row = sent.now()
    assert row.expires_at - row.created_at > timedelta(days=14)
    with clock.shifted(timedelta(days=14)):
        assert Client().get(link).status_code == 200
    with clock.shifted(timedelta(days=16)):
        assert Client().get(link).status_code == 410


def test_an_invitation_stands_by_the_right_of_whoever_sent_it_last(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    sent = invite(cast)
    resend_invitation(invitation=sent.row, inviter=cast.outsider, actor=SYSTEM)
    link = newest_link()
    Membership.objects.filter(user=cast.admin, workspace=cast.acme).update(role="member")
    assert Client().get(link).status_code == 200


@pytest.mark.parametrize("ending", ["revoked_at", "accepted_at"])
def test_a_closed_invitation_is_not_sent_again(cast: Cast, ending: str) -> None:
    sent = invite(cast)
    Invitation.unscoped.update(**{ending: clock.now()})
    with pytest.raises(NeedsUser) as refused:
        resend_invitation(invitation=sent.row, inviter=cast.admin, actor=SYSTEM)
    assert refused.value.code == "invitation_over"
    assert delivered() == []


def test_a_member_is_not_invited(cast: Cast) -> None:
    with pytest.raises(NeedsUser) as refused:
        invite(cast, "Member@example.org")
    assert refused.value.code == "already_member"
    assert not Invitation.unscoped.exists()


def test_only_a_confirmed_address_makes_a_member_known(cast: Cast) -> None:
    """Somebody in the team who merely typed a stranger's address does not keep the stranger out."""
    EmailAddress.objects.create(user=cast.member, email=NEW, verified=False, primary=False)
    assert invite(cast).row.email == NEW


def test_a_workspace_has_at_most_fifty_open_invitations(cast: Cast) -> None:
    fill(cast, invitations.OPEN_AT_MOST)
    with pytest.raises(NeedsUser) as refused:
        invite(cast)
    assert refused.value.code == "invitations_full"
    resend_invitation(
        invitation=open_invitations(cast.acme).order_by("pk")[0], inviter=cast.admin, actor=SYSTEM
    )  # takes no new place
    Invitation.unscoped.filter(email="p0@example.org").update(revoked_at=clock.now())
    assert invite(cast).row.pk


def fill(cast: Cast, number: int) -> None:
    """Open invitations that were sent long ago, so that no limit on mails is near."""
    expires_at = clock.now() + timedelta(days=2)
    Invitation.unscoped.bulk_create(
        Invitation(
            workspace=cast.acme,
            email=f"p{each}@example.org",
            role="member",
            digest=f"{each:064}",
            invited_by=cast.admin,
            expires_at=expires_at,
        )
        for each in range(number)
    )


def test_one_address_gets_five_mails_a_day(cast: Cast) -> None:
    for _ in range(invitations.MAILS_TO_ONE):
        invite(cast)
    with pytest.raises(Transient) as refused:
        invite(cast)
    assert refused.value.code == "invitation_mails_spent"
    assert refused.value.retry_at
    assert timedelta(hours=23) < refused.value.retry_at - clock.now() <= timedelta(days=1)
    assert invite(cast, "somebody-else@example.org").row.pk
    with clock.shifted(timedelta(days=1, minutes=1)):
        assert invite(cast).row.pk


def test_a_workspace_sends_a_hundred_invitation_mails_a_day(cast: Cast) -> None:
    """Revoking makes room for further invitations, but not for further mails."""
    send_and_revoke(cast, invitations.MAILS_AT_MOST)
    add_admin(cast, cast.outsider)
    with pytest.raises(Transient) as refused:
        invite(cast, inviter=cast.outsider)
    assert refused.value.params["of"] == "workspace"


def send_and_revoke(cast: Cast, number: int) -> None:
    for each in range(number):
        invite_person(
            workspace=cast.acme, inviter=cast.admin, actor=SYSTEM, email=f"p{each}@example.org", role="member"
        )
        Invitation.unscoped.filter(revoked_at=None).update(revoked_at=clock.now())


def test_further_workspaces_give_a_person_no_further_mails(cast: Cast) -> None:
    send_and_revoke(cast, invitations.MAILS_AT_MOST)
    second = create_workspace(user=cast.admin, name="Second", actor=SYSTEM)
    with pytest.raises(Transient) as refused:
        invite_person(workspace=second, inviter=cast.admin, actor=SYSTEM, email=NEW, role="member")
    assert refused.value.params["of"] == "person"
