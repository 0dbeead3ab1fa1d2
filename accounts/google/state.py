"""What has to survive the way to Google and back, each bound to one browser and good for one use.

Google's POST comes from another site, so the session's SameSite=Lax cookie stays at home. The nonce therefore
has a cookie of its own, with SameSite=None, and what the POST proved waits for the GET that follows it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.google.token import Proof
from config.lib.errors import NeedsUser

PREFIX = "__Host-" if settings.IS_HTTPS else ""
STARTED_COOKIE, FINISH_COOKIE = f"{PREFIX}google", f"{PREFIX}google-finish"
SALT = "accounts.google"
STARTED_SECONDS, FINISH_SECONDS = 600, 120


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"
    CONNECT = "connect"


@dataclass(frozen=True)
class Started:
    """Why somebody went to Google. `user` is who was signed in then, for all but signing in."""

    purpose: Purpose
    next: str = ""
    user: str = ""
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass(frozen=True)
class Returned:
    """With what they came back."""

    started: Started
    proof: Proof


def leave_started(response: HttpResponse, started: Started) -> None:
    """Browsers take Secure for loopback's plain http, and want it beside SameSite=None."""
    value = signing.dumps(asdict(started), salt=f"{SALT}.started")
    response.set_cookie(STARTED_COOKIE, value, max_age=STARTED_SECONDS, secure=True, httponly=True, samesite="None")


def read_started(request: HttpRequest) -> Started:
    """Raises NeedsUser("google_started_elsewhere"): not begun in this browser, too long ago, or tampered with."""
    return _started_from(_signed(request, STARTED_COOKIE, "started", STARTED_SECONDS))


def spend_nonce(nonce: str) -> None:
    """Once and never again; kept for longer than its cookie, and not in Redis, which may be flushed."""
    if not cache.add(_slot("spent", nonce), True, 2 * STARTED_SECONDS):
        raise NeedsUser("google_started_elsewhere")


def hand_over(response: HttpResponse, returned: Returned) -> None:
    """Keep what was proven for two minutes, for whoever brings the cookie that this response leaves."""
    key = secrets.token_urlsafe(32)
    cache.set(_slot("returned", key), asdict(returned), FINISH_SECONDS)
    response.set_cookie(
        FINISH_COOKIE,
        signing.dumps(key, salt=f"{SALT}.finish"),
        max_age=FINISH_SECONDS,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    response.delete_cookie(STARTED_COOKIE, samesite="None")


def take_over(request: HttpRequest) -> Returned:
    """What was handed over to this browser; the first to ask gets it. Raises NeedsUser("google_started_elsewhere")."""
    slot = _slot("returned", _signed(request, FINISH_COOKIE, "finish", FINISH_SECONDS))
    kept = cache.get(slot)
    # Deleting tells apart two that ask at the same time.
    if kept is None or not cache.delete(slot):
        raise NeedsUser("google_started_elsewhere")
    return returned_from(kept)


def returned_from(kept: Mapping[str, Any]) -> Returned:
    """What `asdict` made of it, back again."""
    return Returned(_started_from(kept["started"]), Proof(**kept["proof"]))


def _started_from(kept: Mapping[str, Any]) -> Started:
    return Started(**{**kept, "purpose": Purpose(kept["purpose"])})


def _signed(request: HttpRequest, cookie: str, salt: str, seconds: int) -> Any:
    try:
        return signing.loads(request.COOKIES.get(cookie, ""), salt=f"{SALT}.{salt}", max_age=seconds)
    except signing.BadSignature:
        raise NeedsUser("google_started_elsewhere") from None


def _slot(kind: str, secret: str) -> str:
    """A copy of the cache table opens nothing."""
    return f"google:{kind}:{salted_hmac(SALT, secret, algorithm='sha256').hexdigest()}"
