"""What a CA's directory says of itself, as it is kept with an account; and the profiles that follow from it."""

from collections.abc import Mapping
from typing import Any

from certificates.acme import Directory
from certificates.cas.known import Ca, Profile

PROFILES_AT_MOST = 20


def facts_of(directory: Directory) -> dict[str, Any]:
    """As JSON; what a stranger's server says, so all of it bounded."""
    profiles = list(directory.profiles.items())[:PROFILES_AT_MOST]
    return {
        "profiles": {name: text[:200] for name, text in profiles if name and len(name) <= 64 and name.isprintable()},
        "terms_url": directory.terms_url,
        "website": directory.website,
        "caa_identities": [name[:255].lower() for name in directory.caa_identities[:10]],
        "needs_external_account": directory.needs_external_account,
        "suggests_renewals": "renewalInfo" in directory.endpoints,
        "changes_keys": "keyChange" in directory.endpoints,
    }


def profiles_at(ca: Ca, facts: Mapping[str, Any]) -> tuple[Profile, ...]:
    """Those that the directory names, in our words where we know them; before it was asked, those that we know."""
    if not facts:
        return ca.profiles
    known = {profile.name: profile for profile in ca.profiles}
    told = facts.get("profiles") or {}
    return tuple(known.get(name) or Profile(name, _words(text)) for name, text in sorted(told.items()))


def _words(text: str) -> str:
    """A directory describes a profile by a sentence, or by the address of a page that does."""
    return "" if text.startswith(("http:", "https:")) else text
