"""Functions named where they are registered and imported where they are first called.

Every process registers all kinds of work, since any may ring for them; only the one that does the work
should pay for what it needs: paramiko, the ACME library and an HTML parser are half of a process's start and memory.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

# Every path that was given, so that a test can see that each leads somewhere.
paths: set[str] = set()


def later(path: str) -> Callable[..., Any]:
    """The function at the dotted `path`; a wrong path raises ImportError at its first call."""
    paths.add(path)

    def call(*args: Any, **kwargs: Any) -> Any:
        return _found(path)(*args, **kwargs)

    return call


@cache
def _found(path: str) -> Callable[..., Any]:
    found: Callable[..., Any] = import_string(path)
    return found
