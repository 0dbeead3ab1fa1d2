"""A copy of the session table signs nobody in."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from accounts.browsers import name_browser
from accounts.chores import plan_chores
from accounts.models import Session, User
from accounts.sessions import LIFE, SessionStore, live_sessions, stored_key
from auditlog.models import Event
from config.lib import clock, jobs
from tests.cast import PASSWORD, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def is_signed_in(cookie: str) -> bool:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return client.get("/api/me").status_code == 200


def test_the_cookie_signs_in_and_what_the_table_holds_does_not() -> None:
    client = Client()
    client.force_login(make_cast().admin)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    stored = Session.objects.get().session_key
    assert stored == stored_key(cookie) != cookie
    assert is_signed_in(cookie)
    assert not is_signed_in(stored)


def test_a_session_is_found_changed_and_forgotten_by_its_key() -> None:
    session = SessionStore()
    session["a"] = 1
    session.save()
    key = session.session_key
    assert key
    assert SessionStore().exists(key)
    again = SessionStore(key)
    again["b"] = again["a"] + 1
    again.save()
    assert dict(SessionStore(key).items()) == {"a": 1, "b": 2}
    assert Session.objects.count() == 1
    again.cycle_key()
    assert not SessionStore().exists(key)
    assert SessionStore(again.session_key)["b"] == 2
    again.flush()
    assert not Session.objects.exists()


def test_an_invented_key_opens_nothing_and_is_not_kept() -> None:
    session = SessionStore("x" * 32)
    assert dict(session.items()) == {}
    assert session.session_key is None


def test_a_sign_in_writes_down_the_browser_and_changes_keep_its_beginning() -> None:
    client = Client(headers={"user-agent": "Firefox\0 150"}, REMOTE_ADDR="198.51.100.7")
    admin = make_cast().admin
    client.post("/account/login/", {"login": admin.email, "password": PASSWORD})
    row = live_sessions(admin).get()
    assert (row.ip, row.user_agent) == ("198.51.100.7", "Firefox 150")
    session = client.session
    session["more"] = 1
    session.save()
    again = live_sessions(admin).get()
    assert (again.created_at, again.ip, again.user_id) == (row.created_at, row.ip, admin.pk)


@pytest.mark.parametrize(
    ("hours", "step", "is_open"), [(11, 11, True), (13, 13, False), (7 * 24 - 1, 6, True), (7 * 24 + 1, 6, False)]
)
def test_a_session_ends_when_idle_or_old(hours: int, step: int, is_open: bool) -> None:
    client = Client()
    client.force_login(make_cast().admin)
    begun = clock.now()
    for passed in [*range(step, hours, step), hours]:
        with time_machine.travel(begun + timedelta(hours=passed), tick=False):
            answer = client.get("/api/me").status_code
    assert (answer == 200) is is_open


def test_a_look_is_written_down_every_few_minutes_only() -> None:
    client = Client()
    admin = make_cast().admin
    client.force_login(admin)
    begun = live_sessions(admin).get().seen_at
    seen = []
    for minutes in (1, 6, 7):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=False):
            client.get("/api/me")
            seen.append(round((Session.objects.get().seen_at - begun) / timedelta(minutes=1)))
    assert seen == [0, 6, 6]


def test_dead_rows_are_tidied_away() -> None:
    cast = make_cast()
    Client().force_login(cast.member)
    Session.objects.update(created_at=clock.now() - LIFE - timedelta(hours=1))
    Client().force_login(cast.admin)
    plan_chores()
    jobs.run_due("chore")
    assert [row.user for row in Session.objects.all()] == [cast.admin]


def sign_in(user: User) -> Client:
    client = Client()
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return client


def test_people_see_their_browsers_and_end_them_one_by_one_or_all_at_once() -> None:
    cast = make_cast()
    here, second, third = (sign_in(cast.admin) for _ in range(3))
    foreign = sign_in(cast.member)
    page = here.get("/account/sessions/").content.decode()
    assert page.count(">this one<") == 1
    listed = re.findall(r'name="session" value="(\w+)"', page)
    assert len(listed) == 2
    assert not {stored_key(foreign.session.session_key or ""), stored_key(here.session.session_key or "")} & set(listed)
    here.post("/account/sessions/end/", {"session": stored_key(second.session.session_key or "")})
    assert [client.get("/api/me").status_code for client in (here, second, third)] == [200, 401, 200]
    here.post("/account/sessions/end-others/")
    assert [client.get("/api/me").status_code for client in (here, third, foreign)] == [200, 401, 200]
    assert Event.unscoped.filter(kind="user.sessions_ended", actor_id=cast.admin.pk).count() == 2


def test_nobody_ends_a_session_of_somebody_else() -> None:
    cast = make_cast()
    here, theirs = sign_in(cast.admin), sign_in(cast.member)
    for key in (stored_key(theirs.session.session_key or ""), theirs.session.session_key, "", "x" * 5000):
        assert here.post("/account/sessions/end/", {"session": key}).status_code == 302
    assert theirs.get("/api/me").status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150 Safari/537.36 Edg/150", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/150 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "curl/8.5"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_has_a_name_for_people(agent: str, name: str) -> None:
    assert name_browser(agent) == name
