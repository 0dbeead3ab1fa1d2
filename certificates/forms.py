"""What people choose on this room's pages."""

from collections.abc import Sequence
from typing import Any

from django import forms

from certificates.cas.choosing import Offer, choose_ca, offers
from certificates.gates import Wish, read_wish
from certificates.keys import DEFAULT_KEY_TYPE, KEY_TYPES
from config.lib.errors import ExpectedError
from domains.forms import CatalogueForm
from domains.models import Domain

OTHERS_SHOWN = 30
# No directory's address has a fragment.
PROFILE_MARK = "#"
# Which field a refused wish is about; every other code is about its names.
FIELDS = {"ca_unknown": "source", "key_type_unknown": "key_type", "key_type_not_there": "key_type"}


class StartForm(CatalogueForm):
    """Names for one certificate: the host with what usually goes with it, and any verified host."""

    names = forms.MultipleChoiceField(
        label="Names in the certificate", widget=forms.CheckboxSelectMultiple, required=False
    )
    others = forms.MultipleChoiceField(
        label="Other verified names of this workspace", widget=forms.CheckboxSelectMultiple, required=False
    )
    more_names = forms.CharField(
        label="More names",
        required=False,
        max_length=30000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "autocapitalize": "none", "spellcheck": "false"}),
        help_text="One per line, up to 100 in all (some profiles take 25); *.example.com for a wildcard. Each must "
        "lie at or below a host whose ownership is proven.",
    )

    source = forms.ChoiceField(label="Certificate authority", required=False)
    key_type = forms.ChoiceField(
        label="Key",
        required=False,
        choices=list(KEY_TYPES.items()),
        help_text="A new one is made for each certificate. RSA only for clients that are older than 2014.",
    )

    def __init__(self, data: Any = None, *, domain: Domain) -> None:
        super().__init__(data, initial={"names": [domain.host], "key_type": DEFAULT_KEY_TYPE})
        self.fields["names"].choices = [(name, label) for name, label in usual_names(domain.host)]  # type: ignore[attr-defined]
        hosts = other_hosts(domain)
        self.fields["others"].choices = [(host, host) for host in hosts]  # type: ignore[attr-defined]
        if not hosts:
            del self.fields["others"]
        self.workspace = domain.workspace
        self._offer(offers(domain.workspace))

    def _offer(self, found: list[Offer]) -> None:
        """Nothing to choose where there is one CA with one kind of certificate."""
        if len(found) == 1 and not found[0].profiles:
            del self.fields["source"]
            return
        self.fields["source"].choices = sources_of(found)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        lines = cleaned.get("more_names", "").replace(",", "\n").split()
        try:
            names = [*cleaned.get("names", []), *cleaned.get("others", []), *lines]
            directory_url, _, profile = cleaned.get("source", "").partition(PROFILE_MARK)
            directory_url = choose_ca(self.workspace, directory_url)
            kind = {"directory_url": directory_url, "profile": profile, "key_type": cleaned.get("key_type", "")}
            cleaned["wish"] = read_wish(names, **kind)
        except ExpectedError as error:
            self.add_expected(FIELDS.get(error.code, "more_names" if lines else "names"), error)
        return cleaned

    @property
    def wish(self) -> Wish:
        wish: Wish = self.cleaned_data["wish"]
        return wish


def sources_of(found: Sequence[Offer]) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each CA what it issues where nothing else is said, then its profiles; one choice says both."""
    return [(offer.ca.title, [(offer.ca.directory_url, _usual(offer)), *_profiles(offer)]) for offer in found]


def _usual(offer: Offer) -> str:
    return f"{offer.ca.title}, its usual kind{' (for trials: no browser trusts it)' * offer.ca.is_for_trials}"


def _profiles(offer: Offer) -> list[tuple[str, str]]:
    return [
        (f"{offer.ca.directory_url}{PROFILE_MARK}{profile.name}", f"{profile.name}: {profile.words}".removesuffix(": "))
        for profile in offer.profiles
    ]


def usual_names(host: str) -> list[tuple[str, str]]:
    names = [(host, host)]
    if not host.startswith("www."):
        names.append((f"www.{host}", f"www.{host}"))
    return [*names, (f"*.{host}", f"*.{host} (wildcard: every name directly below)")]


def other_hosts(domain: Domain) -> list[str]:
    rows = Domain.objects.for_workspace(domain.workspace_id).filter(verified_at__isnull=False)
    hosts = rows.exclude(host=domain.host).order_by("host").values_list("host", flat=True).distinct()
    return list(hosts[:OTHERS_SHOWN])
