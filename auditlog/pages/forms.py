"""The filters of the Audit logs page and of its exports."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from auditlog.kinds import KINDS
from auditlog.pages.search import VIEWS, Search

# A day more must still be a date.
_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
_PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, validators=_DAYS, widget=forms.DateInput(attrs={"type": "date"})
    )


class AuditFilter(forms.Form):
    view = forms.ChoiceField(
        required=False,
        choices=[("", "Everything"), *((key, label) for key, (label, _) in VIEWS.items())],
        widget=forms.HiddenInput,
    )
    start, end = _day("From"), _day("To")
    person = forms.CharField(
        label="Person",
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={**_PLAIN, "list": "audit-people", "placeholder": "ann@example.com"}),
    )
    domain = forms.CharField(
        label="Domain",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "shop.example.com"}),
    )
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "All"), *((kind, kind) for kind in KINDS)])
    severity = forms.ChoiceField(
        label="Severity",
        required=False,
        choices=[("", "All"), ("info", "Info"), ("warning", "Warning"), ("critical", "Critical")],
    )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("start") and told.get("end") and told["end"] < told["start"]:
            self.add_error("end", "This day is before the first one.")
        return told

    @property
    def search(self) -> Search:
        """Of a valid form."""
        return Search(**self.cleaned_data)
