"""Exchanges with interfaces that speak JSON, as the kinds that keep tickets need them."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.lib.errors import Permanent, Transient
from notifications.gateways.exchange import exchange, in_words, refusal
from notifications.gateways.kind import ANSWER_CHARACTERS, GatewayRefused, Sending
from notifications.message import Message

# Lists of tickets come with all their texts; one that is cut would read as nothing.
_MAX_ANSWER = 1_048_576
_NEVER = frozenset({401, 402, 403})
# Of one ticket: rights, a workflow, fields that have to be filled, or its being closed for good.
_STUCK = frozenset({400, 403, 405, 422})
# Zendesk and others mean that somebody else writes just now.
_CONFLICT = 409


@dataclass(frozen=True)
class Reply:
    """`told` is {} where the answer is no JSON object; `words` are the answer's, on one line and bounded."""

    status: int
    told: Mapping[str, Any]
    words: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class TicketGone(Permanent):
    """Somebody has deleted it at the other side."""

    def __init__(self, **params: Any) -> None:
        super().__init__("gateway_answer", **params)


class TicketStuck(Permanent):
    """This ticket takes it not, whatever others do."""

    def __init__(self, **params: Any) -> None:
        super().__init__("gateway_answer", **params)


def ask(
    sending: Sending,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Any = None,
    *,
    form: bytes | None = None,
    about_ticket: bool = False,
) -> Reply:
    """One exchange that has to succeed. `about_ticket`: the URL names one, so a refusal is about that one alone.

    Raises GatewayRefused, TicketGone, TicketStuck, Transient, Permanent by its status, and what `exchange` raises.
    """
    kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
    told = {"accept": "application/json", **headers}
    content = form if form is not None else b"" if body is None else json.dumps(body).encode()
    if content:
        told["content-type"] = kind
    answer = exchange(sending, url, body=content, headers=told, method=method, max_bytes=_MAX_ANSWER)
    reply = Reply(answer.status, _object(answer.body), in_words(answer))
    if reply.is_success:
        return reply
    if about_ticket and answer.status in (404, 410):
        raise TicketGone(answer=reply.words)
    if about_ticket and answer.status in _STUCK:
        raise TicketStuck(answer=reply.words, status=answer.status)
    if answer.status == _CONFLICT:
        raise Transient("gateway_later", answer=reply.words)
    if answer.status in _NEVER or (answer.status in (404, 405, 410) and not about_ticket):
        raise GatewayRefused(answer=reply.words, status=answer.status)
    raise refusal(answer, sending.at)


def wanted(reply: Reply, *path: str) -> str:
    """What a success must say, as text; a page of HTML with status 200 says something else. Raises Permanent."""
    found: Any = reply.told
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if found in (None, "") or isinstance(found, (dict, list)):
        raise Permanent("gateway_answer", answer=reply.words)
    return _plain(str(found))


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {"items": told} if isinstance(told, list) else {}


def closed_or_noted(close: Callable[[], str], note: Callable[[], str]) -> str:
    """The vendor's words. One that may not be closed by us is noted on, and left to people.

    Where `close` begins with the note, `note` only says so. Blocks; raises as `ask`.
    """
    try:
        return close()
    except TicketGone as gone:
        return str(gone.params["answer"])
    except TicketStuck as error:
        return said(f"Not closed ({error.params['answer'][:200]}), but told: {note()}")


def listed(reply: Reply, name: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list in the answer that have an id. Raises Permanent where there is no list: see `wanted`."""
    rows = reply.told.get(name)
    if not isinstance(rows, list):
        raise Permanent("gateway_answer", answer=reply.words)
    yield from (row for row in rows if isinstance(row, dict) and row.get("id"))


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def text_of(message: Message, limit: int) -> str:
    """Body, facts and address, for a ticket's description; each line of facts as `label: value`."""
    facts = "\n".join(f"{label}: {value}" for label, value in message.facts)
    return "\n\n".join(filter(None, [message.body, facts, message.url]))[:limit]


def line(text: str, limit: int) -> str:
    """On one line, for a ticket's title."""
    return " ".join(text.split())[:limit] or "Alert"


def said(words: str) -> str:
    return _plain(words[:ANSWER_CHARACTERS]).strip()


def _plain(text: str) -> str:
    """As a database takes it: JSON can hold NUL and half of a character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
