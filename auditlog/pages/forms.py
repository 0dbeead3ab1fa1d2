"""The filters of the Audit logs page."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from auditlog.keeping import CHOICES
from auditlog.pages.wanted import SEVERITIES, groups

# A day more must still be a date.
_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"})


def _kinds() -> Iterator[tuple[str, Any]]:
    yield "", "All"
    for group, kinds in groups().items():
        yield group, [(f"{group}.", f"{group}: all"), *((kind, kind) for kind in kinds)]


class AuditFilter(forms.Form):
    """Its fields bear the names of the API's parameters, so that the exports take the page's query as it is."""

    start = forms.DateField(label="From", required=False, validators=_DAYS, widget=_day())
    end = forms.DateField(label="To", required=False, validators=_DAYS, widget=_day())
    person = forms.CharField(
        label="Person", required=False, max_length=254, widget=forms.TextInput(attrs={"list": "audit-people"})
    )
    hostname = forms.CharField(
        label="Domain", required=False, max_length=300, widget=forms.TextInput(attrs={"list": "audit-domains"})
    )
    kind = forms.ChoiceField(label="Kind", required=False, choices=_kinds)
    severity = forms.ChoiceField(
        label="Severity", required=False, choices=[("", "All"), *((name, name.capitalize()) for name in SEVERITIES)]
    )


class KeepingForm(forms.Form):
    """How long events are kept."""

    days = forms.TypedChoiceField(
        label="Keep events",
        coerce=int,
        choices=list(CHOICES.items()),
        help_text="What is older leaves the log within an hour or two, for an archive that is there for 30 days.",
    )
