"""The same thing for several items at once, for work that waits for others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def side_by_side[T, R](work: Callable[[T], R], items: Sequence[T], *, at_once: int) -> list[R]:
    """The results in the order of `items`; the first error is raised. Blocks.

    One item is worked right here: most look-ups have one, and a thread for it costs more than the look-up.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), at_once)) as pool:
        return list(pool.map(work, items))
