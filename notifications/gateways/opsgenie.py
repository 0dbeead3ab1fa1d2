"""Alerts in Opsgenie, and in Jira Service Management, whose compatible interface takes the same.

What it takes it only queues (202): what became of it is asked for.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from config.lib.errors import ExpectedError, InvalidValue, Permanent
from notifications.gateways.json_api import Reply, TicketGone, ask, line, said, text_of
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, Opened, Sending, Ticketing
from notifications.models import Channel

BASES = {
    "us": "https://api.opsgenie.com/v2/alerts",
    "eu": "https://api.eu.opsgenie.com/v2/alerts",
    "jsm": "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
}
# Opsgenie's own interface answers until then (Atlassian's timeline); Jira Service Management goes on.
END = "5 April 2027"
# Jira Service Management shows alerts under the address of a site, which the key does not tell.
PAGES = {
    "us": "https://app.opsgenie.com/alert/detail/{}/details",
    "eu": "https://app.eu.opsgenie.com/alert/detail/{}/details",
}
# An outcome is usually there at once; what is not known by then is left to the queue.
_OUTCOME_SECONDS = 10.0
_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
_PRIORITIES = {"critical": "P1", "warning": "P3", "info": "P5"}
_SOURCE = "ManageMyCert"


def _headers(sending: Sending) -> Mapping[str, str]:
    return {"authorization": f"GenieKey {sending.values['key']}"}


def open_alert(sending: Sending) -> Opened:
    """One open alert per alias: a repetition only raises its count. Blocks until the queue has done it."""
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
    told, answer = _outcome(sending, ask(sending, "POST", BASES[sending.values["region"]], _headers(sending), body))
    alert = str(told.get("alertId") or "")
    page = PAGES.get(sending.values["region"], "").format(quote(alert, safe="")) if alert else ""
    return Opened(message.dedup_key, answer if page or not alert else f"{answer} alert {alert}", page)


def _outcome(sending: Sending, accepted: Reply) -> tuple[Mapping[str, Any], str]:
    """What the queue made of it, {} where that is not known in time, and in words. Raises Permanent on failure."""
    told = _asked_for(sending, str(accepted.told.get("requestId") or ""))
    if told.get("isSuccess") is False:
        raise Permanent("gateway_answer", answer=said(f"{accepted.status} {told.get('status', 'failed')}"))
    return told, said(f"{accepted.status} {told.get('status') or accepted.told.get('result', '')}")


def _asked_for(sending: Sending, request: str) -> Mapping[str, Any]:
    """A failure to hear of it is no failure of what was taken."""
    url = f"{BASES[sending.values['region']]}/requests/{quote(request, safe='')}"
    until = sending.deadline.capped(_OUTCOME_SECONDS)
    for pause in _PAUSES if request else ():
        try:
            told = ask(sending, "GET", url, _headers(sending), about_ticket=True).told.get("data")
        except TicketGone:
            told = None
        except ExpectedError:
            return {}
        if isinstance(told, dict) and "isSuccess" in told:
            return told
        if until.left() <= pause:
            break
        time.sleep(pause)
    return {}


def add_note(sending: Sending, ref: str) -> str:
    """An alert that people closed meanwhile opens anew by its alias."""
    open_alert(sending)
    return _act(sending, ref, "notes")


def close_alert(sending: Sending, ref: str) -> str:
    """One that people closed or deleted before cannot be closed, which is no failure."""
    try:
        return _act(sending, ref, "close")
    except Permanent as error:
        if isinstance(error, GatewayRefused) or _is_open(sending, ref):
            raise
        return str(error.params["answer"])


def _is_open(sending: Sending, ref: str) -> bool:
    try:
        reply = ask(sending, "GET", _url(sending, ref), _headers(sending), about_ticket=True)
    except TicketGone:
        return False
    told = reply.told.get("data")
    return not isinstance(told, dict) or told.get("status") != "closed"


def _url(sending: Sending, ref: str, verb: str = "") -> str:
    return f"{BASES[sending.values['region']]}/{quote(ref, safe='')}{verb}?identifierType=alias"


def _act(sending: Sending, ref: str, verb: str) -> str:
    body = {"source": _SOURCE, "note": text_of(sending.message, 25_000)}
    try:
        reply = ask(sending, "POST", _url(sending, ref, f"/{verb}"), _headers(sending), body, about_ticket=True)
        return _outcome(sending, reply)[1]
    except TicketGone as gone:
        return str(gone.params["answer"])


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
    ticketing=Ticketing(open_alert, add_note, close_alert, find=None),
)
