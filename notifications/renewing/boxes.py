"""'Notify after each renewal': a box for each way, and the rules that the ticked ones are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from auditlog.events import Actor
from config.lib.errors import NeedsUser
from domains.models import Domain
from notifications.models import Channel, Gateway, Rule, Trigger
from notifications.outbox import is_addressed
from notifications.rules.saving import Wish, change_rule, create_rule, delete_rule, pause_rule, wish_of

NAME = "After each renewal"


@dataclass(frozen=True)
class Box:
    """One way. `key` is the gateway's id, or the channel where no gateway is named; `rules` are those it stands for."""

    key: str
    label: str
    about: str
    channel: str
    gateway: Gateway | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def is_ticked(self) -> bool:
        return any(rule.paused_at is None for rule in self.rules)

    @property
    def wants_numbers(self) -> bool:
        return self.channel != Channel.EMAIL and is_addressed(self.channel)

    @property
    def numbers(self) -> str:
        return ", ".join(dict.fromkeys(number for rule in self.rules for number in rule.recipients))


def boxes_of(domain: Domain) -> list[Box]:
    """Mail, each gateway that can be used, and whatever else a rule of this domain names. Two queries."""
    gateways = list(
        # No secret is read here.
        Gateway.objects.for_workspace(domain.workspace_id).defer("sealed_secrets").order_by("channel", "name", "id")
    )
    rules = _rules_of(domain)
    own = next((one for one in gateways if one.channel == Channel.EMAIL and one.is_usable), None)
    about = f"to the admins, through {own.name}" if own else "to the admins, sent by the portal"
    boxes = {Channel.EMAIL.value: Box(Channel.EMAIL.value, "Email", about, Channel.EMAIL)}
    for gateway in gateways:
        is_named = any(rule.gateway_id == gateway.pk for rule in rules)
        if is_named or (gateway.is_usable and gateway.channel != Channel.EMAIL):
            boxes[str(gateway.pk)] = _box_of(gateway)
    for rule in rules:
        key = str(rule.gateway_id or rule.channel)
        box = boxes.get(key) or Box(key, Channel(rule.channel).label, "through every gateway of it", rule.channel)
        boxes[key] = replace(box, rules=(*box.rules, rule))
    return list(boxes.values())


def _rules_of(domain: Domain) -> list[Rule]:
    rows = Rule.objects.for_workspace(domain.workspace_id).filter(domain=domain, trigger=Trigger.RENEWAL)
    return list(rows.select_related("workspace", "gateway", "domain", "template").order_by("created_at", "id"))


def _box_of(gateway: Gateway) -> Box:
    about = gateway.name if gateway.is_usable else f"{gateway.name}, which is paused or switched off"
    return Box(str(gateway.pk), Channel(gateway.channel).label, about, gateway.channel, gateway)


def choose_boxes(*, domain: Domain, actor: Actor, ticked: Collection[str], numbers: Mapping[str, str]) -> None:
    """Make the domain's rules about renewals what was ticked, all of it or nothing. Repeatable.

    `numbers` are by key, separated by commas, for channels that name recipients. Raises InvalidRule.
    """
    with transaction.atomic():
        # Two admins at once: the second waits here, and sees the rules that the first has made.
        Domain.objects.for_workspace(domain.workspace_id).select_for_update(no_key=True).get(pk=domain.pk)
        for box in boxes_of(domain):
            if box.key in ticked:
                _tick(box, domain, actor, _split(numbers.get(box.key, box.numbers)) if box.wants_numbers else ())
            else:
                for rule in box.rules:
                    delete_rule(rule=rule, actor=actor)


def choose_ways(domain: Domain, actor: Actor, ways: Sequence[str]) -> None:
    """The same, by keys alone; for who sets up a domain's automation. Raises NeedsUser notify_unknown."""
    boxes = boxes_of(domain)
    known = [box.key for box in boxes]
    by_channel = {box.channel: box.key for box in reversed(boxes)}
    ticked = {way if way in known else by_channel.get(way, way) for way in ways}
    for way in sorted(ticked - set(known)):
        raise NeedsUser("notify_unknown", way=way, known=known)
    choose_boxes(domain=domain, actor=actor, ticked=ticked, numbers={})


def _tick(box: Box, domain: Domain, actor: Actor, numbers: Iterable[str]) -> None:
    wanted = tuple(numbers)
    if not box.rules:
        wish = Wish(NAME, box.channel, Trigger.RENEWAL, gateway=box.gateway, domain=domain, recipients=wanted)
        create_rule(workspace=domain.workspace, actor=actor, wish=wish)
        return
    for rule in box.rules:
        if box.wants_numbers and wanted != tuple(rule.recipients):
            change_rule(rule=rule, actor=actor, wish=wish_of(rule, recipients=wanted))
    if not box.is_ticked:
        pause_rule(rule=box.rules[0], actor=actor, is_paused=False)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
