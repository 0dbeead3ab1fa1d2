"""What an admin chooses to have replaced."""

import uuid
from typing import Any

from django import forms

from accounts.models import Workspace
from certificates.cas.known import ca_at
from certificates.models import Certificate, Replacement
from certificates.replacing.choosing import Choice, holders
from certificates.revoking import REASONS
from domains.forms import CatalogueForm

By = Replacement.By
# What each choice needs to be one.
NEEDED = {By.KEY: "certificate", By.CA: "ca", By.SERVER: "server"}


class ReplaceForm(CatalogueForm):
    """A GET shows the plan of it, a POST of the same values begins it."""

    by = forms.ChoiceField(
        label="Replace every certificate", widget=forms.RadioSelect, choices=By.choices, initial=By.SERVER
    )
    certificate = forms.UUIDField(label="Certificate", required=False, widget=forms.HiddenInput)
    ca = forms.ChoiceField(label="Which CA", required=False)
    server = forms.ChoiceField(label="Which server", required=False)
    first = forms.DateField(label="Issued from", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="Issued to", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.ChoiceField(
        label="Why", choices=[(key, words.capitalize()) for key, (_, words) in REASONS.items()], initial="unspecified"
    )
    revoke = forms.BooleanField(
        label="Revoke each old one, once its successor is seen being served",
        required=False,
        help_text="It cannot be taken back. The reason is told to the CA.",
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        self.fields["ca"].choices = [("", "Choose"), *_cas(workspace)]  # type: ignore[attr-defined]
        servers = [one for holder in holders for one in holder.servers(workspace)]
        self.fields["server"].choices = [("", "Choose"), *servers]  # type: ignore[attr-defined]
        if not self.data.get("certificate"):
            # By a key one comes from the page of a certificate.
            self.fields["by"].choices = [one for one in By.choices if one[0] != By.KEY]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        needed = NEEDED.get(cleaned.get("by", ""))
        if needed and needed in cleaned and not cleaned[needed]:
            self.add_error(needed, "Choose which.")
        if cleaned.get("first") and cleaned.get("last") and cleaned["first"] > cleaned["last"]:
            self.add_error("last", "This day is before the first.")
        return cleaned

    @property
    def choice(self) -> Choice:
        """Of a form that is valid."""
        told = self.cleaned_data
        server = uuid.UUID(told["server"]) if told["server"] else None
        return Choice(told["by"], told["certificate"], told["ca"], server, told["first"], told["last"])


def _cas(workspace: Workspace) -> list[tuple[str, str]]:
    rows = Certificate.objects.for_workspace(workspace).filter(source=Certificate.Source.ACME)
    urls = rows.order_by("directory_url").values_list("directory_url", flat=True).distinct()
    return [(url, ca_at(url).title) for url in urls if url]
