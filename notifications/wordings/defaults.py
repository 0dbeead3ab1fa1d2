"""The texts that are used where a rule names no template, by trigger; short for messages that are paid by length."""

from collections.abc import Mapping

from notifications.models import Channel, Trigger

SHORT = frozenset({Channel.SMS_TWILIO, Channel.SMS_REST})

LABEL_ALONE = "What to do:"
_TO_DO = f"{LABEL_ALONE} {{{{fix}}}}\n"
# Most of these ask for nothing.
_TOLD = ("{{domain}}: {{title}}", "{{title}}\n\n{{why}}\n\n{{fix}}\n")
_OTHER = ("{{domain}}: {{title}}", "{{title}}\n\n{{why}}\n\n" + _TO_DO)
_TEXTS: Mapping[str, tuple[str, str]] = {
    Trigger.EXPIRY: (
        "{{domain}}: the certificate {{expiry}}",
        "The certificate that {{host}} serves {{expiry}}, on {{expires}}. It was issued by {{issuer}}.\n\n" + _TO_DO,
    ),
    Trigger.RENEWAL: _TOLD,
    Trigger.CHANGED: _TOLD,
    Trigger.SITE: _TOLD,
}
_SHORT_TEXTS: Mapping[str, str] = {
    Trigger.EXPIRY: "{{domain}}: certificate {{expiry}} ({{expires}})",
    Trigger.RENEWAL: "{{domain}}: renewal {{status}}. {{error}}",
    Trigger.RENEWAL_FAILED: "{{domain}}: renewal {{status}}. {{error}}",
}
_SHORT_OTHER = "{{domain}}: {{title}}"


def default_text(channel: str, trigger: str) -> tuple[str, str]:
    """Subject and body."""
    subject, body = _TEXTS.get(trigger, _OTHER)
    return (subject, _SHORT_TEXTS.get(trigger, _SHORT_OTHER)) if channel in SHORT else (subject, body)
