"""From a story to the message of one channel."""

import re

from notifications.message import Message
from notifications.models import AlertTemplate
from notifications.story import Story
from notifications.wordings.defaults import default_text
from notifications.wordings.filling import fill

SUBJECT_AT_MOST = 200


def compose(story: Story, *, channel: str, template: AlertTemplate | None, dedup_key: str) -> Message:
    """Plain text; the gateway encodes it. Pure."""
    subject, body = (template.subject, template.body) if template else default_text(channel, story.trigger)
    return Message(
        type=story.type,
        subject=" ".join(fill(subject, story.values).split())[:SUBJECT_AT_MOST],
        body=re.sub(r"\n{3,}", "\n\n", fill(body, story.values)).strip(),
        url=story.url,
        dedup_key=dedup_key,
        severity=story.severity,
        facts=story.facts,
        data=story.data,
    )
