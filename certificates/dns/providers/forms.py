"""The form of a kind of DNS provider, made from its fields."""

from typing import Any

from django import forms
from django.utils.html import escape

from certificates.dns.providers.kinds import Field, ProviderKind
from certificates.dns.providers.saving import VALUE_AT_MOST
from certificates.models import DnsProvider
from domains.forms import CatalogueForm

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
_PREFIX = "config-"


class ProviderForm(CatalogueForm):
    """Every value is given each time; secrets that are on file are never shown and never sent elsewhere."""

    zone = forms.CharField(
        label="Zone",
        max_length=253,
        help_text="The domain as it stands at the provider, such as example.com; names below it are covered.",
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(self, *args: Any, kind: ProviderKind, provider: DnsProvider | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if provider:
            self.fields["zone"].initial = provider.zone
        for field in kind.fields:
            made = _form_field(field)
            made.initial = (provider.config if provider else {}).get(field.name, field.default)
            self.fields[_PREFIX + field.name] = made

    @property
    def given(self) -> dict[str, str]:
        return {field.name: str(self.cleaned_data.get(_PREFIX + field.name) or "") for field in self.kind.fields}

    def input_of(self, name: str) -> str:
        """The form's own name of a field that was refused."""
        return _PREFIX + name if _PREFIX + name in self.fields else "zone"


def _form_field(field: Field) -> forms.Field:
    told: dict[str, Any] = {"label": field.label, "required": field.is_required, "help_text": escape(field.where)}
    if field.choices:
        return forms.ChoiceField(choices=field.choices, **told)
    widget: forms.Widget = forms.TextInput(attrs=_PLAIN)
    if field.is_secret:
        widget = forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"})
    return forms.CharField(max_length=VALUE_AT_MOST, widget=widget, **told)
