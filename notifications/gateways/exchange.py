"""One HTTP request of a gateway, and what its status means wherever a vendor says nothing else."""

import email.utils
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from config.lib import egress
from config.lib.errors import InvalidValue, NeedsUser, Permanent, Transient
from notifications.gateways.kind import ANSWER_CHARACTERS, GatewayRefused, Sending, Unsure

_LATER = frozenset({408, 425, 429})
_NEVER = frozenset({401, 403, 404, 405, 410})
_MAX_ANSWER = 2_048
_LONGEST_WAIT = timedelta(days=1)
_LOOKUP_SECONDS = 5.0


def exchange(
    sending: Sending,
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    method: str = "POST",
    max_bytes: int = _MAX_ANSWER,
) -> egress.HttpAnswer:
    """The answer whatever its status; no redirects: a body with secrets follows nobody.

    Raises Unsure where the request had begun to go out, Unreachable and Refused where it had not.
    """
    if urlsplit(url).scheme != "https" and not leads_inside(url, sending.deadline):
        raise GatewayRefused(answer="The URL begins with http:// and does not lead into the operator's own network.")
    try:
        return egress.http(
            method, url, headers=headers, body=body, deadline=sending.deadline, max_bytes=max_bytes, cuts=True
        )
    except egress.Unreachable as error:
        if error.was_written:
            raise Unsure(may_have_arrived=True) from error
        raise


def leads_inside(url: str, deadline: egress.Deadline) -> bool:
    """Whether every address of the URL's host lies in EGRESS_ALLOW_CIDRS."""
    if not settings.EGRESS_ALLOW_CIDRS:
        return False
    host = urlsplit(url).hostname or ""
    try:
        addresses = list(egress.resolve(host, deadline))
    except (NeedsUser, Transient):
        return False
    return bool(addresses) and all(egress.is_opened(address) for address in addresses)


def check_url(field_name: str, url: str, hosts: tuple[str, ...] = ()) -> None:
    """Raises InvalidValue for what is no https URL, and for hosts that are none of `hosts` (`.x` is all below x).

    The operator's own network (EGRESS_ALLOW_CIDRS) may be reached by http and under any name.
    """
    try:
        egress_url = urlsplit(url)
        host = egress.parse_host(egress_url.hostname or "")
    except (NeedsUser, ValueError):
        raise InvalidValue(field_name, "url_malformed") from None
    if egress_url.scheme not in ("http", "https") or "@" in egress_url.netloc or not _is_plain(url):
        raise InvalidValue(field_name, "url_malformed")
    is_known = not hosts or any(host.endswith(one) if one[0] == "." else host == one for one in hosts)
    if egress_url.scheme == "https" and is_known:
        return
    if not leads_inside(url, egress.Deadline(_LOOKUP_SECONDS)):
        raise InvalidValue(field_name, "gateway_url_foreign" if not is_known else "gateway_url_insecure", host=host)


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and len(url) <= 4096


def in_words(answer: egress.HttpAnswer) -> str:
    """`404 no_service`, on one line and bounded."""
    text = answer.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"{answer.status} {' '.join(text.split())}"[:ANSWER_CHARACTERS].strip()


def require_success(answer: egress.HttpAnswer, now: datetime) -> str:
    """The answer in words. Raises Transient, GatewayRefused or Permanent by its status."""
    if 200 <= answer.status < 300:
        return in_words(answer)
    if answer.status in _NEVER:
        raise GatewayRefused(answer=in_words(answer))
    raise refusal(answer, now)


def refusal(answer: egress.HttpAnswer, now: datetime) -> Transient | Permanent:
    """What a status means that says nothing about the gateway as a whole."""
    if answer.status in _LATER or answer.status >= 500:
        may_have_arrived = answer.status >= 500
        told = {"answer": in_words(answer), "may_have_arrived": may_have_arrived}
        return Transient("gateway_later", retry_at=retry_at(answer, now), **told)
    return Permanent("gateway_answer", answer=in_words(answer), status=answer.status)


def retry_at(answer: egress.HttpAnswer, now: datetime) -> datetime | None:
    """Retry-After, in seconds or as a date, at most a day ahead; None where there is none that makes sense."""
    # Opsgenie names its period so.
    said = answer.headers.get("retry-after", "") or answer.headers.get("x-ratelimit-period-in-sec", "")
    said = said.strip()
    if said.isascii() and said.isdigit() and len(said) <= 6:
        moment = now + timedelta(seconds=int(said))
    else:
        try:
            moment = email.utils.parsedate_to_datetime(said)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            return None
    return min(max(moment, now), now + _LONGEST_WAIT)
