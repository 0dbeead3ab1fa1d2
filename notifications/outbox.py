"""What rules have to say becomes rows of the outbox: the only place that writes them."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from accounts.members import admins_to_tell
from accounts.models import User, Workspace
from config.lib import clock
from notifications.gateways import kinds
from notifications.message import Message
from notifications.models import Channel, Delivery, Gateway, Rule
from notifications.story import Story
from notifications.wordings.composing import compose

SUBJECT_AT_MOST = 300


@dataclass(frozen=True)
class Outlets:
    """What a workspace has to send by, and who is told when that is not enough."""

    gateways: Sequence[Gateway] = ()
    admins: Sequence[User] = ()


@dataclass(frozen=True)
class Way:
    """One message to one place. Without a gateway it goes by the platform's own mail."""

    gateway: Gateway | None = None
    to: str = ""
    recipient: User | None = None
    channel: str = Channel.EMAIL
    # Why the admins get it instead of whoever was meant; empty: this is who was meant.
    instead_of: str = ""


def read_outlets(workspace_id: uuid.UUID) -> Outlets:
    """Nobody and nothing once the workspace is being deleted."""
    if not Workspace.objects.filter(pk=workspace_id, closing_at=None).exists():
        return Outlets()
    # No secret is read here: the message is sent elsewhere.
    gateways = Gateway.objects.for_workspace(workspace_id).defer("sealed_secrets").order_by("created_at", "id")
    return Outlets(list(gateways), admins_to_tell(workspace_id))


def put_out(
    rule: Rule, story: Story, occurrence: str, outlets: Outlets | None = None, message: Message | None = None
) -> list[Delivery]:
    """The rows by which `rule` tells `story`, for `write_out` in the transaction of their cause.

    `occurrence` is the same when the same thing is told again by mistake, and another one for each round: the rows'
    keys begin with the rule and it. `message` instead of one composed of the story.
    """
    found = read_outlets(rule.workspace_id) if outlets is None else outlets
    return [_row(rule, story, occurrence, way, message) for way in ways(rule, found)]


def write_out(rows: Sequence[Delivery]) -> None:
    """Repeatable: what was put out before is kept as it is. The caller rings after its transaction."""
    Delivery.unscoped.bulk_create(rows, ignore_conflicts=True)


def ways(rule: Rule, outlets: Outlets) -> list[Way]:
    """Where a rule's messages go at this moment; to the admins with the reason where nowhere else."""
    found = list(_mail_ways(rule, outlets) if rule.channel == Channel.EMAIL else _gateway_ways(rule, outlets))
    if found:
        return found
    reason = why_unusable(rule)
    return [Way(to=user.email, recipient=user, instead_of=reason) for user in outlets.admins]


def why_unusable(rule: Rule) -> str:
    """In a sentence that follows "This was to go out by …"."""
    label = Channel(rule.channel).label
    if rule.gateway is not None:
        return f"{label} ({rule.gateway.name}), which is paused or switched off"
    return f"{label}, for which no gateway is connected, or none that is switched on"


def _mail_ways(rule: Rule, outlets: Outlets) -> Iterator[Way]:
    """Through the gateway of the rule, else the workspace's own SMTP, the oldest first, else the platform's mail."""
    own = _usable(rule, outlets)
    if rule.gateway_id is not None and not own:
        return
    gateway = own[0] if own else None
    if rule.recipients:
        yield from (Way(gateway, to=to) for to in rule.recipients)
    else:
        yield from (Way(gateway, to=user.email, recipient=user) for user in outlets.admins)


def _gateway_ways(rule: Rule, outlets: Outlets) -> Iterator[Way]:
    for gateway in _usable(rule, outlets):
        for to in rule.recipients if is_addressed(rule.channel) else [""]:
            yield Way(gateway, to=to, channel=rule.channel)


def _usable(rule: Rule, outlets: Outlets) -> list[Gateway]:
    """The rule's own gateway, or all of its channel; those alone that are neither paused nor switched off."""
    ours = (one for one in outlets.gateways if one.channel == rule.channel and one.is_usable)
    return [one for one in ours if rule.gateway_id in (None, one.pk)]


def is_addressed(channel: str) -> bool:
    """Whether rules of this channel name addresses or numbers."""
    return channel == Channel.EMAIL or (channel in kinds and kinds.get(channel).is_addressed)


def _row(rule: Rule, story: Story, occurrence: str, way: Way, message: Message | None) -> Delivery:
    told = message or _composed(rule, story, way)
    if way.instead_of:
        told = replace(told, body=f"{told.body}\n\nThis was to go out by {way.instead_of}.")
    return Delivery(
        workspace_id=rule.workspace_id,
        channel=way.channel,
        gateway=way.gateway,
        rule=rule,
        message=told.frozen(),
        event_id=story.data.get("event"),
        event_kind=story.type,
        domain_id=story.domain.pk if story.domain else None,
        domain_label=story.domain.label if story.domain else "",
        recipient=way.recipient,
        to=way.to,
        subject=told.subject[:SUBJECT_AT_MOST],
        dedup_key=key_of(rule, occurrence, way),
        run_after=clock.now(),
    )


def _composed(rule: Rule, story: Story, way: Way) -> Message:
    # A template is written for the channel of its rule.
    template = rule.template if way.channel == rule.channel else None
    return compose(story, channel=way.channel, template=template, dedup_key=thread_of(story))


def key_of(rule: Rule, occurrence: str, way: Way) -> str:
    """At most 200 characters: an address may be longer than that by itself."""
    place = hashlib.sha256(way.to.encode()).hexdigest()[:16]
    return f"{rule.pk}:{occurrence}:{way.gateway.pk if way.gateway else 'mail'}:{place}"


def thread_of(story: Story) -> str:
    """The same for everything that is said about one thing of a domain, whichever rule says it."""
    subject = hashlib.sha256(story.subject.encode()).hexdigest()[:24]
    return f"{story.domain.pk.hex}-{subject}" if story.domain else subject


def recipients_in_words(found: Iterable[Way]) -> list[str]:
    """For people: `mail to ann@example.net`, `Slack (ops)`."""
    return [_in_words(way) for way in found]


def _in_words(way: Way) -> str:
    if way.gateway is None:
        return f"platform mail to {way.to}"
    through = f"{Channel(way.channel).label} ({way.gateway.name})"
    return f"{through} to {way.to}" if way.to else through
