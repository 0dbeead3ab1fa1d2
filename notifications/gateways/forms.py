"""The guided form of a kind of gateway, made from its fields."""

from typing import Any

from django import forms
from django.utils.html import escape

from domains.forms import CatalogueForm
from notifications.gateways.kind import Field, GatewayKind
from notifications.gateways.saving import VALUE_AT_MOST
from notifications.models import Gateway

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
_PREFIX = "config-"


class GatewayForm(CatalogueForm):
    """`given` is what `saving` takes; a secret that is left empty is not among it, and so is kept."""

    name = forms.CharField(label="Name", max_length=80, help_text="Tells several of one kind apart in rules.")

    def __init__(self, *args: Any, kind: GatewayKind, gateway: Gateway | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["name"].initial = gateway.name if gateway else kind.label
        for field in kind.fields:
            # Whether there is a secret is looked at without opening it.
            is_kept = bool(gateway and gateway.__dict__.get("sealed_secrets")) and field.is_secret
            made = _form_field(field, is_kept=is_kept)
            made.initial = gateway.config.get(field.name, "") if gateway else field.default
            self.fields[_PREFIX + field.name] = made
            if is_kept and not field.is_required:
                self.fields["remove_secret"] = forms.BooleanField(
                    label=f"Remove the {field.label.lower()}", required=False
                )

    @property
    def given(self) -> dict[str, str]:
        found = {field.name: str(self.cleaned_data.get(_PREFIX + field.name) or "") for field in self.kind.fields}
        kept = {field.name for field in self.kind.fields if field.is_secret and not found[field.name]}
        if self.cleaned_data.get("remove_secret"):
            kept = set()
        return {name: value for name, value in found.items() if name not in kept}

    def input_of(self, name: str) -> str:
        """The form's own name of a field that was refused."""
        return _PREFIX + name if _PREFIX + name in self.fields else "name"


def _form_field(field: Field, *, is_kept: bool) -> forms.Field:
    told: dict[str, Any] = {
        "label": field.label,
        "required": field.is_required and not is_kept,
        "help_text": escape(field.where) + (" Leave it empty to keep the one there is." if is_kept else ""),
    }
    if field.choices:
        return forms.ChoiceField(choices=field.choices, **told)
    return forms.CharField(
        max_length=VALUE_AT_MOST, strip=field.kind != "lines", widget=_widget(field, is_kept), **told
    )


def _widget(field: Field, is_kept: bool) -> forms.Widget:
    attributes = {**_PLAIN, "placeholder": "••••••••" if is_kept else field.placeholder}
    if field.is_secret:
        return forms.PasswordInput(attrs={**attributes, "autocomplete": "new-password"})
    if field.kind == "lines":
        return forms.Textarea(attrs={**attributes, "rows": 3, "class": "mono"})
    return forms.TextInput(attrs=attributes)


class TestForm(CatalogueForm):
    """Where a test goes; only for kinds that name recipients."""

    to = forms.CharField(label="Send it to", max_length=320, widget=forms.TextInput(attrs=_PLAIN))
