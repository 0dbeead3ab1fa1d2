"""What rooms above have to put away when a domain is deleted; rows that belong to it alone go by themselves."""

from collections.abc import Callable

from config.lib.registry import Registry
from domains.models import Domain

# Called inside the transaction that deletes it, while the domain and its rows are still there.
type Leave = Callable[[Domain], None]

steps: Registry[Leave] = Registry("steps of a domain's leaving")


def put_away(domain: Domain) -> None:
    for leave in steps:
        leave(domain)
