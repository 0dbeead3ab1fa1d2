"""What people choose on the pages of a certificate."""

from typing import Any

from django import forms

from certificates.formats import FORMATS, read_format
from certificates.revoking import REASONS
from config.lib.errors import ExpectedError
from domains.forms import CatalogueForm


class ExportForm(CatalogueForm):
    """The format, and the password of a PFX, twice: a wrong letter would make the file useless."""

    format = forms.ChoiceField(
        label="Format",
        widget=forms.RadioSelect,
        choices=[(key, f"{one.label}: {one.about}") for key, one in FORMATS.items()],
        initial="pfx",
    )
    password = forms.CharField(
        label="Password of the PFX",
        required=False,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, asked for where the file is imported. It is used for this file alone and "
        "kept nowhere. HAProxy's PEM has none.",
    )
    again = forms.CharField(
        label="The same password again",
        required=False,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        chosen, password = cleaned.get("format", ""), cleaned.get("password", "")
        try:
            wanted = read_format(chosen, password) if chosen else None
        except ExpectedError as error:
            self.add_expected("password", error)
        else:
            if wanted and wanted.has_password and password != cleaned.get("again", ""):
                self.add_error("again", "The two passwords differ.")
        return cleaned


class RevokeForm(CatalogueForm):
    reason = forms.ChoiceField(
        label="Why",
        widget=forms.RadioSelect,
        choices=[(key, words.capitalize()) for key, (_, words) in REASONS.items()],
        initial="unspecified",
    )
