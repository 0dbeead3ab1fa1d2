"""Somebody signs up with an address of somebody else: whatever the owner does later, that account opens nothing."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from accounts.models import GoogleIdentity, Membership, User
from auditlog.models import Event
from config.lib import clock
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.unit.accounts.test_second_factor import add_app
from tests.unit.accounts.test_sign_up import delivered, link_in, sign_up

pytestmark = pytest.mark.django_db

VICTIM = "victim@example.org"
SQUATTED = "the squatter's own secret"


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    delivered()
    return make_cast()


def path_in(mail: Any) -> str:
    return link_in(mail).removeprefix(settings.SITE_URL)


def mails_to(address: str) -> list[Any]:
    return [mail for mail in delivered() if mail["To"] == address]


def sign_in(email: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/account/login/", {"login": email, "password": password})
    return client


def confirm(client: Client) -> None:
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def test_the_owners_press_does_not_confirm_the_squatters_account(cast: Cast) -> None:
    squatter, owner = Client(), Client()
    sign_up(VICTIM, password=SQUATTED, client=squatter)
    [planted] = mails_to(VICTIM)
    sign_up(VICTIM, client=owner)
    [own] = mails_to(VICTIM)
    page = owner.get(path_in(planted))
    assert page.status_code == 403
    assert "belongs to another account" in page.content.decode()
    owner.post(path_in(planted))
    assert not EmailAddress.objects.filter(verified=True, email=VICTIM).exists()
    assert owner.get("/api/me").status_code == 200, "looking at it signs nobody out"
    owner.post(path_in(own))
    me = owner.get("/api/me").json()["id"]
    assert str(EmailAddress.objects.get(verified=True, email=VICTIM).user_id) == me
    assert squatter.get("/account/invitations/").status_code == 200


def test_a_stranger_to_the_link_is_asked_to_sign_in_first(cast: Cast) -> None:
    sign_up(VICTIM, password=SQUATTED)
    [planted] = mails_to(VICTIM)
    answer = Client().post(path_in(planted))
    assert answer.headers["Location"].startswith("/account/login/?next=")
    assert not EmailAddress.objects.filter(verified=True, email=VICTIM).exists()


def test_a_squatter_who_keeps_asking_does_not_keep_the_mail_from_its_owner(cast: Cast) -> None:
    squatter = Client()
    sign_up(VICTIM, password=SQUATTED, client=squatter)
    for _ in range(5):
        squatter.post("/account/email/", {"email": VICTIM, "action_send": ""})
    assert len(mails_to(VICTIM)) == 1, "one in three minutes for each account"
    sign_up(VICTIM)
    assert len(mails_to(VICTIM)) == 1


def test_the_mails_to_one_address_are_few_however_many_ask(cast: Cast) -> None:
    for number in range(24):
        Client(REMOTE_ADDR=f"198.51.100.{number}").post(
            "/account/signup/", {"email": VICTIM, "password1": PASSWORD, "password2": PASSWORD}
        )
    assert len(mails_to(VICTIM)) == 20


def test_one_reset_is_one_mail_however_many_accounts_have_the_address(cast: Cast) -> None:
    for number in range(6):
        User.objects.filter(pk=make_user(VICTIM, verified=False).pk).update(date_joined=clock.now())
        assert number < 6
    Client().post("/account/password/reset/", {"email": VICTIM})
    assert len(mails_to(VICTIM)) == 1


def test_a_new_password_cancels_a_change_of_address_that_somebody_else_asked_for(cast: Cast) -> None:
    thief = sign_in(cast.admin.email)
    confirm(thief)
    thief.post("/account/email/", {"email": "thief@example.com", "action_add": ""})
    mails = delivered()
    [link] = [path_in(mail) for mail in mails if mail["To"] == "thief@example.com"]
    [notice] = [mail for mail in mails if mail["To"] == cast.admin.email]
    assert "asked to change the e-mail address" in notice["Subject"]
    Client().post("/account/password/reset/", {"email": cast.admin.email})
    [reset] = [mail for mail in mails_to(cast.admin.email) if mail["Subject"] == "Reset your password"]
    owner = Client()
    form = owner.get(path_in(reset), follow=True).redirect_chain[-1][0]
    owner.post(form, {"password1": "a new long secret", "password2": "a new long secret"})
    thief.post(link)
    cast.admin.refresh_from_db()
    assert cast.admin.email == "admin@example.org"
    assert [row.email for row in EmailAddress.objects.filter(user=cast.admin)] == ["admin@example.org"]


def test_a_change_of_address_is_undone_from_the_old_one_and_shuts_every_other_way_in(cast: Cast) -> None:
    thief = sign_in(cast.admin.email)
    confirm(thief)
    GoogleIdentity.objects.create(user=cast.admin, sub="666", email="thief@gmail.com")
    thief.post("/account/email/", {"email": "thief@example.com", "action_add": ""})
    [link] = [path_in(mail) for mail in delivered() if mail["To"] == "thief@example.com"]
    thief.post(link)
    cast.admin.refresh_from_db()
    assert cast.admin.email == "thief@example.com"
    add_app(cast.admin)
    [told] = [mail for mail in mails_to("admin@example.org") if "was changed" in mail["Subject"]]
    undo = path_in(told)
    assert undo.startswith("/account/take-back/")
    page = Client().get(undo)
    assert page.status_code == 200
    cast.admin.refresh_from_db()
    assert cast.admin.email == "thief@example.com", "looking changes nothing"
    assert Client().post(undo).headers["Location"] == "/account/password/reset/"
    cast.admin.refresh_from_db()
    assert cast.admin.email == "admin@example.org"
    assert thief.get("/api/me").status_code == 401
    assert not GoogleIdentity.objects.exists()
    Client().post("/account/password/reset/", {"email": "admin@example.org"})
    [reset] = [mail for mail in mails_to("admin@example.org") if mail["Subject"] == "Reset your password"]
    owner = Client()
    form = owner.get(path_in(reset), follow=True).redirect_chain[-1][0]
    owner.post(form, {"password1": "a new long secret", "password2": "a new long secret"})
    assert (
        sign_in("admin@example.org", "a new long secret").get("/api/me?workspace=" + str(cast.acme.pk)).status_code
        == 200
    )
    assert Event.unscoped.filter(kind="user.email_taken_back").count() == 1
    assert Client().get(undo).status_code == 410


@pytest.mark.parametrize("token", ["x", "a:b:c", "x" * 3000])
def test_a_made_up_undo_link_does_nothing(token: str, cast: Cast) -> None:
    assert Client().post(f"/account/take-back/{token}/").status_code == 410


def test_an_address_is_changed_by_somebody_with_a_second_factor_too(cast: Cast) -> None:
    client = sign_in(cast.admin.email)
    confirm(client)
    add_app(cast.admin)
    client.post("/account/email/", {"email": "new@example.org", "action_add": ""})
    [link] = [path_in(mail) for mail in delivered() if mail["To"] == "new@example.org"]
    client.post(link)
    cast.admin.refresh_from_db()
    assert cast.admin.email == "new@example.org"
    assert cast.admin.authenticator_set.count() == 1  # type: ignore[attr-defined]
    event = Event.unscoped.get(kind="user.email_changed")
    assert event.data == {"from_email": "admin@example.org", "to_email": "new@example.org"}


BAD_ADDRESSES = (
    '"a b"@example.org',
    '"\x01a"@example.org',
    "a@[127.0.0.1]",
    "\u017fam@example.org",
    "a@exa mple.org",
    f"{'a' * 300}@example.org",
    f"a@{'b' * 60}.{'c' * 200}.org",
    "a@localhost",
    "a\0@example.org",
)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_no_mail_reaches_is_refused_beside_its_field(address: str, cast: Cast) -> None:
    client = sign_in(cast.admin.email)
    confirm(client)
    pages = [
        sign_up(address),
        Client().post("/account/password/reset/", {"email": address}),
        client.post("/account/email/", {"email": address, "action_add": ""}),
        client.post(f"/w/{cast.acme.pk}/team/invite/", {"email": address, "role": "member"}),
    ]
    assert [page.status_code for page in pages] == [200, 200, 200, 200]
    assert all(re.search(r'aria-invalid="true"', page.content.decode()) for page in pages)
    assert not Membership.objects.filter(user__email__contains="a@exa").exists()
    assert delivered() == []


def test_an_address_in_another_script_is_kept_as_dns_knows_it(cast: Cast) -> None:
    sign_up("Ann@exämple.org")
    assert User.objects.filter(email="ann@xn--exmple-cua.org").exists()
