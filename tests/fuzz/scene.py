"""A workspace with one row of everything, in states in which operations get far, and the callers of it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import IntegrityError, close_old_connections, transaction
from django.test import Client

from accounts import api_limits
from config.lib import clock
from tests.cast import PASSWORD, Cast, make_cast
from tests.rows import Rows, owned_models

HOST = "shop.acme-tools.net"


@dataclass(frozen=True)
class Caller:
    """Who asks, as keywords of `Case.call`."""

    name: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Scene:
    cast: Cast
    rows: Rows
    callers: list[Caller]


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests of this thread leave the test's database connection, and with it the test's transaction, open.

    Django's test client undoes this: make the scene first.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never happened, so that each example finds the same rows."""
    api_limits.forget_counts()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def make_scene() -> Scene:
    cast = make_cast()
    rows = Rows(cast.acme, cast.admin)
    for model in owned_models():
        _make(rows, model)
    _let_operations_get_far(rows)
    return Scene(cast, rows, make_callers(cast))


def _make(rows: Rows, model: type[Any]) -> None:
    """A row is left out where the database allows only one of its kind and another recipe has made it."""
    try:
        with transaction.atomic():
            rows.of(model)
    except IntegrityError:
        rows.made.pop(model, None)


def _let_operations_get_far(rows: Rows) -> None:
    """The host is proven, its certificate can be deployed, and its issuance waits for its records."""
    now = clock.now()
    _set(rows.called("domain"), host=HOST, verified_at=now)
    _set(rows.called("ownership"), host=HOST, proven_at=now)
    _set(rows.called("certificate"), private_key=rows.called("private_key"), not_after=now + timedelta(days=30))
    _set(rows.called("issuance"), state="pending_challenge", step="wait_for_records", names=[HOST])
    _set(rows.called("target"), is_draft=False)
    _set(rows.called("deployment"), state="deployed")
    _set(rows.called("run"), state="succeeded", run_after=None)


def _set(row: Any, **values: Any) -> None:
    type(row).unscoped.filter(pk=row.pk).update(**values)
    row.refresh_from_db()


def make_callers(cast: Cast) -> list[Caller]:
    """The admin's token most often, since others are refused early."""
    admin = Caller("admin", _bearer(cast.token(cast.admin)))
    return [
        *[admin] * 5,
        _session(cast),
        Caller("member", _bearer(cast.token(cast.member, role="member"))),
        Caller("reader", _bearer(cast.token(cast.admin, "read"))),
    ]


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _session(cast: Cast) -> Caller:
    client = Client()
    client.force_login(cast.admin)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.get("/account/password/change/")
    cookies = {name: client.cookies[name].value for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)}
    return Caller("session", {"X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME]}, cookies)


def picked[T](among: list[T], by: object) -> T:
    """One of `among`, the same one each time the same example runs."""
    digest = hashlib.sha256(repr(by).encode("utf-8", "surrogatepass")).digest()
    return among[int.from_bytes(digest[:4]) % len(among)]
