"""The texts that are used where a rule names no template, by trigger; short for messages that are paid by length."""

from collections.abc import Mapping

from notifications.models import Channel, Trigger

SHORT = frozenset({Channel.SMS_TWILIO, Channel.SMS_REST})

_EXPIRY = (
    "{{domain}}: the certificate expires in {{days_left}} days",
    "The certificate that {{host}} serves expires on {{expires}} ({{days_left}} days left).\n\nIssued by: {{issuer}}\n",
)
_OTHER = ("{{domain}}: {{title}}", "{{title}}\n\n{{why}}\n\n{{fix}}\n")
_TEXTS: Mapping[str, tuple[str, str]] = {Trigger.EXPIRY: _EXPIRY}
_SHORT_TEXTS: Mapping[str, str] = {
    Trigger.EXPIRY: "{{domain}}: certificate expires in {{days_left}} days ({{expires}})"
}
_SHORT_OTHER = "{{domain}}: {{title}}"


def default_text(channel: str, trigger: str) -> tuple[str, str]:
    """Subject and body."""
    subject, body = _TEXTS.get(trigger, _OTHER)
    return (subject, _SHORT_TEXTS.get(trigger, _SHORT_OTHER)) if channel in SHORT else (subject, body)
