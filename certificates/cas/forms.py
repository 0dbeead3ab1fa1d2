"""The form of a CA."""

from typing import Any

from django import forms
from django.utils.html import escape

from certificates.cas.given import BUNDLE_AT_MOST, OTHER, URL_AT_MOST, Given, read_changes, read_given
from certificates.cas.known import Ca
from certificates.models import AcmeAccount
from config.lib.errors import InvalidValue
from domains.forms import CatalogueForm

_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class CaForm(CatalogueForm):
    """A known CA (`ca`), or with None one at any directory. An account's credentials are never shown again."""

    directory_url = forms.CharField(
        label="Directory",
        max_length=URL_AT_MOST,
        help_text="The address of its ACME directory, such as https://ca.example.com/acme/directory.",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "url"}),
    )
    key_id = forms.CharField(label="Key id", max_length=500, required=False, widget=forms.TextInput(attrs=_PLAIN))
    mac_key = forms.CharField(
        label="MAC key",
        max_length=2000,
        required=False,
        widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
    )
    ca_bundle = forms.CharField(
        label="Roots of its interface (PEM)",
        required=False,
        max_length=BUNDLE_AT_MOST,
        help_text="Only for a CA whose own web server has a certificate that browsers do not trust.",
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 6, "class": "mono"}),
    )
    preferred_chain = forms.CharField(
        label="Preferred chain",
        required=False,
        max_length=200,
        help_text="Common name of the root that the chain should lead to, where the CA offers several; usually empty.",
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(self, *args: Any, ca: Ca | None, account: AcmeAccount | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ca, self.account = ca, account
        if ca or account:
            del self.fields["directory_url"]
        if ca and ca.key:
            del self.fields["ca_bundle"]
        self._fit_credentials()
        if account:
            self.initial.update(ca_bundle=account.ca_bundle, preferred_chain=account.preferred_chain)

    def _fit_credentials(self) -> None:
        """A known CA without a binding is not asked about one."""
        if self.ca and self.ca.key and not self.ca.credentials_at:
            del self.fields["key_id"], self.fields["mac_key"]
            return
        where = self.ca.credentials_at if self.ca else "Only where the CA gave you a key id and a MAC key (EAB)."
        if self.account and self.account.external_key_id:
            where = f"On file: {self.account.external_key_id}. Leave both empty to keep them."
        self.fields["key_id"].help_text = escape(where)
        self.fields["key_id"].required = self.fields["mac_key"].required = bool(
            self.ca and self.ca.credentials_at and not self.account
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                cleaned["given"] = self._read(cleaned)
            except InvalidValue as error:
                self.add_expected(error.field_name if error.field_name in self.fields else "preferred_chain", error)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> Given:
        told = {name: cleaned.get(name, "") for name in ("ca_bundle", "key_id", "mac_key")}
        told["chain"] = cleaned.get("preferred_chain", "")
        if self.account:
            return read_changes(directory_url=self.account.directory_url, **told)
        ca = self.ca.key if self.ca else OTHER
        return read_given(ca=ca, directory_url=cleaned.get("directory_url", ""), **told)

    @property
    def given(self) -> Given:
        given: Given = self.cleaned_data["given"]
        return given
