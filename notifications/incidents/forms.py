"""What people type when they acknowledge."""

from django import forms

from domains.findings import NOTE_AT_MOST
from domains.forms import CatalogueForm


class NoteForm(CatalogueForm):
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=NOTE_AT_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why it stays as it is, or who takes care of it. Everybody in this workspace reads it.",
    )
