"""Cloudflare's API v4: one envelope for everything, and a number for what went wrong.

https://developers.cloudflare.com/api/resources/custom_certificates/ and, for the numbers,
https://developers.cloudflare.com/ssl/edge-certificates/custom-certificates/troubleshooting/
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from config.lib import egress
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.panels.exchange import exchange, in_words, require_answer, retry_at, unreadable
from deploy.panels.panel import Access, LoginRefused

_BASE = "/client/v4"
_PER_PAGE, _MOST_PAGES = 50, 40
ALREADY = 1220
_HIGHEST = 1_000_000
# With 403 the token is known, and lacks a permission.
_AUTHENTICATION = 10000
_LOGIN = {1000: "panel_login_refused", 10000: "panel_login_refused", 6003: "cloudflare_token_malformed"}
_LOGIN |= {6111: "cloudflare_token_malformed"}
# 1305: it cannot be deleted now; a replacement deletes the old one. 2000 is theirs for what they do not know either.
_LATER = {1305: "cloudflare_not_now", 2000: "cloudflare_unknown"}
_PERSON = {
    1002: "cloudflare_certificate_invalid",
    1212: "cloudflare_full",
    1220: "cloudflare_already",
    1228: "cloudflare_same_kind",
    1411: "cloudflare_no_leaf",
    1434: "cloudflare_no_cipher",
    2005: "cloudflare_full",
    2100: "cloudflare_not_bundled",
    2101: "cloudflare_no_leaf",
    2103: "cloudflare_names_elsewhere",
    2106: "cloudflare_key_invalid",
    2200: "cloudflare_pair_invalid",
    7003: "cloudflare_object_missing",
    9109: "panel_rights_missing",
}


def call(
    access: Access,
    method: str,
    path: str,
    body: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """The envelope of a success. `query` and `path` are ours, or numbers of theirs that were looked at.

    Raises LoginRefused, NeedsUser and Transient by their numbers, else by the status.
    """
    headers = {"authorization": f"Bearer {access.secret}", "accept": "application/json"}
    secrets = [body["private_key"]] if body else []
    if body:
        headers["content-type"] = "application/json"
    target = f"{_BASE}{path}" + (f"?{urlencode(query)}" if query else "")
    answer = exchange(access, method, target, headers, json.dumps(body).encode() if body else b"")
    told = _envelope(answer)
    if 200 <= answer.status < 300 and told.get("success") is True:
        return told
    raise _refusal(access, answer, told, secrets)


def _envelope(answer: egress.HttpAnswer) -> Mapping[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _refusal(
    access: Access, answer: egress.HttpAnswer, told: Mapping[str, Any], secrets: Sequence[str]
) -> ExpectedError:
    errors = _errors(told)
    numbers = [number for error in errors if isinstance(number := error.get("code"), int) and 0 < number < _HIGHEST]
    said = "; ".join(f"{error.get('code', '')} {error.get('message', '')}" for error in errors)
    params: dict[str, Any] = {"panel": access.panel, "host": access.host, "port": access.port, "numbers": numbers}
    params |= {"status": answer.status, "answer": in_words(access, said or "no reason given", secrets)}
    if answer.status == 429:
        return Transient("panel_busy", retry_at=retry_at(answer), **params)
    for number in numbers:
        if number == _AUTHENTICATION and answer.status == 403:
            return NeedsUser("panel_rights_missing", **params)
        if number in _LOGIN:
            return LoginRefused(_LOGIN[number], **params)
        if number in _LATER:
            return Transient(_LATER[number], retry_at=retry_at(answer), **params)
        if number in _PERSON:
            return NeedsUser(_PERSON[number], **params)
    return _by_status(access, answer, params, secrets)


def _errors(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """With what is chained to them: the outer one often says only that something is wrong."""
    listed = told.get("errors")
    outer = [one for one in listed if isinstance(one, dict)][:10] if isinstance(listed, list) else []
    chains = [one.get("error_chain") for one in outer]
    inner = [one for chain in chains if isinstance(chain, list) for one in chain[:10] if isinstance(one, dict)]
    return [*inner, *outer]


def _by_status(
    access: Access, answer: egress.HttpAnswer, params: Mapping[str, Any], secrets: Sequence[str]
) -> ExpectedError:
    try:
        require_answer(access, answer, secrets)
    except ExpectedError as error:
        return error
    return NeedsUser("panel_refused", **params) if _envelope(answer) else unreadable(access, answer)


def pages(access: Access, path: str, query: Mapping[str, str] | None = None) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, over as many of its pages as there are, 2,000 at most."""
    for page in range(1, _MOST_PAGES + 1):
        told = call(access, "GET", path, query={**(query or {}), "page": str(page), "per_page": str(_PER_PAGE)})
        rows = told.get("result")
        if not isinstance(rows, list):
            raise Transient("panel_garbled", panel=access.panel, host=access.host, port=access.port)
        yield from (row for row in rows if isinstance(row, dict))
        about = told.get("result_info")
        total = about.get("total_pages") if isinstance(about, dict) else None
        if not isinstance(total, int) or page >= total:
            return
