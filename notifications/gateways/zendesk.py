"""Tickets in Zendesk."""

from collections.abc import Mapping

from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import ask, basic, closed_or_noted, line, listed, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, Opened, Sending, Ticketing
from notifications.models import Channel

_PRIORITIES = {"critical": "urgent", "warning": "normal", "info": "low"}
_OVER = frozenset({"solved", "closed"})


def _headers(sending: Sending) -> dict[str, str]:
    return {"authorization": basic(f"{sending.values['email']}/token", sending.values["token"])}


def _url(sending: Sending, path: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/api/v2/{path}"


def open_ticket(sending: Sending) -> Opened:
    """The same Idempotency-Key is the same ticket for two hours; see also `find_ticket`."""
    message = sending.message
    ticket = {
        "subject": line(message.subject, 150),
        "comment": {"body": text_of(message, 60_000), "public": False},
        # The agent's own address: another one would get mail from Zendesk.
        "requester": {"name": "ManageMyCert", "email": sending.values["email"]},
        "priority": "low" if sending.is_test else _PRIORITIES[message.severity],
        "type": "incident",
        "external_id": message.dedup_key,
        "tags": ["managemycert", *(["test"] if sending.is_test else [])],
    }
    headers = {**_headers(sending), "idempotency-key": sending.id}
    reply = ask(sending, "POST", _url(sending, "tickets"), headers, {"ticket": ticket})
    number = wanted(reply, "ticket", "id")
    return Opened(number, said(f"{reply.status} ticket {number}"), _page(sending, number))


def _page(sending: Sending, number: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/agent/tickets/{number}"


def find_ticket(sending: Sending) -> Opened | None:
    """One with our external id that is not over; those before it are listed too."""
    reply = ask(sending, "GET", _url(sending, f"tickets?external_id={sending.message.dedup_key}"), _headers(sending))
    numbers = [str(ticket["id"]) for ticket in listed(reply, "tickets") if ticket.get("status") not in _OVER]
    return Opened(numbers[0], f"Found again: {numbers[0]}", _page(sending, numbers[0])) if numbers else None


def add_comment(sending: Sending, ref: str) -> str:
    return _change(sending, ref, {})


def solve(sending: Sending, ref: str) -> str:
    return closed_or_noted(lambda: _change(sending, ref, {"status": "solved"}), lambda: add_comment(sending, ref))


def _change(sending: Sending, ref: str, fields: Mapping[str, str]) -> str:
    ticket = {**fields, "comment": {"body": text_of(sending.message, 60_000), "public": False}}
    url = _url(sending, f"tickets/{ref}")
    reply = ask(sending, "PUT", url, _headers(sending), {"ticket": ticket}, about_ticket=True)
    return said(f"{reply.status} ticket {wanted(reply, 'ticket', 'id')}")


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"], (".zendesk.com",))


KIND = GatewayKind(
    channel=Channel.ZENDESK,
    label="Zendesk",
    about="A ticket with private comments, solved with its cause.",
    fields=(
        Field(
            "url",
            "Account",
            "The address of your account.",
            kind="url",
            is_host=True,
            placeholder="https://acme.zendesk.com",
        ),
        Field("email", "Agent's e-mail", "Tickets are opened in this agent's name.", kind="email", is_host=True),
        Field("token", "API token", "Admin Center, Apps and integrations, Zendesk API, API tokens.", is_secret=True),
    ),
    send=lambda sending: open_ticket(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_ticket, add_comment, solve, find_ticket),
)
