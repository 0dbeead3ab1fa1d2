"""The form of a panel, made from its fields; secrets go in and never come out."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import escape

from certificates.dns.providers.kinds import Field
from config.lib.errors import InvalidValue, NeedsUser
from deploy.models import PanelAccount
from deploy.panels.accounts import SHARED, Given, domains_of, read_given
from deploy.panels.naming import account_in_full, used_by
from deploy.panels.panel import Panel
from domains.forms import CatalogueForm
from domains.models import Domain

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
_PREFIX = "panel-"
_FINGERPRINT = "fingerprint_sha256"
_ANOTHER = "Another one, entered below"
_FOR_ALL = "for_all"
# Where the certificate that may be pinned is shown.
_MACHINE = ("host", "port")


class PanelForm(CatalogueForm):
    """`known` is the account that is changed; `on_file` are those of the workspace that could be used as they are."""

    def __init__(
        self,
        data: Any,
        *,
        panel: Panel,
        domain: Domain,
        known: PanelAccount | None = None,
        on_file: Sequence[PanelAccount] = (),
    ) -> None:
        super().__init__(data)
        self.panel, self.domain, self.known = panel, domain, known
        self._on_file = {str(row.pk): row for row in on_file}
        if on_file:
            choices = [("", _ANOTHER), *((key, account_in_full(row)) for key, row in self._on_file.items())]
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
        if data and data.get(_FOR_ALL):
            self._ask_for_all()

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
    def shared_with(self) -> str:
        """The other domains of the account that is changed: what is entered here counts for them too."""
        others = _others_of(self.known, self.domain) if self.known else []
        return used_by([self.domain.label, *others]) if others else ""

    @property
    def chosen(self) -> Given | PanelAccount:
        """Of a valid form. Raises InvalidValue."""
        on_file = self._on_file.get(str(self.cleaned_data.get("account") or ""))
        if on_file:
            self._refuse_beside_account()
            return on_file
        values = {field.name: self._typed(field) for field in self.panel.fields}
        return read_given(self.panel.name, values, pinned=self._pinned(values), known=self.known)

    def _typed(self, field: Field) -> str:
        return str(self.cleaned_data.get(_PREFIX + field.name) or "")

    def _pinned(self, values: Mapping[str, str]) -> str | None:
        """What stands there as it was is the old machine's, at another host; an emptied field forgets it."""
        typed = str(self.cleaned_data.get(_FINGERPRINT) or "")
        if self.known is None:
            return typed or None
        is_moved = any(values.get(name, "").strip().lower() != self.known.config.get(name, "") for name in _MACHINE)
        return None if is_moved and typed == self.known.fingerprint_sha256 else typed

    def _refuse_beside_account(self) -> None:
        for field in self.panel.fields:
            if self._typed(field) not in ("", field.default):
                raise InvalidValue(field.name, "panel_account_alone", field=field.label)

    @property
    def is_for_all(self) -> bool:
        """Whether a credential that others live on may be replaced."""
        return bool(self.cleaned_data.get(_FOR_ALL))

    def _ask_for_all(self) -> None:
        self.fields[_FOR_ALL] = forms.BooleanField(
            label="Replace the credential for all domains that use the account", required=False
        )

    def refuse(self, error: NeedsUser) -> None:
        """Beside the input that was refused, else beside the first one."""
        name = error.field_name if isinstance(error, InvalidValue) else ""
        if error.code == SHARED:
            name = _FOR_ALL
            self._ask_for_all()
        known = [one for one in (name, _PREFIX + name) if one in self.fields]
        self.add_expected(known[0] if known else _PREFIX + self.panel.fields[0].name, error)


def _others_of(account: PanelAccount, domain: Domain) -> list[str]:
    return [one.label for one in domains_of(account) if one.pk != domain.pk]


def _fingerprint_field(known: PanelAccount | None) -> forms.Field:
    return forms.CharField(
        label="SHA-256 of the panel's own certificate",
        required=False,
        max_length=200,
        initial=known.fingerprint_sha256 if known else "",
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
        help_text="Only where it cannot be verified. Leave it empty and press Test: that shows it, and sends nothing.",
    )
