"""What people type on the pages of Settings, Alert templates."""

from typing import Any

from django import forms

from domains.forms import CatalogueForm
from notifications.models import AlertTemplate, Channel, Trigger
from notifications.wordings.saving import BODY_AT_MOST, NAME_AT_MOST, limits_of

# Far above what is kept: what is a little too long is told in the catalogue's words, with how much.
TYPED_AT_MOST = 4 * BODY_AT_MOST
_TYPED = {"spellcheck": "true", "autocomplete": "off"}


class TemplateForm(CatalogueForm):
    """The channel of a template that is there is fixed: rules of that channel use it."""

    channel = forms.ChoiceField(label="Channel", choices=Channel.choices, help_text="Rules of this channel may use it.")
    name = forms.CharField(label="Name", max_length=NAME_AT_MOST, help_text="As rules show it.")
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=TYPED_AT_MOST,
        widget=forms.TextInput(attrs=_TYPED),
        help_text="Empty: the one that messages have without a template. Text messages have none.",
    )
    body = forms.CharField(
        label="Message",
        max_length=TYPED_AT_MOST,
        strip=False,
        error_messages={"required": "Write what the message is to say."},
        widget=forms.Textarea(attrs={**_TYPED, "rows": 9, "class": "mono"}),
    )

    def __init__(self, *args: Any, template: AlertTemplate | None = None, channel: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if template:
            del self.fields["channel"]
        most = limits_of(template.channel if template else channel)["body"]
        self.fields["body"].help_text = f"At most {most:,} characters. Plain text: each channel gets it as it is."

    @property
    def texts(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("name", "subject", "body")}


class PreviewForm(forms.Form):
    """Which message of which domain the preview shows. Nothing here is ever wrong."""

    trigger = forms.ChoiceField(label="When", choices=Trigger.offered)
    domain = forms.CharField(
        label="Domain",
        required=False,
        max_length=300,
        widget=forms.TextInput(
            attrs={"list": "preview-domains", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
