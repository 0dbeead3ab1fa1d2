"""From a story to the message of one channel."""

import re
from collections.abc import Mapping
from typing import Any

from notifications.message import Message
from notifications.models import AlertTemplate
from notifications.story import Story
from notifications.wordings.defaults import LABEL_ALONE, SHORT, default_text
from notifications.wordings.filling import fill
from notifications.wordings.variables import cleaned, values_of

SUBJECT_AT_MOST = 200
BODY_AT_MOST = 8_000
# Three text messages in one: what is longer is paid for more than it tells.
SHORT_AT_MOST = 459
# Outside the alphabet of text messages (3GPP TS 23.038); one of them makes each message hold 70 characters, not 160.
_SIMPLER = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2026": "...",
        "\u00a0": " ",
        "\u2022": "*",
        "\u00b7": "-",
    }
)


def compose(story: Story, *, channel: str, template: AlertTemplate | None, dedup_key: str) -> Message:
    """Plain text; the gateway encodes it. Pure."""
    subject, body = text_for(channel, story.trigger, template)
    values = values_of(story)
    return Message(
        type=story.type,
        subject=_cut(" ".join(fill(subject, values).split()), SUBJECT_AT_MOST),
        body=_body(fill(body, values), channel, is_ours=template is None),
        url=story.url,
        dedup_key=dedup_key,
        severity=story.severity,
        facts=tuple((label, cleaned(value)) for label, value in story.facts),
        data={"at": story.at.isoformat(), **_life(story), **story.data},
    )


def text_for(channel: str, trigger: str, template: AlertTemplate | None) -> tuple[str, str]:
    """The template's, else ours; a template without a subject has ours, which lists of deliveries show."""
    subject, body = default_text(channel, trigger)
    return (template.subject or subject, template.body) if template else (subject, body)


def _body(text: str, channel: str, *, is_ours: bool) -> str:
    """Parts that had nothing to say leave no gap; of our own texts no label without its words either."""
    lines = (line.rstrip() for line in text.splitlines())
    told = "\n".join(line for line in lines if not (is_ours and line == LABEL_ALONE))
    plain = re.sub(r"\n{3,}", "\n\n", told).strip()
    if channel in SHORT:
        return _cut(plain.translate(_SIMPLER), SHORT_AT_MOST, "...")
    return _cut(plain, BODY_AT_MOST)


def _cut(text: str, most: int, mark: str = "\N{HORIZONTAL ELLIPSIS}") -> str:
    return text if len(text) <= most else text[: most - len(mark)].rstrip() + mark


def _life(story: Story) -> Mapping[str, Any]:
    """The other ends of the life whose end the story tells, for whoever draws it."""
    visit = getattr(story.domain, "visit", None)
    if "not_after" not in story.data or visit is None or visit.not_before is None or story.domain is None:
        return {}
    renew_at = story.domain.renew_at
    return {"not_before": visit.not_before.isoformat(), "renew_at": renew_at.isoformat() if renew_at else None}
