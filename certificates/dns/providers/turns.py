"""One visit at a time to a zone: some providers' interfaces write it as a whole, and two would undo each other."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from certificates.dns.providers.visiting import VISIT_SECONDS
from certificates.models import DnsProvider
from config.lib.errors import Transient

WAIT_SECONDS = 20.0
# Whoever is killed during a visit leaves its turn; it ends by itself.
TURN = timedelta(seconds=VISIT_SECONDS + 20)
PAUSE = 0.2
LEASE_SECONDS = WAIT_SECONDS + VISIT_SECONDS + 30


@contextmanager
def turn_at(provider: DnsProvider) -> Iterator[None]:
    """Wait for the zone, have it, give it back. Blocks up to WAIT_SECONDS. Raises Transient dns_zone_busy."""
    token = uuid.uuid4()
    rows = DnsProvider.unscoped.filter(pk=provider.pk)
    free = Q(busy_until__isnull=True) | Q(busy_until__lt=Now())
    ends = time.monotonic() + WAIT_SECONDS
    while not rows.filter(free).update(busy_token=token, busy_until=Now() + TURN):
        if time.monotonic() >= ends:
            raise Transient("dns_zone_busy", zone=provider.zone)
        time.sleep(PAUSE)
    try:
        yield
    finally:
        rows.filter(busy_token=token).update(busy_token=None, busy_until=None)
