"""One's own data: a copy of it, and the end of the account."""

import json
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.core.cache import cache
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.chores import plan_chores
from accounts.closing import GRACE, KIND
from accounts.deletion import delete_account, ties_of
from accounts.lapse import AT_ONCE, forget, forget_unproven_accounts, lapsed_accounts
from accounts.models import (
    ApiToken,
    Chore,
    GoogleIdentity,
    Invitation,
    Membership,
    PlatformMail,
    Session,
    User,
    Workspace,
    WorkspaceClosing,
)
from accounts.outbox import queue_mail
from accounts.workspaces import create_workspace
from auditlog.events import SYSTEM, Actor, record
from auditlog.models import Event
from config.lib import clock, jobs
from domains.models import Domain
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.rows import Rows, owned_models

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def signed_in(user: User, *, fresh: bool = True) -> Client:
    client = Client(headers={"user-agent": "Firefox"})
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def actor_of(user: User) -> Actor:
    return Actor("user", id=user.pk, label=user.email)


def download(client: Client) -> tuple[Any, str]:
    answer: Any = client.post("/account/data/download/")
    return answer, b"".join(answer.streaming_content).decode()


def test_the_copy_holds_what_is_known_and_no_secret(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    totp_secret = generate_totp_secret()
    GoogleIdentity.objects.create(user=cast.admin, sub="1234", email="ann@gmail.com")
    record("domain.added", workspace_id=cast.acme.pk, actor=actor_of(cast.admin), domain_label="shop")
    record("domain.added", workspace_id=cast.acme.pk, actor=actor_of(cast.member), domain_label="not hers")
    client = signed_in(cast.admin)
    TOTP.activate(cast.admin, totp_secret)
    answer, text = download(client)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="managemycert-')
    told = json.loads(text)
    assert told["profile"]["email"] == "admin@example.org"
    assert told["email_addresses"] == [{"email": "admin@example.org", "verified": True, "primary": True}]
    assert [(row["name"], row["role"]) for row in told["workspaces"]] == [("Acme", "admin")]
    assert [row["user_agent"] for row in told["sessions"]] == ["Firefox"]
    assert [row["email"] for row in told["google_account"]] == ["ann@gmail.com"]
    assert [row["type"] for row in told["second_factors"]] == ["totp"]
    assert [(row["name"], row["prefix"]) for row in told["api_tokens"]] == [("test", secret[:12])]
    kinds = [event["kind"] for event in told["events"]]
    assert kinds[0] == "user.exported", "the newest first, this one included"
    assert {"user.signed_in", "domain.added"} <= set(kinds)
    cast.admin.refresh_from_db()
    token, session = ApiToken.unscoped.get(), Session.objects.get(user=cast.admin)
    hidden = [secret, token.digest, session.session_key, totp_secret, cast.admin.password, "not hers"]
    for each in hidden:
        assert each not in text


def test_the_copy_asks_for_the_password_first_and_is_no_link(cast: Cast) -> None:
    client = signed_in(cast.admin, fresh=False)
    assert client.get("/account/data/").status_code == 200
    answer = client.post("/account/data/download/")
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert not Event.unscoped.filter(kind="user.exported").exists()
    assert signed_in(cast.admin).get("/account/data/download/").status_code == 405


def test_the_copy_costs_the_same_number_of_queries_however_much_there_is(cast: Cast) -> None:
    def count() -> int:
        client = signed_in(cast.admin)
        with CaptureQueriesContext(connection) as seen:
            download(client)
        return len(seen)

    few = count()
    for number in range(30):
        create_workspace(user=cast.admin, name=f"w{number}", actor=actor_of(cast.admin))
        cast.token(cast.admin)
    assert count() <= few


# Deleting the account


def delete(client: Client, typed: str) -> Any:
    return client.post("/account/delete/", {"typed": typed}, follow=True)


def test_the_account_goes_with_everything_that_is_only_its_own(cast: Cast) -> None:
    secret = cast.token(cast.outsider)
    GoogleIdentity.objects.create(user=cast.outsider, sub="1234", email="ann@gmail.com")
    TOTP.activate(cast.outsider, generate_totp_secret())
    Rows(cast.other, cast.outsider).of(Domain)
    client, elsewhere = Client(), Client()
    for each in (client, elsewhere):
        each.force_login(cast.outsider)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    shown = client.get("/account/delete/").content.decode()
    assert "<b>Other</b>: 1 domain, 1 API token, the access of 1 person" in shown
    answer = delete(client, " outsider@example.org ")
    assert answer.redirect_chain[-1][0] == "/account/login/"
    assert "Your account is deleted." in answer.content.decode()
    assert elsewhere.get("/api/me").status_code == 401
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert hanging_on(cast.outsider.pk) == {}
    with clock.shifted(GRACE):
        jobs.run_due(KIND)
    assert set(Workspace.objects.all()) == {cast.acme}
    event = Event.unscoped.get(kind="user.deleted")
    assert (event.workspace_id, event.actor_id, event.actor_label) == (None, cast.outsider.pk, "outsider@example.org")
    assert Event.unscoped.filter(workspace_id=cast.other.pk, kind="workspace.created").exists()


def hanging_on(user_id: Any) -> dict[str, int]:
    counts = {
        f"{model._meta.label}.{field.name}": model._default_manager.filter(**{field.attname: user_id}).count()
        for model, field in links_to_users()
    }
    return {label: count for label, count in counts.items() if count}


def links_to_users() -> list[tuple[type[models.Model], models.ForeignKey]]:
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is User
    ]


