"""What setting up a domain's automation reaches in rooms that nobody may call: they register here."""

from collections.abc import Callable, Sequence

from auditlog.events import Actor
from config.lib.registry import Registry
from domains.models import Domain

# Who hears of each renewal of the domain: channels, or ids of gateways.
type ChooseWhoHears = Callable[[Domain, Actor, Sequence[str]], None]

choosers: Registry[ChooseWhoHears] = Registry("who hears of renewals")


def choose_who_hears(domain: Domain, actor: Actor, ways: Sequence[str]) -> None:
    """Raises NeedsUser for a way that there is not."""
    for choose in choosers:
        choose(domain, actor, ways)
