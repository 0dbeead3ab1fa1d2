"""How a step of an issuance ends: it goes on, or gives the row back until later. All raise LeaseLost."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from certificates import acme
from certificates.cas.ledger import Ordered
from certificates.line import Line
from certificates.models import Issuance
from config.lib import clock, jobs
from config.lib.errors import NeedsUser

# A validation mostly ends within a second; looking that long at once spares a trip through the queue.
QUICK_PAUSES = (0.05, 0.1, 0.2, 0.4)
LONGEST_PAUSE = timedelta(minutes=1)


def go_on(issuance: Issuance, step: Issuance.Step, *, also: Callable[[], None] | None = None, **fields: object) -> None:
    issuance.save_step(step=step, step_at=clock.now(), attempts=0, error_code="", error_params={}, also=also, **fields)


def give_back(issuance: Issuance, **fields: Any) -> None:
    if not issuance.finish(**fields):
        raise jobs.LeaseLost(str(issuance.pk))


def counted(issuance: Issuance) -> Ordered:
    """What the CA's limits count of it, as it was found at its gates."""
    return Ordered(issuance.workspace_id, issuance.directory_url, issuance.names, issuance.spared)


def look_later(issuance: Issuance, retry_at: datetime | None) -> None:
    """Give the row back until the CA wants to be asked, ever more rarely where it names no time."""
    now = clock.now()
    if issuance.order_expires_at and now >= issuance.order_expires_at:
        raise NeedsUser("acme_order_expired", name=", ".join(issuance.names), detail="its time ran out.")
    since = now - (issuance.step_at or now)
    pause = retry_at - now if retry_at else min(max(since / 4, timedelta(seconds=1)), LONGEST_PAUSE)
    give_back(issuance, run_after=now + pause, priority=issuance.priority)
    jobs.ring("issuance", interactive=issuance.priority == jobs.INTERACTIVE, after=pause)


def look_quickly(issuance: Issuance, line: Line, is_enough: Callable[[acme.Order], bool]) -> acme.Order:
    order = line.ca().load_order(issuance.order_url)
    for pause in QUICK_PAUSES:
        if is_enough(order):
            break
        time.sleep(pause)
        order = line.ca().load_order(issuance.order_url)
    return order