def test_what_goes_with_a_user_row_is_decided_for_every_link_to_it() -> None:
    """A new one must be too: whatever a shared workspace needs must not go with somebody who leaves."""
    links = {f"{model._meta.label}.{field.name}": field.remote_field.on_delete for model, field in links_to_users()}
    only_theirs = {
        "account.EmailAddress.user",
        "accounts.ApiToken.made_by",
        "accounts.GoogleIdentity.user",
        "accounts.Invitation.invited_by",
        "accounts.Membership.user",
        "accounts.Session.user",
        "admin.LogEntry.user",
        "mfa.Authenticator.user",
    }
    assert {label for label, rule in links.items() if rule is models.CASCADE} == only_theirs
    assert {rule for label, rule in links.items() if label not in only_theirs} == {models.SET_NULL}


def test_a_shared_workspace_keeps_everything_but_the_person(cast: Cast) -> None:
    Membership.objects.filter(user=cast.member).update(role="admin")
    rows = Rows(cast.acme, cast.admin)
    for model in owned_models():
        rows.of(model)
    Domain.unscoped.filter(workspace=cast.acme).update(created_by=cast.admin)
    token = rows.of(ApiToken)
    before = {model: model.unscoped.filter(workspace=cast.acme).count() for model in owned_models()}
    answer = delete(signed_in(cast.admin), cast.admin.email)
    assert "Your account is deleted." in answer.content.decode()
    after = {model: model.unscoped.filter(workspace=cast.acme).count() for model in owned_models()}
    assert {model for model in before if after[model] != before[model]} == {ApiToken, Invitation}
    assert not WorkspaceClosing.objects.exists()
    told = set(Event.unscoped.filter(workspace_id=cast.acme.pk).values_list("kind", flat=True))
    assert {"member.left", "token.revoked", "member.uninvited"} <= told
    assert Event.unscoped.get(kind="token.revoked").data["name"] == token.name
    assert Domain.unscoped.get().created_by is None


def test_the_only_admin_of_others_is_led_to_hand_over_or_delete(cast: Cast) -> None:
    client = signed_in(cast.admin)
    page = client.get("/account/delete/").content.decode()
    for link in (f"/w/{cast.acme.pk}/team/", f"/w/{cast.acme.pk}/settings/delete/"):
        assert f'href="{link}"' in page
    assert "Type admin@example.org" not in page
    delete(client, cast.admin.email)
    assert User.objects.filter(pk=cast.admin.pk).exists()
    Membership.objects.filter(user=cast.member).update(role="admin")
    page = client.get("/account/delete/").content.decode()
    assert "You leave these" in page
    delete(client, cast.admin.email)
    assert not User.objects.filter(pk=cast.admin.pk).exists()


def test_a_member_of_a_workspace_without_other_admins_may_go(cast: Cast) -> None:
    delete(signed_in(cast.member), cast.member.email)
    assert not User.objects.filter(pk=cast.member.pk).exists()
    assert Membership.objects.get(workspace=cast.acme).user == cast.admin


@pytest.mark.parametrize("typed", ["", "Other", "admin@example.org"])
def test_nothing_goes_before_the_address_is_typed(cast: Cast, typed: str) -> None:
    answer = delete(signed_in(cast.outsider), typed)
    assert "field__errors" in answer.content.decode()
    assert User.objects.filter(pk=cast.outsider.pk).exists()
    assert not WorkspaceClosing.objects.exists()


def test_deleting_the_account_asks_for_the_password_first(cast: Cast) -> None:
    client = signed_in(cast.outsider, fresh=False)
    for answer in (client.get("/account/delete/"), client.post("/account/delete/", {"typed": cast.outsider.email})):
        assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert User.objects.filter(pk=cast.outsider.pk).exists()


