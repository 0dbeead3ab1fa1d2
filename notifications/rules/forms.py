"""What people type on the pages of Settings, Alert rules."""

import uuid
from typing import Any

from django import forms

from accounts.models import Workspace
from config.lib.errors import ExpectedError
from domains.forms import CatalogueForm
from domains.models import Domain
from notifications.models import AlertTemplate, Channel, Gateway, Rule, Trigger
from notifications.rules.asking import gateway_of, named_domain, template_of
from notifications.rules.saving import DAYS_AT_MOST, NAME_AT_MOST, InvalidRule, Wish, look_through

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
# Where the model's names and those of the form differ: channel and gateway are chosen in one field.
_FIELDS = {"channel": "through", "gateway": "through"}

type Choices = list[tuple[str, Any]]


class RuleForm(CatalogueForm):
    """`through` is a channel, or a channel and the id of one of its gateways: `slack` or `slack:<id>`.

    `wish` is what a valid form asks for; `mistakes` are what only this room can know, beside the plain ones.
    """

    wish: Wish

    name = forms.CharField(label="Name", max_length=NAME_AT_MOST, help_text="As lists and messages show it.")
    trigger = forms.ChoiceField(label="When", choices=Trigger.offered, initial=Trigger.EXPIRY)
    days_before_expiry = forms.IntegerField(
        label="Days before expiry",
        required=False,
        min_value=0,
        max_value=DAYS_AT_MOST,
        help_text="For 'Days before expiry' alone. It speaks from then on, until another certificate is served.",
    )
    domain = forms.CharField(
        label="Domain",
        required=False,
        max_length=300,
        help_text="One domain, as the list shows it. Domain and tag empty: all domains.",
        widget=forms.TextInput(attrs={**_PLAIN, "list": "rule-domains"}),
    )
    tag = forms.CharField(
        label="Tag",
        required=False,
        max_length=60,
        help_text="Or all domains with this tag.",
        widget=forms.TextInput(attrs={**_PLAIN, "list": "rule-tags"}),
    )
    through = forms.ChoiceField(label="Through")
    recipients = forms.CharField(
        label="Recipients",
        required=False,
        max_length=8_000,
        help_text="Addresses for mail, numbers such as +14155550123 for SMS, one a line. Mail without any goes to the "
        "admins. Slack, Teams and webhooks take none.",
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 3}),
    )
    template = forms.ChoiceField(label="Template", required=False)
    digest = forms.ChoiceField(
        label="How often",
        required=False,
        choices=Rule.DigestEvery.choices,
        help_text="One message gathers all that expires. For 'Days before expiry' alone.",
    )

    def __init__(self, *args: Any, workspace: Workspace, rule: Rule | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("initial", begin(rule) if rule else {"days_before_expiry": 30})
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        self.mistakes: list[InvalidRule] = []
        choices = {"through": through_choices(workspace, rule), "template": template_choices(workspace)}
        for name, found in choices.items():
            field: Any = self.fields[name]
            field.choices = found

    def clean(self) -> dict[str, Any]:
        """Everything that is wrong at once, each beside its field."""
        told: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self.wish, mistakes = look_through(self.workspace, self._wish(told))
            self.mistakes += mistakes
            for error in self.mistakes:
                self.refuse(error)
        return told

    def _wish(self, told: dict[str, Any]) -> Wish:
        channel, _, gateway = told["through"].partition(":")
        return Wish(
            name=told["name"],
            channel=channel,
            trigger=told["trigger"],
            days_before_expiry=told["days_before_expiry"],
            gateway=gateway_of(self.workspace, uuid.UUID(gateway)) if gateway else None,
            domain=self._domain(told["domain"]),
            tag=told["tag"],
            recipients=tuple(told["recipients"].splitlines()),
            template=template_of(self.workspace, uuid.UUID(told["template"])) if told["template"] else None,
            digest=told["digest"],
        )

    def _domain(self, text: str) -> Domain | None:
        try:
            return named_domain(self.workspace, text)
        except InvalidRule as error:
            self.mistakes.append(error)
            return None

    def refuse(self, error: ExpectedError) -> None:
        name = error.field_name if isinstance(error, InvalidRule) else "name"
        self.add_expected(_FIELDS.get(name, name), error)


def begin(rule: Rule) -> dict[str, Any]:
    names = ("name", "trigger", "days_before_expiry", "tag", "digest")
    return {
        **{name: getattr(rule, name) for name in names},
        "domain": rule.domain.label if rule.domain else "",
        "through": f"{rule.channel}:{rule.gateway_id}" if rule.gateway_id else rule.channel,
        "recipients": "\n".join(rule.recipients),
        "template": str(rule.template_id or ""),
    }


def through_choices(workspace: Workspace, rule: Rule | None) -> Choices:
    """Mail, and the channels that have a gateway; that of `rule` even when its gateways are gone."""
    rows = Gateway.objects.for_workspace(workspace).defer("sealed_secrets").order_by("channel", "name", "id")
    found: dict[str, Choices] = {Channel.EMAIL.value: [], **({rule.channel: []} if rule else {})}
    for gateway in rows:
        found.setdefault(gateway.channel, []).append((f"{gateway.channel}:{gateway.pk}", _named(gateway)))
    return [(Channel(channel).label, [_any_of(channel, bool(ones)), *ones]) for channel, ones in found.items()]


def _named(gateway: Gateway) -> str:
    state = " (paused)" if gateway.paused_at else " (switched off)" if gateway.disabled_at else ""
    return f"{Channel(gateway.channel).label}: {gateway.name}{state}"


def _any_of(channel: str, has_gateways: bool) -> tuple[str, str]:
    label = Channel(channel).label
    if channel == Channel.EMAIL:
        return channel, f"{label}: {'your own server when it works, ' if has_gateways else ''}the portal's mail"
    return channel, f"{label}: every gateway"


def template_choices(workspace: Workspace) -> Choices:
    groups: dict[str, Choices] = {}
    for one in AlertTemplate.objects.for_workspace(workspace).order_by("channel", "name", "id"):
        groups.setdefault(Channel(one.channel).label, []).append((str(one.pk), one.name))
    return [("", "None: the portal's own words"), *groups.items()]


class ExampleForm(forms.Form):
    """Which domain the preview is about. Nothing here is ever wrong."""

    about = forms.CharField(
        label="With the domain",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={**_PLAIN, "list": "rule-domains"}),
    )
