"""One HTTPS request to a panel, and what everybody means by a status. Nothing secret leaves by an error."""

import email.utils
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from config.lib import clock, egress, x509
from config.lib.errors import ExpectedError, NeedsUser, Transient
from config.lib.redact import redact as redact_known
from deploy.panels.panel import Access, LoginRefused, Unsure
from deploy.ssh.redact import HIDDEN, redact, secret_lines
from domains.tls import fetch_chain

_LOOK_SECONDS = 10.0
_MAX_BYTES = 4_194_304
_LONGEST_ANSWER = 300
_LONGEST_WAIT = timedelta(days=1)
_LATER = frozenset({408, 409, 425, 429})


def exchange(
    access: Access, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
) -> egress.HttpAnswer:
    """The answer, whatever its status; a redirect as it came. Blocks up to `request_seconds`; nothing is repeated.

    Raises Unsure where the request had begun to go out, NeedsUser panel_certificate_untrusted (with what it `seen`)
    or panel_certificate_changed before anything did, and what egress raises.
    """
    host = f"[{access.host}]" if ":" in access.host else access.host
    try:
        return egress.http(
            method,
            f"https://{host}:{access.port}{target}",
            # By its bytes: a password may have letters that no header has.
            headers={name: value.encode().decode("latin-1") for name, value in headers.items()},
            body=body,
            deadline=access.deadline.capped(access.request_seconds),
            max_bytes=_MAX_BYTES,
            pinned=access.pinned,
        )
    except egress.Unreachable as error:
        raise _failure(access, error) from None
    except egress.Refused as error:
        if error.code != "tls_other_certificate":
            raise
        raise NeedsUser("panel_certificate_changed", panel=access.panel, **error.params) from None


def _failure(access: Access, error: egress.Unreachable) -> ExpectedError:
    if error.was_written:
        return Unsure(panel=access.panel, host=access.host)
    seen = _shown_certificate(access) if error.code == "tls_failed" and not access.pinned else ""
    if not seen:
        return error
    return NeedsUser(
        "panel_certificate_untrusted",
        panel=access.panel,
        host=access.host,
        reason=error.params.get("reason", ""),
        seen=seen,
    )


def _shown_certificate(access: Access) -> str:
    """The SHA-256 of what the panel shows, for an admin to compare; empty where it shows none. Nothing is sent."""
    try:
        ders = fetch_chain(access.host, access.port, access.host, access.deadline.capped(_LOOK_SECONDS)).ders
    except ExpectedError:
        return ""
    return x509.fingerprint(ders[0]) if ders else ""


def require_answer(access: Access, answer: egress.HttpAnswer, secrets: Iterable[str] = ()) -> None:
    """Passes for 2xx. Raises LoginRefused for 401, Transient for what passes, and NeedsUser for everything else."""
    status = answer.status
    if 200 <= status < 300:
        return
    told: dict[str, Any] = {"panel": access.panel, "host": access.host, "port": access.port, "status": status}
    told["answer"] = in_words(access, answer.body.decode("utf-8", "replace"), secrets)
    if status == 401:
        raise LoginRefused("panel_login_refused", **told)
    if status in _LATER or status >= 500:
        raise Transient("panel_busy" if status in _LATER else "panel_failing", retry_at=retry_at(answer), **told)
    if status == 403:
        raise NeedsUser("panel_forbidden", **told)
    if 300 <= status < 400:
        raise NeedsUser("panel_redirects", **told)
    raise NeedsUser("panel_not_there" if status in (404, 405) else "panel_refused", **told)


def retry_at(answer: egress.HttpAnswer) -> datetime | None:
    """Retry-After, in seconds or as a date, at most a day ahead; None where there is none that makes sense."""
    said, now = answer.headers.get("retry-after", "").strip(), clock.now()
    if said.isascii() and said.isdigit() and len(said) <= 6:
        return min(now + timedelta(seconds=int(said)), now + _LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return min(max(moment, now), now + _LONGEST_WAIT) if moment.tzinfo else None


def json_object(access: Access, answer: egress.HttpAnswer) -> Mapping[str, Any]:
    """The answer's object. Raises NeedsUser panel_not_an_api for a page, Transient panel_garbled for half an object."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return told
    raise unreadable(access, answer)


def unreadable(access: Access, answer: egress.HttpAnswer) -> ExpectedError:
    """A log-in page comes with status 200 where the port or the path is not the interface's."""
    told: dict[str, Any] = {"panel": access.panel, "host": access.host, "port": access.port}
    head = answer.body[:2_000].lower()
    is_page = "html" in answer.headers.get("content-type", "").lower() or b"<html" in head or b"<!doctype html" in head
    return NeedsUser("panel_not_an_api", **told) if is_page else Transient("panel_garbled", **told)


def in_words(access: Access, text: str, secrets: Iterable[str] = ()) -> str:
    """What a panel said, on one line, bounded, without the credential and without any line of a key."""
    known = [access.secret, *secrets]
    for secret in _spellings(known):
        text = text.replace(secret, HIDDEN)
    # Cut in the middle of a secret, what is left of it would not be found any more: shortened last.
    return x509.clean(" ".join(redact_known(redact(text, known)).split()), _LONGEST_ANSWER)


def _spellings(secrets: Iterable[str]) -> list[str]:
    """As sent in a form and in JSON too; a credential is hidden however short it is."""
    plain = [one for secret in secrets if secret for one in (secret, *secret_lines([secret]))]
    forms = {form for one in plain for form in (one, quote_plus(one), json.dumps(one)[1:-1])}
    return sorted(forms, key=len, reverse=True)
