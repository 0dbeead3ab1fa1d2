"""Sign-up, sign-in, reset: what a person gets, and what a stranger learns (nothing)."""

import re
import time
from email import message_from_bytes, policy
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.test import Client
from django.utils.module_loading import import_string

from accounts.backends import TRIED, EmailBackend
from accounts.models import Membership, PlatformMail, User, Workspace
from auditlog.models import Event
from config import settings as shipped
from config.lib import jobs
from tests.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_up(email: str, workspace: str = "", password: str = PASSWORD, client: Client | None = None) -> Any:
    body = {"email": email, "password1": password, "password2": password, "workspace": workspace}
    return (client or Client()).post("/account/signup/", body)


def delivered() -> list[Any]:
    jobs.run_due("platform_mail")
    files = sorted((settings.VAR_DIR / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
    for path in files:
        path.unlink()
    return mails


def link_in(mail: Any) -> str:
    text = mail.get_body(("plain",)).get_content()
    found = re.search(r"http://\S+", text)
    assert found
    return found.group()


def test_a_person_is_signed_in_at_once_as_admin_of_the_named_workspace() -> None:
    client = Client()
    answer = sign_up("Ann@Example.org", "  Müller & Söhne  ", client=client)
    assert answer.status_code == 302
    membership = Membership.objects.select_related("workspace", "user").get()
    assert membership.user.email == "ann@example.org"
    assert membership.role == "admin"
    assert membership.workspace.name == "Müller & Söhne"
    assert not membership.workspace.is_personal
    assert client.get("/api/me").json()["workspace"]["name"] == "Müller & Söhne"
    assert set(Event.unscoped.values_list("kind", flat=True)) >= {"workspace.created", "user.signed_up"}


@pytest.mark.parametrize("typed", ["", "   "])
def test_without_a_name_the_workspace_is_personal(typed: str) -> None:
    sign_up("ann@example.org", typed)
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.is_personal) == ("ann's workspace", True)


GUESSABLE = (
    *("short", "password123", "1234567890", "qwertyuiop", "Password2024!", "P@ssw0rd123", "iloveyou2025"),
    *("ann@example.org", "managemycert1", "aaaaaaaaaaaa", "abcdefghijkl", "20.11.1987", "x" * 4096),
)


@pytest.mark.parametrize("password", GUESSABLE)
def test_weak_passwords_are_refused(password: str) -> None:
    assert sign_up("ann@example.org", password=password).status_code == 200
    assert not User.objects.exists()


def test_the_verification_link_verifies_the_address() -> None:
    client = Client()
    sign_up("ann@example.org", client=client)
    [mail] = delivered()
    assert mail["To"] == "ann@example.org"
    assert "confirm" in mail["Subject"].lower()
    link = link_in(mail)
    assert link.startswith(f"{settings.SITE_URL}/account/confirm-email/")
    assert link in mail.get_body(("html",)).get_content()
    client.post(link.replace(settings.SITE_URL, ""))
    assert EmailAddress.objects.get().verified


def test_a_taken_address_answers_like_a_free_one_and_tells_its_owner() -> None:
    owner = make_user("ann@example.org")
    free, taken = Client(), Client()
    answers = [sign_up("bob@example.org", client=free), sign_up("ann@example.org", client=taken)]
    assert answers[0].status_code == answers[1].status_code == 302
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    pages = [client.get("/account/email/").content.decode() for client in (free, taken)]
    masked = [re.sub(r'value="[^"]*"|/w/[0-9a-f-]{36}|(ann|bob)\b', "", page) for page in pages]
    assert masked[0] == masked[1]
    assert taken.get("/api/me").json()["id"] != str(owner.pk)
    told = [mail["Subject"] for mail in delivered() if mail["To"] == "ann@example.org"]
    assert told == ["You already have an account"]


def test_the_second_account_can_never_verify_a_taken_address() -> None:
    owner = make_user("ann@example.org")
    client = Client()
    sign_up("ann@example.org", client=client)
    client.post("/account/email/", {"email": "ann@example.org", "action_send": ""})
    assert not [mail for mail in delivered() if "confirm-email" in str(mail)]
    assert User.objects.find_verified("ANN@example.org") == owner


def test_each_of_two_accounts_with_one_address_opens_with_its_own_password() -> None:
    owner = make_user("ann@example.org")
    sign_up("ann@example.org", password="another long secret")
    for password, is_owner in ((PASSWORD, True), ("another long secret", False)):
        client = Client()
        client.post("/account/login/", {"login": "ann@example.org", "password": password})
        assert (client.get("/api/me").json()["id"] == str(owner.pk)) is is_owner


def test_the_session_key_changes_at_sign_in() -> None:
    make_user("ann@example.org")
    client = Client()
    client.get("/account/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = str(session.session_key)
    client.cookies["session"] = before
    client.post("/account/login/", {"login": "ann@example.org", "password": PASSWORD})
    assert client.session.session_key != before


@pytest.mark.parametrize("known", [True, False])
def test_a_password_reset_answers_the_same_for_everybody(known: bool) -> None:
    if known:
        make_user("ann@example.org")
    answer = Client().post("/account/password/reset/", {"email": "ann@example.org"}, follow=True)
    page = re.sub(r'value="[^"]*"', "", answer.content.decode())
    assert answer.redirect_chain == [("/account/password/reset/done/", 302)]
    assert "ann@example.org" not in page
    [mail] = delivered()
    assert mail["Subject"] == ("Reset your password" if known else "No account uses this address")


def test_a_reset_password_works_and_is_told() -> None:
    user = make_user("ann@example.org")
    client = Client()
    client.post("/account/password/reset/", {"email": "ann@example.org"})
    form = client.get(link_in(delivered()[0]).replace(settings.SITE_URL, ""), follow=True)
    path = form.redirect_chain[-1][0]
    client.post(path, {"password1": "a new long secret", "password2": "a new long secret"})
    user.refresh_from_db()
    assert user.check_password("a new long secret")
    assert Event.unscoped.filter(kind="user.password_changed", actor_id=user.pk).count() == 1
    assert [mail["Subject"] for mail in delivered()] == ["The password of your account was reset"]


def test_other_sessions_end_when_the_password_changes() -> None:
    make_user("ann@example.org")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/account/login/", {"login": "ann@example.org", "password": PASSWORD})
    body = {"oldpassword": PASSWORD, "password1": "a new long secret", "password2": "a new long secret"}
    here.post("/account/password/change/", body)
    assert elsewhere.get("/api/me").status_code == 401


def try_to_sign_in(password: str, address: str) -> Client:
    client = Client(REMOTE_ADDR=address)
    client.post("/account/login/", {"login": "ann@example.org", "password": password})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/api/me").status_code == 200


def test_guessing_from_one_place_is_limited_and_shuts_nobody_out_elsewhere() -> None:
    make_user("ann@example.org")
    for _ in range(11):
        try_to_sign_in("wrong", "198.51.100.7")
    assert not is_signed_in(try_to_sign_in(PASSWORD, "198.51.100.7"))
    assert is_signed_in(try_to_sign_in(PASSWORD, "198.51.100.8"))


def test_guessing_from_many_places_is_limited_by_the_account() -> None:
    make_user("ann@example.org")
    for number in range(31):
        try_to_sign_in("wrong", f"198.51.100.{number}")
    assert not is_signed_in(try_to_sign_in(PASSWORD, "203.0.113.1"))


def test_passwords_are_kept_as_argon2id() -> None:
    """The tests themselves hash with something faster."""
    hasher = import_string(shipped.PASSWORD_HASHERS[0])()
    assert hasher.encode(PASSWORD, hasher.salt()).startswith("argon2$argon2id$")


def test_a_made_up_forwarding_header_opens_no_new_limit() -> None:
    """Nobody trusts X-Forwarded-For unless TRUSTED_PROXY_COUNT says who writes it."""
    statuses = []
    for number in range(32):
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        body = {"login": f"user{number}@example.org", "password": "wrong"}
        statuses.append(Client().post("/account/login/", body, headers=headers).status_code)
    assert statuses[-1] == 429


def test_the_outbox_keeps_no_link_in_clear_and_none_after_sending() -> None:
    sign_up("ann@example.org")
    row = PlatformMail.objects.values("sealed_context", "state").get()
    assert "confirm-email" not in row["sealed_context"]
    assert re.fullmatch(r"[0-9a-f]{24}:[0-9a-f]{32}:[0-9a-f]+", row["sealed_context"])
    [mail] = delivered()
    row = PlatformMail.objects.values("sealed_context", "state", "id").get()
    assert (row["sealed_context"], row["state"]) == ("", "sent")
    assert mail["Message-ID"] == f"<{row['id']}@localhost>"


def test_a_person_without_a_workspace_gets_a_personal_one_at_sign_in() -> None:
    user = make_user("ann@example.org")
    Client().post("/account/login/", {"login": "ann@example.org", "password": PASSWORD})
    assert Membership.objects.get(user=user).workspace.is_personal


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_sign_in_leads_nowhere_else(target: str) -> None:
    make_user("ann@example.org")
    body = {"login": "ann@example.org", "password": PASSWORD, "next": target}
    assert Client().post("/account/login/", body).headers["Location"] == "/"


class CountedHasher(MD5PasswordHasher):
    """Counts what a sign-in costs."""

    made = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).made += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("accounts", [0, 1, 2, 3, 6])
def test_a_failed_sign_in_costs_the_same_whatever_accounts_there_are(accounts: int, settings: Any) -> None:
    for _ in range(accounts):
        make_user("ann@example.org", verified=False)
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    CountedHasher.made = 0
    assert EmailBackend().authenticate(None, email="ann@example.org", password="wrong " + PASSWORD) is None
    assert CountedHasher.made == TRIED


def test_the_owner_and_the_newest_of_many_accounts_get_in(settings: Any) -> None:
    users = [make_user("ann@example.org", verified=number == 0) for number in range(4)]
    for number, user in enumerate(users):
        user.set_password(f"{PASSWORD} {number}")
        user.save(update_fields=["password"])
    tried = [EmailBackend().authenticate(None, email="ann@example.org", password=f"{PASSWORD} {n}") for n in range(4)]
    assert tried == [users[0], None, None, users[3]]


def test_judging_a_password_ends_soon_whatever_it_is_made_of() -> None:
    """zxcvbn tries every way to read signs as letters: unbounded, this one takes it ten seconds of CPU."""
    begun = time.process_time()
    validate_password(("4@8({[</369&#!1/|0$5+7%2" * 3)[:72])
    assert time.process_time() - begun < 2
