"""The same thing for several items at once, for work that waits for others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context


def side_by_side[T, R](work: Callable[[T], R], items: Sequence[T], *, at_once: int) -> list[R]:
    """The results in the order of `items`; the first error is raised. Blocks.

    One item is worked right here: most look-ups have one, and a thread for it costs more than the look-up.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    # Each thread has its own copy of our context, so that its log lines say what they belong to.
    contexts = [copy_context() for _ in items]
    with ThreadPoolExecutor(min(len(items), at_once)) as pool:
        return list(pool.map(lambda context, item: context.run(work, item), contexts, items))
