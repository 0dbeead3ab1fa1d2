"""The Team page: what a member and an admin see, and the buttons behind the password."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Invitation, Membership, User
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.unit.accounts.inviting import NEW, add_admin, at_browser, invite, membership_of, role_in
from tests.unit.accounts.test_sign_up import delivered

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    delivered()
    return make_cast()


@pytest.fixture
def admin(cast: Cast) -> Client:
    return at_browser(cast.admin, fresh=True)


def team(cast: Cast, path: str = "") -> str:
    return f"/w/{cast.acme.pk}/team/{path}"


def text_of(client: Client, url: str) -> str:
    return str(client.get(url, follow=True).content.decode())


def messages_in(answer: Any) -> list[str]:
    return re.findall(r'note__title">([^<]+)<', answer.content.decode())


def test_a_member_sees_people_and_no_buttons(cast: Cast) -> None:
    invite(cast)
    page = text_of(at_browser(cast.member), team(cast))
    assert "admin@example.org" in page
    for hidden in ("Make admin", "Remove", "Invite", NEW, "Open invitations", "csrfmiddlewaretoken"):
        assert hidden not in page.partition("<main")[2]


def test_an_admin_sees_who_is_invited_by_whom(cast: Cast, admin: Client) -> None:
    invite(cast)
    page = text_of(admin, team(cast))
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    [row] = [row for row in rows if f'scope="row">{NEW}' in row]
    for shown in ("Member", "admin@example.org", "Resend", "Revoke", "in 6 days"):
        assert shown in row
    [own] = [row for row in rows if 'scope="row">admin@example.org' in row]
    assert "the only admin" in own
    assert "<form" not in own


def test_a_team_of_one_is_shown_the_first_step(cast: Cast, admin: Client) -> None:
    Membership.objects.filter(user=cast.member).delete()
    page = text_of(admin, team(cast))
    assert "Nobody else is here yet" in page
    assert f'href="{team(cast, "invite/")}"' in page


def test_hundreds_of_members_are_shown_in_pages_at_the_same_cost(
    cast: Cast, admin: Client, django_assert_max_num_queries: Any
) -> None:
    people = User.objects.bulk_create(User(email=f"p{number:03}@example.org") for number in range(300))
    Membership.objects.bulk_create(Membership(user=user, workspace=cast.acme, role="member") for user in people)
    with django_assert_max_num_queries(12):
        first = text_of(admin, team(cast))
    last = text_of(admin, team(cast, "?page=13"))
    assert "1\N{EN DASH}25 of 302" in first
    assert first.count("<tr>") == 1 + 25
    assert "p299@example.org" in last
    assert "301\N{EN DASH}302 of 302" in last
    assert "301\N{EN DASH}302 of 302" in text_of(admin, team(cast, "?page=99"))


def test_every_change_asks_for_the_password_first(cast: Cast) -> None:
    client = at_browser(cast.admin)
    member = membership_of(cast, cast.member)
    row = invite(cast).row
    for path in (f"{member.pk}/role/", f"{member.pk}/remove/", f"invitations/{row.pk}/resend/", "invite/"):
        answer = client.post(team(cast, path), {"role": "admin", "email": "x@example.org"})
        assert answer.headers["Location"].startswith("/account/reauthenticate/"), path
    assert client.post(team(cast, f"invitations/{row.pk}/revoke/")).headers["Location"].startswith("/account/reau")
    assert client.get(team(cast, "invite/")).headers["Location"].startswith("/account/reauthenticate/")
    assert role_in(cast.acme, cast.member) == "member"
    assert Invitation.unscoped.filter(revoked_at=None).count() == 1


def test_changes_come_by_post_only(cast: Cast, admin: Client) -> None:
    member = membership_of(cast, cast.member)
    row = invite(cast).row
    for path in (f"{member.pk}/role/", f"{member.pk}/remove/"):
        assert admin.get(team(cast, path)).status_code == 405
    for verb in ("resend", "revoke"):
        assert admin.get(team(cast, f"invitations/{row.pk}/{verb}/")).status_code == 405


def test_a_member_is_made_admin_and_back(cast: Cast, admin: Client) -> None:
    url = team(cast, f"{membership_of(cast, cast.member).pk}/role/")
    assert messages_in(admin.post(url, {"role": "admin"}, follow=True)) == ["member@example.org is Admin now."]
    assert role_in(cast.acme, cast.member) == "admin"
    assert messages_in(admin.post(url, {"role": "member"}, follow=True)) == ["member@example.org is Member now."]
    admin.post(url, {"role": "owner"})
    assert role_in(cast.acme, cast.member) == "member"


def test_a_member_is_removed(cast: Cast, admin: Client) -> None:
    member = at_browser(cast.member)
    answer = admin.post(team(cast, f"{membership_of(cast, cast.member).pk}/remove/"), follow=True)
    assert messages_in(answer) == ["member@example.org no longer belongs to Acme."]
    assert member.get(team(cast)).status_code == 404


def test_the_last_admin_is_told_why_not(cast: Cast, admin: Client) -> None:
    own = membership_of(cast, cast.admin).pk
    for path, body in ((f"{own}/role/", {"role": "member"}), (f"{own}/remove/", {})):
        [told] = messages_in(admin.post(team(cast, path), body, follow=True))
        assert told.startswith("admin@example.org is the only admin here.")
    assert role_in(cast.acme, cast.admin) == "admin"


def test_an_admin_may_step_down_or_go_when_another_stays(cast: Cast, admin: Client) -> None:
    add_admin(cast, cast.outsider)
    own = membership_of(cast, cast.admin).pk
    page = text_of(admin, team(cast))
    assert "You can only look from then on" in page
    admin.post(team(cast, f"{own}/role/"), {"role": "member"})
    assert role_in(cast.acme, cast.admin) == "member"
    assert "Make" not in text_of(admin, team(cast))
    Membership.objects.filter(user=cast.admin).update(role="admin")
    answer = admin.post(team(cast, f"{own}/remove/"), follow=True)
    assert answer.status_code == 200
    assert Membership.objects.get(user=cast.admin).workspace.is_personal


def test_inviting_tells_mistakes_beside_the_field(cast: Cast, admin: Client) -> None:
    for email, words in (("nonsense", "valid email"), ("member@example.org", "is a member of this workspace already")):
        page = admin.post(team(cast, "invite/"), {"email": email, "role": "member"}).content.decode()
        assert words in page.partition('id="id_email_error"')[2].partition("</ul>")[0]
    assert delivered() == []


def test_an_invitation_is_sent_resent_and_revoked(cast: Cast, admin: Client) -> None:
    answer = admin.post(team(cast, "invite/"), {"email": NEW, "role": "admin"}, follow=True)
    assert messages_in(answer) == [f"An invitation is on its way to {NEW}."]
    row = Invitation.unscoped.get()
    again = admin.post(team(cast, f"invitations/{row.pk}/resend/"), follow=True)
    assert messages_in(again) == [f"A new link is on its way to {NEW}. The one before has stopped."]
    assert [mail["To"] for mail in delivered()] == [NEW, NEW]
    gone = admin.post(team(cast, f"invitations/{row.pk}/revoke/"), follow=True)
    assert messages_in(gone) == [f"The invitation of {NEW} is revoked."]
    late = admin.post(team(cast, f"invitations/{row.pk}/resend/"), follow=True)
    assert messages_in(late)[0].startswith("This invitation is no longer open.")
    assert delivered() == []


def test_another_workspaces_people_are_not_found(cast: Cast) -> None:
    row = invite(cast).row
    member = membership_of(cast, cast.member)
    client = at_browser(cast.outsider, fresh=True)
    for path in (f"{member.pk}/remove/", f"{member.pk}/role/", f"invitations/{row.pk}/revoke/"):
        assert client.post(f"/w/{cast.other.pk}/team/{path}", {"role": "admin"}).status_code == 404
    assert role_in(cast.acme, cast.member) == "member"


def test_a_workspaces_name_is_shown_as_text(cast: Cast) -> None:
    cast.acme.name = "<b>Acme</b>"
    cast.acme.save(update_fields=["name"])
    sent = invite(cast)
    for client in (Client(), at_browser(make_user(NEW)), at_browser(cast.outsider)):
        page = sent.page(client).content.decode()
        assert "&lt;b&gt;Acme" in page
        assert "<b>Acme" not in page


def test_the_password_leads_back_to_the_form(cast: Cast) -> None:
    client = at_browser(cast.admin)
    asked = client.get(team(cast, "invite/")).headers["Location"]
    answer = client.post(asked, {"password": PASSWORD, "next": team(cast, "invite/")})
    assert answer.headers["Location"] == team(cast, "invite/")
    assert "Send invitation" in text_of(client, team(cast, "invite/"))
