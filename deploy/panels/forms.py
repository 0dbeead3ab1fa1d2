"""The form of a panel, made from its fields; secrets go in and never come out."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import escape

from certificates.dns.providers.kinds import Field
from config.lib.errors import InvalidValue, NeedsUser
from deploy.models import PanelAccount
from deploy.panels.accounts import Given, read_given
from deploy.panels.naming import panel_label
from deploy.panels.panel import Panel
from domains.forms import CatalogueForm

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
_PREFIX = "panel-"
_FINGERPRINT = "fingerprint_sha256"
_ANOTHER = "Another one, entered below"


class PanelForm(CatalogueForm):
    """`known` is the account that is changed; `on_file` are those of the workspace that could be used as they are."""

    def __init__(
        self, data: Any, *, panel: Panel, known: PanelAccount | None = None, on_file: Sequence[PanelAccount] = ()
    ) -> None:
        super().__init__(data)
        self.panel, self.known = panel, known
        self._on_file = {str(row.pk): row for row in on_file}
        if on_file:
            choices = [("", _ANOTHER), *((key, panel_label(row)) for key, row in self._on_file.items())]
            self.fields["account"] = forms.ChoiceField(
                label="Account",
                choices=choices,
                required=False,
                help_text="Entered once, used by any number of domains.",
            )
        for field in panel.fields:
            self.fields[_PREFIX + field.name] = self._made(field)
        if not panel.host:
            self.fields[_FINGERPRINT] = _fingerprint_field(known)

    def _made(self, field: Field) -> forms.Field:
        where: str = escape(field.where)
        is_needed = field.is_required and not self._on_file
        widget: forms.Widget = forms.TextInput(attrs=_PLAIN)
        if field.is_secret:
            widget = forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"})
            if self.known:
                where, is_needed = f"Stored, sealed. Enter another one to replace it. {where}", False
        initial = self.known.config.get(field.name, "") if self.known else field.default
        return forms.CharField(
            label=field.label, required=is_needed, initial=initial, help_text=where, widget=widget, max_length=600
        )

    @property
    def chosen(self) -> Given | PanelAccount:
        """Of a valid form. Raises InvalidValue."""
        on_file = self._on_file.get(str(self.cleaned_data.get("account") or ""))
        if on_file:
            return on_file
        values = {field.name: str(self.cleaned_data.get(_PREFIX + field.name) or "") for field in self.panel.fields}
        pinned = self.cleaned_data.get(_FINGERPRINT) or None
        return read_given(self.panel.name, values, pinned=pinned, known=self.known)

    def refuse(self, error: NeedsUser) -> None:
        """Beside the input that was refused, else beside the first one."""
        name = error.field_name if isinstance(error, InvalidValue) else ""
        known = [one for one in (name, _PREFIX + name) if one in self.fields]
        self.add_expected(known[0] if known else _PREFIX + self.panel.fields[0].name, error)


def _fingerprint_field(known: PanelAccount | None) -> forms.Field:
    return forms.CharField(
        label="SHA-256 of the panel's own certificate",
        required=False,
        max_length=200,
        initial=known.fingerprint_sha256 if known else "",
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
        help_text="Only where it cannot be verified. Leave it empty and press Test: that shows it, and sends nothing.",
    )
