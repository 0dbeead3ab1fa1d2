"""The form of a server's own page: its name, and another key."""

from typing import Any

from django import forms

from config.lib.errors import ExpectedError
from config.lib.sealed import Sealed
from deploy.forms import PLAIN, WriteOnly
from deploy.models import Server
from deploy.servers import Access, check_key, refuse_passphrase_alone
from domains.forms import CatalogueForm


class ServerForm(CatalogueForm):
    """What is left empty of the key stays as it is; where the server is, is changed on the form of its targets."""

    name = forms.CharField(
        label="Name", required=False, max_length=80, help_text="How you call it; its host otherwise."
    )
    private_key = forms.CharField(
        label="Another SSH private key",
        required=False,
        max_length=20_000,
        widget=WriteOnly(attrs={**PLAIN, "rows": 4, "class": "mono"}),
        help_text="Replaces the one on file for every domain that is deployed there. Left empty, it stays.",
    )
    passphrase = forms.CharField(
        label="Passphrase of the key",
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any = None, *, server: Server) -> None:
        self.server = server
        self.public_key = ""
        super().__init__(data, initial={"name": server.name})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        text = cleaned.get("private_key", "").strip()
        try:
            if text:
                self.public_key = check_key(text, cleaned.get("passphrase", ""))
            else:
                refuse_passphrase_alone(cleaned.get("passphrase", ""))
        except ExpectedError as error:
            is_about_passphrase = error.code.startswith("ssh_key_passphrase")
            self.add_expected("passphrase" if is_about_passphrase else "private_key", error)
        return cleaned

    @property
    def access(self) -> Access:
        """Of a valid form."""
        server, cleaned = self.server, self.cleaned_data
        text, passphrase = cleaned["private_key"].strip(), cleaned["passphrase"]
        return Access(
            server.host,
            server.port,
            server.username,
            private_key=Sealed.of(f"{text}\n") if text else None,
            passphrase=Sealed.of(passphrase) if text and passphrase else None,
            public_key=self.public_key,
            name=cleaned["name"].strip(),
        )