def test_the_last_mail_says_so_and_what_was_mailed_before_is_forgotten(cast: Cast) -> None:
    queue_mail(to=cast.outsider.email, template="reset_password", context={"action_url": "https://x"})
    PlatformMail.objects.update(state="sent")
    delete_account(user=cast.outsider, actor=actor_of(cast.outsider))
    mail = PlatformMail.objects.get()
    assert (mail.to, mail.template) == (cast.outsider.email, "account_deleted")
    assert json.loads(mail.sealed_context.reveal_text())["closed"] == ["Other"]


def test_no_mail_goes_to_an_address_that_was_never_proven(cast: Cast) -> None:
    EmailAddress.objects.filter(user=cast.outsider).update(verified=False)
    delete_account(user=cast.outsider, actor=actor_of(cast.outsider))
    assert not PlatformMail.objects.exists()
    assert not User.objects.filter(pk=cast.outsider.pk).exists()


def test_a_workspace_that_is_closing_already_is_in_nobodys_way(cast: Cast) -> None:
    Workspace.objects.filter(pk=cast.acme.pk).update(closing_at=clock.now())
    ties = ties_of(cast.admin)
    assert (ties.stuck, ties.alone, ties.shared) == ([], [], [])
    delete_account(user=cast.admin, actor=actor_of(cast.admin))
    assert not User.objects.filter(pk=cast.admin.pk).exists()


def test_the_page_costs_the_same_number_of_queries_however_many_workspaces(cast: Cast) -> None:
    client = signed_in(cast.outsider)

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/account/delete/").status_code == 200
        return len(seen)

    few = count()
    for number in range(10):
        create_workspace(user=cast.outsider, name=f"w{number}", actor=SYSTEM)
        shared = create_workspace(user=cast.admin, name=f"s{number}", actor=SYSTEM)
        Membership.objects.create(user=cast.outsider, workspace=shared, role="member")
    assert count() == few


# Accounts that nobody ever confirmed


def make_idle(email: str, *, days: int = 31, verified: bool = False) -> User:
    user = make_user(email, verified=verified)
    create_workspace(user=user, name="", actor=SYSTEM)
    User.objects.filter(pk=user.pk).update(date_joined=clock.now() - timedelta(days=days), last_login=None)
    return user


def test_an_account_that_was_never_confirmed_goes_after_thirty_days(cast: Cast) -> None:
    idle, young, proven = (
        make_idle("idle@x.test"),
        make_idle("young@x.test", days=29),
        make_idle("p@x.test", verified=True),
    )
    back, staff, colleague = make_idle("back@x.test"), make_idle("staff@x.test"), make_idle("c@x.test")
    User.objects.filter(pk=back.pk).update(last_login=clock.now() - timedelta(days=2))
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    Membership.objects.create(user=colleague, workspace=cast.acme, role="member")
    by_google = make_idle("google@x.test")
    GoogleIdentity.objects.create(user=by_google, sub="1", email="google@x.test")
    assert list(lapsed_accounts()) == [idle]
    forget_unproven_accounts()
    assert not User.objects.filter(pk=idle.pk).exists()
    assert (
        User.objects.filter(pk__in=[each.pk for each in (young, proven, back, staff, colleague, by_google)]).count()
        == 6
    )
    assert Event.unscoped.get(kind="user.lapsed").data["email"] == "idle@x.test"
    assert WorkspaceClosing.objects.count() == 1
    assert not PlatformMail.objects.exists()


def test_whoever_staff_have_disabled_stays_out(cast: Cast) -> None:
    banned = make_idle("banned@x.test")
    User.objects.filter(pk=banned.pk).update(is_active=False)
    assert not lapsed_accounts().exists()


def test_they_go_a_few_at_a_time_until_none_is_left_and_are_looked_for_each_hour(cast: Cast) -> None:
    for number in range(AT_ONCE + 2):
        make_idle(f"idle{number}@x.test")
    assert forget_unproven_accounts() is True
    assert lapsed_accounts().count() == 2
    plan_chores()
    jobs.run_due("chore")
    assert not lapsed_accounts().exists()
    chore = Chore.objects.get(name="lapsed accounts")
    assert chore.run_after is not None
    assert timedelta(minutes=59) < chore.run_after - clock.now() <= timedelta(hours=1)


def test_one_that_cannot_go_keeps_nobody_else(cast: Cast) -> None:
    """Its account is asked to go in the very moment that a colleague joins, so that it is the only admin of others."""
    stuck, idle = make_idle("stuck@x.test"), make_idle("idle@x.test")
    due = list(lapsed_accounts())
    Membership.objects.create(user=cast.member, workspace=Membership.objects.get(user=stuck).workspace, role="member")
    assert [forget(user) for user in due] == [False, True]
    assert User.objects.filter(pk=stuck.pk).exists()
    assert not User.objects.filter(pk=idle.pk).exists()
