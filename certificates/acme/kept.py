"""Connections to CAs that outlive one claim: an issuance takes three, and a handshake costs like two exchanges."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from config.lib.egress.acme_session import acme_session

# Within what the session keeps its connection for: claims that follow each other closely are what it is for.
KEPT_SECONDS = 2.0
KEPT_AT_MOST = 16


@dataclass
class Kept:
    """For one thread at a time. `nonces` came with answers and were not used yet."""

    session: requests.Session
    nonces: set[str] = field(default_factory=set)
    idle_since: float = 0.0


_lock = threading.Lock()
_idle: dict[tuple[str, str], list[Kept]] = defaultdict(list)
# Two processes on one TLS connection break it for both. Forgotten, not closed: an ending would be the parent's as well.
os.register_at_fork(after_in_child=_idle.clear)


@contextmanager
def kept_session(directory_url: str, ca_bundle: str) -> Iterator[Kept]:
    """One that has been idle for a few seconds, else a new one. Kept afterwards unless an exchange failed."""
    kept = _take(directory_url, ca_bundle) or Kept(acme_session(directory_url, ca_bundle or None))
    try:
        yield kept
    except BaseException:
        kept.session.close()
        raise
    _put(directory_url, ca_bundle, kept)


def _take(directory_url: str, ca_bundle: str) -> Kept | None:
    with _lock:
        _drop_old()
        found = _idle.get((directory_url, ca_bundle))
        return found.pop() if found else None


def _put(directory_url: str, ca_bundle: str, kept: Kept) -> None:
    kept.idle_since = time.monotonic()
    with _lock:
        _drop_old()
        if sum(map(len, _idle.values())) < KEPT_AT_MOST:
            _idle[directory_url, ca_bundle].append(kept)
            return
    kept.session.close()


def _drop_old() -> None:
    before = time.monotonic() - KEPT_SECONDS
    for key, ones in list(_idle.items()):
        for kept in [one for one in ones if one.idle_since < before]:
            ones.remove(kept)
            kept.session.close()
        if not ones:
            del _idle[key]
