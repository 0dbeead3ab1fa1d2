"""The upload form. What was typed into it is a private key, so nothing of it goes back to the browser."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from certificates.uploads.sandbox import MOST_BYTES, Upload
from config.lib.errors import ExpectedError, NeedsUser
from domains.forms import CatalogueForm


class WriteOnlyTextarea(forms.Textarea):
    """Empty again when the form comes back."""

    def format_value(self, value: Any) -> None:
        return None


class UploadForm(CatalogueForm):
    pem = forms.CharField(
        label="Certificate, private key and chain (PEM)",
        required=False,
        strip=False,
        max_length=MOST_BYTES,
        help_text="All blocks in one text, in any order; whatever stands around them is ignored.",
        widget=WriteOnlyTextarea(
            attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "class": "mono"}
        ),
    )
    file = forms.FileField(
        label="Or a file",
        required=False,
        max_length=200,
        allow_empty_file=True,
        help_text="A .pfx or .p12 file, or a .pem file with everything in it.",
    )
    password = forms.CharField(
        label="Password of the file or of the key",
        required=False,
        strip=False,
        max_length=1000,
        help_text="If it has one. It is used once and not kept.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file, pem = cleaned.get("file"), cleaned.get("pem", "").strip()
        if file and pem:
            self.add_expected("file", NeedsUser("upload_two_ways"))
        elif file and (file.size or 0) > MOST_BYTES:
            self.add_expected("file", NeedsUser("upload_too_large", most=MOST_BYTES // 1024))
        elif not file and not pem and not self.errors:
            self.add_expected("pem", NeedsUser("upload_nothing_found"))
        return cleaned

    @property
    def upload(self) -> Upload:
        file: UploadedFile | None = self.cleaned_data.get("file")
        given = bytes(file.read()) if file else str(self.cleaned_data["pem"]).encode("utf-8", "replace")
        return Upload(given, self.cleaned_data["password"])

    def refuse(self, error: ExpectedError) -> None:
        """Beside the field that it is about."""
        if error.code in ("upload_password_missing", "upload_password_wrong"):
            self.add_expected("password", error)
        else:
            self.add_expected("file" if self.cleaned_data.get("file") else "pem", error)
