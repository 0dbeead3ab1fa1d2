"""Google's signing certificates, kept for as long as Google's answer says."""

import json
import re
from collections.abc import Mapping

from cryptography.x509 import load_pem_x509_certificate
from django.conf import settings
from django.core.cache import cache

from config.lib import egress
from config.lib.errors import ExpectedError, Transient

# In the database cache, so that all processes of the portal ask Google once.
KEYS, LOOKED_AGAIN, DOWN = "google:keys", "google:keys:looked-again", "google:keys:down"
SECONDS = 5
MOST_BYTES = 65_536
LEAST_KEPT, MOST_KEPT = 300, 86_400
# Anybody may name a key that does not exist: that must not make us ask Google at will.
LOOK_AGAIN_EVERY = 60
# While Google cannot be reached, waiting for it must not occupy every thread of web.
PAUSE = 10


def find_keys(kid: str) -> Mapping[str, str]:
    """Certificates (PEM) by key id, asked for anew when `kid` is not among those known.

    Blocks up to 5 seconds. Raises Transient("google_unreachable").
    """
    known: dict[str, str] | None = cache.get(KEYS)
    if known is None or (kid not in known and cache.add(LOOKED_AGAIN, True, LOOK_AGAIN_EVERY)):
        return _fetch_keys()
    return known


def _fetch_keys() -> dict[str, str]:
    if cache.get(DOWN):
        raise Transient("google_unreachable")
    try:
        answer = egress.http("GET", settings.GOOGLE_CERTS_URL, deadline=egress.Deadline(SECONDS), max_bytes=MOST_BYTES)
        keys = _read_keys(answer)
    except (ExpectedError, ValueError) as problem:
        cache.set(DOWN, True, PAUSE)
        raise Transient("google_unreachable") from problem
    cache.set(KEYS, keys, _lifetime(answer.headers.get("cache-control", "")))
    return keys


def _read_keys(answer: egress.HttpAnswer) -> dict[str, str]:
    """Raises ValueError for all but a map from key ids to certificates; a JWK set is one of the others."""
    found = json.loads(answer.body) if answer.status == 200 else None
    if not isinstance(found, dict) or not found:
        raise ValueError("no keys")
    for pem in found.values():
        load_pem_x509_certificate(str(pem).encode())
    return found


def _lifetime(cache_control: str) -> int:
    stated = re.search(r"\bmax-age=(\d{1,9})\b", cache_control)
    return min(max(int(stated[1]) if stated else 0, LEAST_KEPT), MOST_KEPT)
