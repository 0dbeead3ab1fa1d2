"""Who follows a domain's automation: rooms above that plan something by it, told once a change of it is committed."""

import uuid
from collections.abc import Callable
from functools import partial

from django.db import transaction

from config.lib.registry import Registry

# Each gets the domain's key; repeatable, and called without a transaction.
followers: Registry[Callable[[uuid.UUID], None]] = Registry("followers of automation")


def tell_followers(domain_id: uuid.UUID) -> None:
    """After the commit: inside of it they would lock their rows in another order than their own workers do."""
    for follow in followers:
        transaction.on_commit(partial(follow, domain_id))
