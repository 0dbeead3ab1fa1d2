"""What is given on the page 'Add many': a pasted list, or a file."""

from typing import Any

from django import forms

from config.lib.errors import ExpectedError, NeedsUser
from domains.batches.reading import BYTES_AT_MOST, LINES_AT_MOST, decode_file, read_rows, unused_columns
from domains.forms import CatalogueForm


class AddManyForm(CatalogueForm):
    """Cleans to `rows`, the list itself, `source`, where it is from, and `unused`, names of passed over columns."""

    lines = forms.CharField(
        label="Hostnames",
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 8, "class": "mono", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="One per line, as www.example.com or mail.example.com:465, or lines out of a spreadsheet.",
    )
    file = forms.FileField(
        label="or a CSV file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=f"UTF-8, up to {LINES_AT_MOST:,} lines and {BYTES_AT_MOST // 1024 // 1024} MB. "
        "Columns: hostname, port, protocol, tags, notes; all but the first may be missing.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            text, cleaned["source"] = self._list(cleaned.get("lines", ""), cleaned.get("file"))
            cleaned["rows"] = read_rows(text)
            cleaned["unused"] = unused_columns(text)
        except ExpectedError as error:
            self.add_expected("file" if cleaned.get("file") else "lines", error)
        return cleaned

    def _list(self, lines: str, file: Any) -> tuple[str, str]:
        if not file:
            return lines, "a pasted list"
        if lines.strip():
            raise NeedsUser("batch_both")
        return decode_file(file.read(BYTES_AT_MOST + 1)), file.name or "a file"
