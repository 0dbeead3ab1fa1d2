"""One HTTP request of a gateway, and what its status means wherever a vendor says nothing else."""

import email.utils
from collections.abc import Mapping
from datetime import datetime, timedelta

from config.lib import egress
from config.lib.errors import Permanent, Transient
from notifications.gateways.kind import ANSWER_CHARACTERS, GatewayRefused, Sending

_LATER = frozenset({408, 425, 429})
_NEVER = frozenset({401, 403, 404, 405, 410})
_MAX_ANSWER = 2_048
_LONGEST_WAIT = timedelta(days=1)


def exchange(
    sending: Sending, url: str, *, body: bytes, headers: Mapping[str, str], method: str = "POST"
) -> egress.HttpAnswer:
    """The answer whatever its status; no redirects: a body with secrets follows nobody."""
    return egress.http(
        method, url, headers=headers, body=body, deadline=sending.deadline, max_bytes=_MAX_ANSWER, redirects=0
    )


def in_words(answer: egress.HttpAnswer) -> str:
    """`404 no_service`, on one line and bounded."""
    text = answer.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"{answer.status} {' '.join(text.split())}"[:ANSWER_CHARACTERS].strip()


def require_success(answer: egress.HttpAnswer, now: datetime) -> str:
    """The answer in words. Raises Transient, GatewayRefused or Permanent by its status."""
    if 200 <= answer.status < 300:
        return in_words(answer)
    if answer.status in _LATER or answer.status >= 500:
        raise Transient("gateway_later", retry_at=retry_at(answer, now), answer=in_words(answer))
    if answer.status in _NEVER:
        raise GatewayRefused(answer=in_words(answer))
    raise Permanent("gateway_answer", answer=in_words(answer))


def retry_at(answer: egress.HttpAnswer, now: datetime) -> datetime | None:
    """Retry-After, in seconds or as a date, at most a day ahead; None where there is none that makes sense."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit() and len(said) <= 6:
        moment = now + timedelta(seconds=int(said))
    else:
        try:
            moment = email.utils.parsedate_to_datetime(said)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
    return min(max(moment, now), now + _LONGEST_WAIT)
