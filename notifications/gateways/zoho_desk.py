"""Tickets in Zoho Desk."""

import hashlib
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from config.lib.errors import InvalidValue, Transient
from notifications.gateways.json_api import Reply, TicketGone, ask, closed_or_noted, line, listed, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, Opened, Sending, Ticketing, Unsure
from notifications.models import Channel

# Accounts and desk of one data centre belong together, so hosts are chosen, never typed.
CENTRES: dict[str, tuple[str, str]] = {
    **{
        end: (f"https://accounts.zoho.{end}", f"https://desk.zoho.{end}")
        for end in ("com", "eu", "in", "com.au", "jp", "com.cn", "sa", "uk", "ae")
    },
    "ca": ("https://accounts.zohocloud.ca", "https://desk.zohocloud.ca"),
}
_PRIORITIES = {"critical": "High", "warning": "Medium", "info": "Low"}
_MARK = ":"
# Zoho hands out about ten access tokens in ten minutes for one refresh token. Kept in the worker's memory alone.
_EARLY_SECONDS = 120
_lock = threading.Lock()
_tokens: dict[str, tuple[str, float]] = {}


def access_token(sending: Sending, *, is_fresh: bool = False) -> str:
    """One that has some minutes left; asked for by one thread at a time. Blocks."""
    values = sending.values
    key = hashlib.sha256(f"{values['centre']} {values['client_id']} {values['secret']}".encode()).hexdigest()
    with _lock:
        known = _tokens.get(key)
        if known and known[1] > time.monotonic() and not is_fresh:
            return known[0]
        token, seconds = _refreshed(sending)
        _tokens[key] = (token, time.monotonic() + seconds - _EARLY_SECONDS)
        return token


def _refreshed(sending: Sending) -> tuple[str, float]:
    values = sending.values
    client_secret, _, refresh_token = values["secret"].partition(_MARK)
    asked = {"grant_type": "refresh_token", "client_id": values["client_id"], "client_secret": client_secret}
    form = urlencode({**asked, "refresh_token": refresh_token}).encode()
    try:
        reply = ask(sending, "POST", f"{CENTRES[values['centre']][0]}/oauth/v2/token", {}, form=form)
    except Unsure as silence:
        # Nothing of the message has gone out yet.
        raise Transient("gateway_later", answer="No answer from Zoho's accounts server.") from silence
    if error := str(reply.told.get("error") or ""):
        # Zoho refuses with status 200.
        if error in ("access_denied", "too_many_requests"):
            raise Transient("gateway_later", answer=f"200 {error}")
        raise GatewayRefused(answer=f"200 {error}")
    seconds = str(reply.told.get("expires_in") or "")
    return wanted(reply, "access_token"), float(seconds) if seconds.isdigit() else 3600.0


type Body = Mapping[str, object] | None


def _call(sending: Sending, method: str, path: str, body: Body = None, *, about_ticket: bool = False) -> Reply:
    """An access token that was withdrawn early is asked for once more."""
    try:
        return _once(sending, method, path, body, about_ticket, is_fresh=False)
    except GatewayRefused as error:
        if error.params.get("status") != HTTPStatus.UNAUTHORIZED:
            raise
    return _once(sending, method, path, body, about_ticket, is_fresh=True)


def _once(sending: Sending, method: str, path: str, body: Body, about_ticket: bool, *, is_fresh: bool) -> Reply:
    token = access_token(sending, is_fresh=is_fresh)
    headers = {"authorization": f"Zoho-oauthtoken {token}", "orgId": sending.values["org"]}
    url = f"{CENTRES[sending.values['centre']][1]}/api/v1/{path}"
    return ask(sending, method, url, headers, body, about_ticket=about_ticket)


def _mark(sending: Sending) -> str:
    """One word, so that the search takes it as one."""
    return f"mmc{hashlib.sha256(sending.message.dedup_key.encode()).hexdigest()[:24]}"


