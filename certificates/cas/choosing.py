"""From which CAs a workspace's certificates can come, and how people name them."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import Workspace
from certificates.cas.directories import profiles_at
from certificates.cas.known import KNOWN, Ca, Profile, ca_at
from certificates.models import AcmeAccount
from config.lib.errors import NeedsUser


@dataclass(frozen=True)
class Offer:
    """A CA that a workspace may order from, and the profiles that it has."""

    ca: Ca
    profiles: tuple[Profile, ...]


def default_url() -> str:
    """The directory that is used where nobody chose one."""
    return str(settings.ACME_DIRECTORY_URL)


def offers(workspace: Workspace) -> list[Offer]:
    """The portal's own CA first, then those that the workspace added."""
    rows = AcmeAccount.objects.for_workspace(workspace).filter(closing_at=None).order_by("created_at", "id")
    found = list(rows.values_list("directory_url", "facts", "is_added"))
    urls = dict.fromkeys([default_url(), *(url for url, _, is_added in found if is_added)])
    facts = {url: told for url, told, _ in found}
    return [Offer(ca_at(url), profiles_at(ca_at(url), facts.get(url, {}))) for url in urls]


def choose_ca(workspace: Workspace, text: str) -> str:
    """The directory of the CA that is meant: by its key, its name or its address; empty: the portal's own.

    Raises NeedsUser ca_unknown, also for CAs that the workspace has not added.
    """
    if not text:
        return default_url()
    offered = [offer.ca for offer in offers(workspace)]
    for ca in offered:
        if text in (ca.key, ca.label, ca.directory_url):
            return ca.directory_url
    raise NeedsUser("ca_unknown", ca=text[:200], known=[ca.key or ca.directory_url for ca in offered])


def ca_as_before(workspace: Workspace, directory_url: str) -> str:
    """The CA that something came from, while the workspace has it; else the portal's own of today."""
    offered = {offer.ca.directory_url for offer in offers(workspace)}
    return directory_url if directory_url in offered else default_url()


def addable(workspace: Workspace) -> list[Ca]:
    """The known CAs that the workspace does not have yet."""
    present = {offer.ca.directory_url for offer in offers(workspace)}
    return [ca for ca in KNOWN if ca.directory_url not in present]
