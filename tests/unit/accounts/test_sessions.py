"""A copy of the session table signs nobody in."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.sessions import SessionStore, stored_key
from tests.cast import make_cast

pytestmark = pytest.mark.django_db


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
