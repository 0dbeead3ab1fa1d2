"""The mail that the platform sends for a rule: a message in the frame of all our mails."""

import re
import zoneinfo
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from accounts.models import Workspace
from config.lib import clock, lifeline
from config.lib.moments import parse_moment
from notifications.message import Message
from notifications.stories import Told

_TONES = {"critical": "bad", "warning": "due", "info": "ok"}
# Told by the lifeline already, where there is one.
_IN_THE_LIFELINE = frozenset({"Expires"})


def mail_of(message: Message, workspace: Workspace) -> Told:
    """Subject on one line, text and HTML; whatever the message holds is plain text in both."""
    life = _lifeline(message, workspace)
    context = {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "subject": " ".join(message.subject.split()),
        "message": message,
        "tone": _TONES.get(message.severity, "due"),
        "facts": [fact for fact in message.facts if not _is_told(fact, message, has_life=bool(life))],
        "workspace": workspace,
        "action_url": message.url,
        "action_label": "Open in the portal",
        **life,
    }
    return Told(
        subject=context["subject"],
        # Parts that have nothing to say leave their empty lines behind.
        text=re.sub(r"\n{3,}", "\n\n", render_to_string("notifications/mail/alert.txt", context)),
        html=render_to_string("notifications/mail/alert.html", context),
    )


def _is_told(fact: tuple[str, str], message: Message, *, has_life: bool) -> bool:
    """Whether the body or the lifeline says it already."""
    label, value = fact
    return (has_life and label in _IN_THE_LIFELINE) or f"{label}: {value}" in message.body.splitlines()


def _lifeline(message: Message, workspace: Workspace) -> dict[str, Any]:
    """The life that the message is about as text, in two widths; empty where it tells none."""
    not_before, not_after = _moment(message.data.get("not_before")), _moment(message.data.get("not_after"))
    if not_before is None or not_after is None:
        return {}
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    line = lifeline.draw(not_before, not_after, clock.now(), _moment(message.data.get("renew_at")), zone)
    # A phone breaks the longer one in the middle of the bar.
    short = lifeline.as_text(line, width=24).replace("] ", "]\n", 1)
    return {"lifeline": lifeline.as_text(line), "short_lifeline": short}


def _moment(told: object) -> datetime | None:
    return parse_moment(told) if isinstance(told, str) and told else None
