"""What people type on this room's pages."""

from typing import Any

from django import forms

from config.lib.errors import ExpectedError, describe
from domains.add import NOTES_AT_MOST, parse_notes, parse_tags, parse_target
from domains.protocols import PROTOCOLS, parse_port, parse_protocol


class CatalogueForm(forms.Form):
    """Turns an expected error of a field's parser into the catalogue's words."""

    def add_expected(self, name: str, error: ExpectedError) -> None:
        wording = describe(error.code, error.params)
        self.add_error(name, forms.ValidationError(f"{wording.title}. {wording.why} {wording.fix}", code=error.code))


class AddDomainForm(CatalogueForm):
    hostname = forms.CharField(
        label="Hostname",
        max_length=300,
        help_text="The name alone, such as www.example.com. We look at it at once; nothing has to be installed.",
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    port = forms.IntegerField(
        label="Port",
        required=False,
        help_text="443 when left empty, or the protocol's own; 465, 993, 5061 and others are watched as well.",
    )
    protocol = forms.ChoiceField(
        label="Protocol",
        required=False,
        choices=[("", "By the port"), *((one.name, one.words) for one in PROTOCOLS.values())],
        help_text="Choose one only for a port of your own: 25 is SMTP, 143 IMAP, 5432 PostgreSQL by themselves.",
    )
    tags = forms.CharField(
        label="Tags", required=False, max_length=400, help_text="Words to file it under, separated by commas."
    )

    notes = forms.CharField(
        label="Notes",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For your colleagues: whom to ask, what hangs on it. Everybody in this workspace reads them.",
    )

    def clean_notes(self) -> str:
        return clean_notes(self)

    def clean_port(self) -> int | None:
        port: int | None = self.cleaned_data["port"]
        if port is not None:
            try:
                parse_port(port)
            except ExpectedError as error:
                self.add_expected("port", error)
        return port

    def clean_tags(self) -> list[str]:
        return clean_tags(self)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["protocol"] = cleaned.get("protocol") or None
        if "hostname" in cleaned and not {"port", "protocol"} & set(self.errors):
            self._check_together(cleaned["hostname"], cleaned.get("port"), cleaned["protocol"])
        return cleaned

    def _check_together(self, hostname: str, port: int | None, protocol: str | None) -> None:
        try:
            _, port = parse_target(hostname, port, protocol)
        except ExpectedError as error:
            self.add_expected("hostname", error)
            return
        try:
            parse_protocol(protocol, port)
        except ExpectedError as error:
            self.add_expected("protocol", error)


class TagsForm(CatalogueForm):
    tags = forms.CharField(label="Tags", required=False, max_length=400, help_text="Separated by commas.")

    def clean_tags(self) -> list[str]:
        return clean_tags(self)


class NotesForm(CatalogueForm):
    notes = forms.CharField(
        label="Notes",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"At most {NOTES_AT_MOST:,} characters. Everybody in this workspace reads them.",
    )

    def clean_notes(self) -> str:
        return clean_notes(self)


def clean_notes(form: CatalogueForm) -> str:
    try:
        return parse_notes(form.cleaned_data["notes"])
    except ExpectedError as error:
        form.add_expected("notes", error)
        return ""


def clean_tags(form: CatalogueForm) -> list[str]:
    """The tags of a comma-separated field, checked."""
    try:
        return parse_tags(form.cleaned_data["tags"].split(","))
    except ExpectedError as error:
        form.add_expected("tags", error)
        return []
