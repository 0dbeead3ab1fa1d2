"""Alerts in Opsgenie, and in Jira Service Management, whose compatible interface takes the same."""

from collections.abc import Mapping
from urllib.parse import quote

from notifications.gateways.json_api import TicketGone, ask, line, said, text_of
from notifications.gateways.kind import Field, GatewayKind, InvalidValue, Opened, Sending, Ticketing
from notifications.models import Channel

BASES = {
    "us": "https://api.opsgenie.com/v2/alerts",
    "eu": "https://api.eu.opsgenie.com/v2/alerts",
    "jsm": "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
}
# Opsgenie's own interface answers until then (Atlassian's timeline); Jira Service Management goes on.
END = "5 April 2027"
_PRIORITIES = {"critical": "P1", "warning": "P3", "info": "P5"}
_SOURCE = "ManageMyCert"


def _headers(sending: Sending) -> Mapping[str, str]:
    return {"authorization": f"GenieKey {sending.values['key']}"}


def open_alert(sending: Sending) -> Opened:
    """One open alert per alias: a repetition only raises its count."""
    message = sending.message
    body = {
        "message": line(message.subject, 130),
        "alias": message.dedup_key,
        "description": text_of(message, 15_000),
        "entity": line(dict(message.facts).get("Domain", ""), 512),
        "source": _SOURCE,
        "priority": "P5" if sending.is_test else _PRIORITIES[message.severity],
        "tags": ["test"] if sending.is_test else ["certificate"],
        "details": {label[:100]: value[:400] for label, value in message.facts},
    }
    reply = ask(sending, "POST", BASES[sending.values["region"]], _headers(sending), body)
    return Opened(message.dedup_key, said(f"{reply.status} {reply.told.get('result', '')}"))


def add_note(sending: Sending, ref: str) -> str:
    """An alert that people closed meanwhile opens anew by its alias."""
    open_alert(sending)
    return _act(sending, ref, "notes")


def close_alert(sending: Sending, ref: str) -> str:
    return _act(sending, ref, "close")


def _act(sending: Sending, ref: str, verb: str) -> str:
    url = f"{BASES[sending.values['region']]}/{quote(ref, safe='')}/{verb}?identifierType=alias"
    body = {"source": _SOURCE, "note": text_of(sending.message, 25_000)}
    try:
        reply = ask(sending, "POST", url, _headers(sending), body, about_ticket=True)
    except TicketGone as gone:
        return str(gone.params["answer"])
    return said(f"{reply.status} {reply.told.get('result', '')}")


def check(values: Mapping[str, str]) -> None:
    if "key" in values and (not values["key"].isascii() or " " in values["key"]):
        raise InvalidValue("key", "secret_unusable")


KIND = GatewayKind(
    channel=Channel.OPSGENIE,
    label="Opsgenie / JSM",
    about="An alert in Opsgenie or Jira Service Management, closed again with its cause.",
    fields=(
        Field(
            "region",
            "Service",
            f"Opsgenie ends on {END}; Jira Service Management's operations take the same key after the move.",
            kind="choice",
            is_host=True,
            default="jsm",
            choices=(("jsm", "Jira Service Management"), ("us", "Opsgenie (US)"), ("eu", "Opsgenie (EU)")),
        ),
        Field(
            "key",
            "API key",
            "Of an integration of the type API: team, Integrations, Add integration, API. Keys of the account's own "
            "key management cannot open alerts.",
            is_secret=True,
        ),
    ),
    send=lambda sending: open_alert(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_alert, add_note, close_alert),
)
