"""What a domain needs before it renews over SSH: known to the rooms above, asked here."""

from collections.abc import Callable, Sequence

from config.lib.errors import NeedsUser
from config.lib.registry import Registry
from domains.models import Domain

type Requirement = Callable[[Domain], Sequence[str]]

# Each answers in the words of the page what is missing, one thing each. Asks the database alone.
requirements: Registry[Requirement] = Registry("requirements of auto-renew over SSH")


def missing_for(domain: Domain) -> list[str]:
    return [one for requirement in requirements for one in requirement(domain)]


def require_ready(domain: Domain) -> None:
    """Raises NeedsUser auto_renew_incomplete."""
    missing = missing_for(domain)
    if missing:
        raise NeedsUser("auto_renew_incomplete", missing=missing)
