"""What one of Google's ID tokens proves, if anything."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import constant_time_compare
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import id_token

from accounts.google.keys import find_keys
from config.lib.errors import NeedsUser

type FindKeys = Callable[[str], Mapping[str, str]]

# How far Google's clock and ours may be apart, in seconds.
SKEW = 10
# Google's own tokens have about 1,200 characters.
MOST_CHARACTERS = 8_192
MOST_SUB = 255
MOST_EMAIL = 254
# The library raises the last of these, and JSON the others, over tokens that make no sense.
UNUSABLE = (ValueError, TypeError, KeyError, RecursionError, GoogleAuthError)


@dataclass(frozen=True)
class Proof:
    """Who stands at the browser, by Google's word. `sub` is the key; the address may change or be given away."""

    sub: str
    email: str


@dataclass(frozen=True)
class _Answer:
    """What the library takes for Google's answer when it asks for the keys."""

    data: bytes
    status: int = 200


def verify_token(token: str, *, nonce: str, client_id: str, keys: FindKeys = find_keys) -> Proof:
    """The proof in a token that was made for us and for this nonce, whose single use the caller keeps.

    Raises NeedsUser google_token_refused, google_started_elsewhere or google_email_unverified, and what `keys` raises.
    """
    try:
        claims = _signed_claims(token, client_id, keys)
    except UNUSABLE:
        # Its message quotes the token.
        raise NeedsUser("google_token_refused") from None
    if not _has_nonce(claims, nonce):
        # Most often two tabs: the second one's cookie has replaced the first one's.
        raise NeedsUser("google_started_elsewhere")
    if not _is_for_us(claims, client_id):
        raise NeedsUser("google_token_refused")
    if claims.get("email_verified") is not True or not _is_email(claims.get("email")):
        raise NeedsUser("google_email_unverified")
    return Proof(claims["sub"], claims["email"].lower())


def _signed_claims(token: str, client_id: str, keys: FindKeys) -> Mapping[str, Any]:
    """Signature, times, audience and issuer are the library's business."""
    answer = _Answer(json.dumps(dict(keys(_key_id(token)))).encode())
    claims: Mapping[str, Any] = id_token.verify_oauth2_token(  # type: ignore[no-untyped-call]
        token, lambda *_given, **_named: answer, audience=client_id, clock_skew_in_seconds=SKEW
    )
    return claims


def _key_id(token: str) -> str:
    """The library would try all keys where none is named."""
    if len(token) > MOST_CHARACTERS:
        raise ValueError("too long")
    header = jwt.decode_header(token)  # type: ignore[no-untyped-call]
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("no key named")
    return kid


def _has_nonce(claims: Mapping[str, Any], nonce: str) -> bool:
    return isinstance(claims.get("nonce"), str) and constant_time_compare(claims["nonce"], nonce)


def _is_for_us(claims: Mapping[str, Any], client_id: str) -> bool:
    """What the library does not look at."""
    return claims.get("azp", client_id) == client_id and _has_begun(claims.get("nbf", 0)) and _is_sub(claims.get("sub"))


def _has_begun(nbf: Any) -> bool:
    return type(nbf) in (int, float) and nbf <= time.time() + SKEW


def _is_sub(sub: Any) -> bool:
    return isinstance(sub, str) and 0 < len(sub) <= MOST_SUB and sub.isascii() and sub.isprintable()


def _is_email(email: Any) -> bool:
    if not isinstance(email, str) or len(email) > MOST_EMAIL:
        return False
    try:
        validate_email(email)
    except ValidationError:
        return False
    return True
