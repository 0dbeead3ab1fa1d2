"""What people paste or upload to trust an authority."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from domains.forms import CatalogueForm

# Fifty roots with room for the words that openssl writes above each.
PASTE_AT_MOST = 512 * 1024


class AuthorityForm(CatalogueForm):
    pem = forms.CharField(
        label="Certificates (PEM)",
        error_messages={"required": "Paste a certificate here, or choose a file."},
        max_length=PASTE_AT_MOST,
        help_text="From -----BEGIN CERTIFICATE----- to its end line, also several in a row. Never a private key.",
        widget=forms.Textarea(
            attrs={"rows": 10, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "class": "mono"}
        ),
    )
    upload = forms.FileField(
        label="Or a file",
        required=False,
        max_length=200,
        help_text="A .pem, .crt or .cer file.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "upload" in self.files:
            self.fields["pem"].required = False

    def clean_upload(self) -> UploadedFile | None:
        upload: UploadedFile | None = self.cleaned_data["upload"]
        if upload and (upload.size or 0) > PASTE_AT_MOST:
            raise forms.ValidationError("This file is too large for certificates.")
        return upload

    @property
    def given(self) -> bytes:
        """What was uploaded, else what was pasted."""
        upload = self.cleaned_data.get("upload")
        return bytes(upload.read()) if upload else str(self.cleaned_data["pem"]).encode("utf-8", "replace")

    @property
    def given_by(self) -> str:
        """The field that an error about it belongs to."""
        return "upload" if self.cleaned_data.get("upload") else "pem"