def find_ticket(sending: Sending) -> Opened | None:
    """One whose description holds our mark and that is not closed. Nothing found is 204."""
    asked = {"module": "tickets", "departmentId": sending.values["department"], "searchStr": _mark(sending)}
    reply = _call(sending, "GET", f"search?{urlencode({**asked, 'from': 0, 'limit': 10})}")
    if reply.status == HTTPStatus.NO_CONTENT:
        return None
    found = next((one for one in listed(reply, "data") if one.get("status") != "Closed"), None)
    return Opened(str(found["id"]), f"Found again: {found['id']}", str(found.get("webUrl") or "")) if found else None


def open_ticket(sending: Sending) -> Opened:
    """Nothing makes a repetition the same ticket: see `find_ticket`."""
    message = sending.message
    body = {
        "subject": line(message.subject, 255),
        "departmentId": sending.values["department"],
        "contact": {"lastName": "ManageMyCert", "email": sending.values["email"]},
        "description": f"{text_of(message, 30_000)}\n\n{_mark(sending)}",
        "priority": "Low" if sending.is_test else _PRIORITIES[message.severity],
        "status": "Open",
        "channel": "Web",
    }
    reply = _call(sending, "POST", "tickets", body)
    answer = said(f"{reply.status} {reply.told.get('ticketNumber', '')}")
    return Opened(wanted(reply, "id"), answer, str(reply.told.get("webUrl") or ""))


def add_comment(sending: Sending, ref: str) -> str:
    body = {"content": text_of(sending.message, 30_000), "isPublic": False}
    reply = _call(sending, "POST", f"tickets/{ref}/comments", body, about_ticket=True)
    return said(f"{reply.status} comment {wanted(reply, 'id')}")


def close(sending: Sending, ref: str) -> str:
    try:
        comment = add_comment(sending, ref)
    except TicketGone as gone:
        return str(gone.params["answer"])
    return closed_or_noted(lambda: _closed(sending, ref), lambda: comment)


def _closed(sending: Sending, ref: str) -> str:
    reply = _call(sending, "PATCH", f"tickets/{ref}", {"status": "Closed"}, about_ticket=True)
    wanted(reply, "id")
    return said(f"{reply.status} {reply.told.get('ticketNumber', ref)} closed")


def check(values: Mapping[str, str]) -> None:
    for name in ("org", "department"):
        if not values[name].isascii() or not values[name].isdigit():
            raise InvalidValue(name, "zoho_number_malformed")
    if "secret" in values:
        first, mark, second = values["secret"].partition(_MARK)
        if not (first and mark and second) or " " in values["secret"] or not values["secret"].isascii():
            raise InvalidValue("secret", "zoho_secret_malformed")


KIND = GatewayKind(
    channel=Channel.ZOHO_DESK,
    label="Zoho Desk",
    about="A ticket in a department, closed with its cause.",
    fields=(
        Field(
            "centre",
            "Data centre",
            "What your address at Zoho ends in.",
            kind="choice",
            is_host=True,
            default="com",
            choices=tuple((end, f"zoho.{end}" if end != "ca" else "zohocloud.ca") for end in CENTRES),
        ),
        Field("org", "Organization id", "Desk, Setup, Developer Space, API: Zoho Service, OrgId.", kind="number"),
        Field("department", "Department id", "The number in the address of the department's page.", kind="number"),
        Field("email", "Requester", "Tickets are opened in this person's name.", kind="email"),
        Field("client_id", "Client id", "Of a self client at api-console.zoho.com, in your data centre.", is_host=True),
        Field(
            "secret",
            "Client secret:refresh token",
            "Both, with a colon between them. Scopes: Desk.tickets.CREATE, Desk.tickets.UPDATE, Desk.tickets.READ, "
            "Desk.search.READ, Desk.contacts.READ, Desk.contacts.CREATE, Desk.tasks.READ.",
            is_secret=True,
        ),
    ),
    send=lambda sending: open_ticket(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_ticket, add_comment, close, find_ticket),
)
