"""How often one caller may ask: far above any honest script, cheap enough to ask on every request.

Each process counts in memory and adds its share to the database cache every SHARE requests, so
that the processes know of each other and a flushed Redis resets nothing. Counts run low by at
most a share per process, never high: nobody is refused below the limit.
"""

import threading
import time

from django.core.cache import cache

from accounts.problems import Problem

LIMIT = 1500
WINDOW_SECONDS = 60
SHARE = 50

_lock = threading.Lock()
_counts: dict[str, tuple[int, int, int]] = {}  # caller -> (window, asked here, asked elsewhere)


def count_request(caller: str, *, limit: int = LIMIT) -> None:
    """Raises Problem(429) with Retry-After once `caller` has asked more than `limit` times in this minute."""
    seconds = time.time()
    window = int(seconds // WINDOW_SECONDS)
    here, elsewhere = _count(caller, window)
    if here % SHARE == 0:
        _share(caller, window)
    if here + elsewhere > limit:
        raise Problem(429, "too_many_requests", retry_after=WINDOW_SECONDS - int(seconds % WINDOW_SECONDS), limit=limit)


def forget_counts() -> None:
    """Start over in this process (tests)."""
    with _lock:
        _counts.clear()


def _count(caller: str, window: int) -> tuple[int, int]:
    with _lock:
        since, here, elsewhere = _counts.get(caller, (window, 0, 0))
        if since != window:
            # A new minute: whoever asked in an older one only takes up memory.
            for name in [name for name, count in _counts.items() if count[0] != window]:
                del _counts[name]
            here, elsewhere = 0, 0
        _counts[caller] = (window, here + 1, elsewhere)
        return here + 1, elsewhere


def _share(caller: str, window: int) -> None:
    """Outside of the lock: the cache is a database query."""
    key = f"api:{caller}:{window}"
    cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
    total = int(cache.get(key, 0)) + SHARE
    cache.set(key, total, timeout=2 * WINDOW_SECONDS)
    with _lock:
        since, here, _ = _counts.get(caller, (window, SHARE, 0))
        if since == window:
            _counts[caller] = (window, here, max(0, total - here))
