"""Incidents in ServiceNow (Table API)."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from config.lib.errors import InvalidValue
from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import Reply, ask, basic, closed_or_noted, line, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, Opened, Sending, Ticketing
from notifications.models import Channel

_URGENCY = {"critical": "1", "warning": "2", "info": "3"}
_FIELDS = "sys_id,number,state,assignment_group"


def _headers(sending: Sending) -> Mapping[str, str]:
    return {"authorization": basic(sending.values["user"], sending.values["password"])}


def _url(sending: Sending, path: str = "", **query: str) -> str:
    asked = urlencode({"sysparm_fields": _FIELDS, **query})
    return f"{sending.values['url'].rstrip('/')}/api/now/table/incident{path}?{asked}"


def open_incident(sending: Sending) -> Opened:
    """Nothing makes a repetition the same incident: see `find_incident`."""
    message = sending.message
    body = {
        "short_description": line(message.subject, 160),
        "description": text_of(message, 4_000),
        "urgency": "3" if sending.is_test else _URGENCY[message.severity],
        "impact": "3",
        "correlation_id": message.dedup_key,
        "correlation_display": "ManageMyCert",
        "assignment_group": sending.values.get("group", ""),
    }
    reply = ask(sending, "POST", _url(sending, sysparm_input_display_value="true"), _headers(sending), body)
    ref, number = wanted(reply, "result", "sys_id"), wanted(reply, "result", "number")
    return Opened(ref, said(f"{reply.status} {number}{_lost_group(sending, reply)}"), _page(sending, ref))


def _lost_group(sending: Sending, reply: Reply) -> str:
    """ServiceNow makes a reference that it does not know empty, and says nothing."""
    group = sending.values.get("group", "")
    is_lost = group and not reply.told["result"].get("assignment_group")
    return f", without an assignment group: it knows none called {group}." if is_lost else ""


def _page(sending: Sending, ref: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/incident.do?sys_id={ref}"


def find_incident(sending: Sending) -> Opened | None:
    """An active one with our correlation id; Resolved (6) is active still, until it is closed by itself."""
    query = f"correlation_id={sending.message.dedup_key}^active=true^stateNOT IN6,7,8"
    reply = ask(sending, "GET", _url(sending, sysparm_query=query, sysparm_limit="1"), _headers(sending))
    rows = reply.told.get("result")
    if not isinstance(rows, list):
        # A developer instance that sleeps answers 200 with a page.
        wanted(reply, "result", "sys_id")
        return None
    found = next((row for row in rows if isinstance(row, dict) and row.get("sys_id")), None)
    if found is None:
        return None
    ref = str(found["sys_id"])
    return Opened(ref, f"Found again: {found.get('number', ref)}", _page(sending, ref))


def add_note(sending: Sending, ref: str) -> str:
    return _change(sending, ref, {"work_notes": text_of(sending.message, 4_000)})


def resolve_incident(sending: Sending, ref: str) -> str:
    """State 6 is Resolved; instances that demand other codes refuse it, and then a note has to do."""
    note = text_of(sending.message, 4_000)
    done = {"state": "6", "close_code": "Solution provided", "close_notes": note, "work_notes": note}
    return closed_or_noted(lambda: _change(sending, ref, done), lambda: add_note(sending, ref))


def _change(sending: Sending, ref: str, fields: Mapping[str, str]) -> str:
    reply = ask(sending, "PATCH", _url(sending, f"/{ref}"), _headers(sending), fields, about_ticket=True)
    return said(f"{reply.status} {wanted(reply, 'result', 'number')}")


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"], (".service-now.com", ".servicenowservices.com"))
    if not re.fullmatch(r"[^:\s]{1,100}", values["user"]):
        raise InvalidValue("user", "gateway_user_malformed")


KIND = GatewayKind(
    channel=Channel.SERVICENOW,
    label="ServiceNow",
    about="An incident, noted on by reminders and resolved with its cause.",
    fields=(
        Field(
            "url",
            "Instance",
            "The address of your instance.",
            kind="url",
            is_host=True,
            placeholder="https://acme.service-now.com",
        ),
        Field(
            "user",
            "User",
            "One for web services only, with the roles itil and snc_basic_auth_api_access: people's own logins are "
            "refused even with the right password.",
            is_host=True,
        ),
        Field("password", "Password", "Of that user.", is_secret=True),
        Field("group", "Assignment group", "By its name; empty: none.", is_required=False),
    ),
    send=lambda sending: open_incident(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_incident, add_note, resolve_incident, find_incident),
)
