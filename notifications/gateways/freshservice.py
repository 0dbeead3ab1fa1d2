"""Tickets in Freshservice."""

import hashlib
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import TicketGone, ask, basic, closed_or_noted, line, listed, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, Opened, Sending, Ticketing
from notifications.message import Message
from notifications.models import Channel

_PRIORITIES = {"critical": 4, "warning": 2, "info": 1}
_OPEN, _RESOLVED = 2, 4
_OVER = (_RESOLVED, 5)


def _headers(sending: Sending) -> Mapping[str, str]:
    return {"authorization": basic(sending.values["key"], "X")}


def _url(sending: Sending, path: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/api/v2/{path}"


def _tag(sending: Sending) -> str:
    """By which a ticket is found again; Freshservice takes 32 characters."""
    return f"mmc-{hashlib.sha256(sending.message.dedup_key.encode()).hexdigest()[:28]}"


def _html(message: Message) -> str:
    return "".join(f"<p>{escape(block)}</p>" for block in text_of(message, 30_000).split("\n\n"))


def open_ticket(sending: Sending) -> Opened:
    """Nothing makes a repetition the same ticket: see `find_ticket`."""
    message = sending.message
    body = {
        "email": sending.values["email"],
        "subject": line(message.subject, 255),
        "description": _html(message),
        "status": _OPEN,
        "priority": 1 if sending.is_test else _PRIORITIES[message.severity],
        "source": 2,
        "tags": ["managemycert", _tag(sending), *(["test"] if sending.is_test else [])],
    }
    reply = ask(sending, "POST", _url(sending, "tickets"), _headers(sending), body)
    number = wanted(reply, "ticket", "id")
    return Opened(number, said(f"{reply.status} ticket {number}"), _page(sending, number))


def _page(sending: Sending, number: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/a/tickets/{number}"


def find_ticket(sending: Sending) -> Opened | None:
    """One with our tag that is not over. The search is about a minute late."""
    # The quotes are part of the value.
    asked = quote(f"\"tag:'{_tag(sending)}'\"", safe="")
    reply = ask(sending, "GET", _url(sending, f"tickets/filter?query={asked}"), _headers(sending))
    numbers = [str(ticket["id"]) for ticket in listed(reply, "tickets") if ticket.get("status") not in _OVER]
    return Opened(numbers[0], f"Found again: {numbers[0]}", _page(sending, numbers[0])) if numbers else None


def add_note(sending: Sending, ref: str) -> str:
    body = {"body": _html(sending.message), "private": True}
    reply = ask(sending, "POST", _url(sending, f"tickets/{ref}/notes"), _headers(sending), body, about_ticket=True)
    return said(f"{reply.status} note on {ref}")


def resolve(sending: Sending, ref: str) -> str:
    try:
        note = add_note(sending, ref)
    except TicketGone as gone:
        return str(gone.params["answer"])
    return closed_or_noted(lambda: _resolved(sending, ref), lambda: note)


def _resolved(sending: Sending, ref: str) -> str:
    url = _url(sending, f"tickets/{ref}")
    reply = ask(sending, "PUT", url, _headers(sending), {"status": _RESOLVED}, about_ticket=True)
    return said(f"{reply.status} {ref} resolved")


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"], (".freshservice.com",))


KIND = GatewayKind(
    channel=Channel.FRESHSERVICE,
    label="Freshservice",
    about="A ticket with private notes, resolved with its cause.",
    fields=(
        Field(
            "url",
            "Account",
            "The address of your account.",
            kind="url",
            is_host=True,
            placeholder="https://acme.freshservice.com",
        ),
        Field("email", "Requester", "Tickets are opened in this person's name.", kind="email"),
        Field("key", "API key", "Profile settings of an agent who may create tickets.", is_secret=True),
    ),
    send=lambda sending: open_ticket(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_ticket, add_note, resolve, find_ticket),
)
