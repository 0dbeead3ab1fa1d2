"""Issues in Jira Cloud (REST v3)."""

import re
from collections.abc import Mapping
from typing import Any

from config.lib.errors import InvalidValue
from notifications.gateways.exchange import check_url
from notifications.gateways.json_api import TicketGone, ask, basic, closed_or_noted, line, listed, said, text_of, wanted
from notifications.gateways.kind import Field, GatewayKind, Opened, Sending, Ticketing
from notifications.models import Channel


def _headers(sending: Sending) -> Mapping[str, str]:
    return {"authorization": basic(sending.values["email"], sending.values["token"])}


def _url(sending: Sending, path: str) -> str:
    return f"{sending.values['url'].rstrip('/')}/rest/api/3/{path}"


def label_of(sending: Sending) -> str:
    """By which an issue is found again; labels hold no spaces."""
    return f"mmc-{sending.message.dedup_key}"


def document(text: str) -> dict[str, Any]:
    """Version 3 takes text as a document only; a paragraph for each block of lines."""
    blocks = [block for block in text.split("\n\n") if block.strip()] or [" "]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": block}]} for block in blocks],
    }


def open_issue(sending: Sending) -> Opened:
    """No key makes a repetition the same issue: see `find_issue`."""
    values, message = sending.values, sending.message
    fields = {
        "project": {"key": values["project"]},
        "issuetype": {"name": values.get("issue_type") or "Task"},
        "summary": line(message.subject, 255),
        "labels": ["managemycert", label_of(sending), *(["test"] if sending.is_test else [])],
        "description": document(text_of(message, 30_000)),
    }
    reply = ask(sending, "POST", _url(sending, "issue"), _headers(sending), {"fields": fields})
    key = wanted(reply, "key")
    return Opened(key, said(f"{reply.status} {key}"), browse(sending, key))


def browse(sending: Sending, key: str) -> str:
    """Where people look at it; tokens with scopes go to a host that has no pages."""
    site = sending.values["url"].rstrip("/")
    return "" if "api.atlassian.com" in site else f"{site}/browse/{key}"


def find_issue(sending: Sending) -> Opened | None:
    """One with our label that is not done. Jira's search is some seconds late."""
    jql = f'project = "{sending.values["project"]}" AND labels = "{label_of(sending)}" AND statusCategory != Done'
    body = {"jql": jql, "fields": ["summary"], "maxResults": 1}
    reply = ask(sending, "POST", _url(sending, "search/jql"), _headers(sending), body)
    keys = [str(issue["key"]) for issue in listed(reply, "issues") if issue.get("key")]
    return Opened(keys[0], f"Found again: {keys[0]}", browse(sending, keys[0])) if keys else None


def add_comment(sending: Sending, ref: str) -> str:
    body = {"body": document(text_of(sending.message, 30_000))}
    reply = ask(sending, "POST", _url(sending, f"issue/{ref}/comment"), _headers(sending), body, about_ticket=True)
    return said(f"{reply.status} comment on {ref}")


def close_issue(sending: Sending, ref: str) -> str:
    """A comment, and the first way that its workflow has to a status that means done."""
    try:
        comment = add_comment(sending, ref)
    except TicketGone as gone:
        return str(gone.params["answer"])
    return closed_or_noted(lambda: _done(sending, ref), lambda: comment)


def _done(sending: Sending, ref: str) -> str:
    path = _url(sending, f"issue/{ref}/transitions")
    reply = ask(sending, "GET", path, _headers(sending), about_ticket=True)
    done = next(filter(_is_done, listed(reply, "transitions")), None)
    if done is None:
        return f"{ref} has no way to a status that means done; it was commented on."
    ask(sending, "POST", path, _headers(sending), {"transition": {"id": done["id"]}}, about_ticket=True)
    return f"{ref}: {done.get('name', 'done')}"


def _is_done(transition: Mapping[str, Any]) -> bool:
    to = transition.get("to")
    category = to.get("statusCategory") if isinstance(to, dict) else None
    return isinstance(category, dict) and category.get("key") == "done"


def check(values: Mapping[str, str]) -> None:
    check_url("url", values["url"], (".atlassian.net", "api.atlassian.com"))
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{1,39}", values["project"]):
        raise InvalidValue("project", "jira_project_malformed")


KIND = GatewayKind(
    channel=Channel.JIRA,
    label="Jira",
    about="An issue in a project, commented on by reminders and moved to done with its cause.",
    fields=(
        Field(
            "url",
            "Site",
            "The address of your Jira. For tokens with scopes: https://api.atlassian.com/ex/jira/ and the cloud id.",
            kind="url",
            is_host=True,
            placeholder="https://acme.atlassian.net",
        ),
        Field("email", "E-mail", "Of the account that the token belongs to.", kind="email", is_host=True),
        Field("project", "Project key", "The letters before the number of an issue, such as OPS.", placeholder="OPS"),
        Field("issue_type", "Issue type", "As the project calls it.", is_required=False, default="Task"),
        Field(
            "token",
            "API token",
            "id.atlassian.com, Security, API tokens. It may create, comment on and move issues of that project; it "
            "ends within a year.",
            is_secret=True,
        ),
    ),
    send=lambda sending: open_issue(sending).answer,
    check=check,
    repeats_safely=True,
    ticketing=Ticketing(open_issue, add_comment, close_issue, find_issue),
)
