"""The one place that opens a gateway's secrets: in the worker, for the length of one attempt."""

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from config.lib.redact import HIDDEN, redact
from notifications.models import Gateway

# Shorter ones would blank out half of every answer.
_SHORTEST = 4


def secrets_of(gateway: Gateway) -> dict[str, str]:
    if not gateway.sealed_secrets:
        return {}
    return dict(json.loads(gateway.sealed_secrets.reveal_text()))


def scrubbed(text: str, secrets: Mapping[str, str]) -> str:
    """What the other side said, without the secrets that it echoed: whole, in parts, percent-encoded, in base64."""
    for form in sorted(_forms(secrets.values()), key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return redact(text)


def _forms(secrets: Iterable[str]) -> set[str]:
    forms = set()
    for secret in secrets:
        path = secret.partition("://")[2].partition("/")[2] if "://" in secret else ""
        # Kinds whose one secret is two with a colon between.
        for one in (secret, path, *(secret.split(":") if "://" not in secret else ())):
            forms |= {one, quote(one, safe=""), quote(one), base64.b64encode(one.encode()).decode()}
    return {form for form in forms if len(form) >= _SHORTEST}
