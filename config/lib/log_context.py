"""Fields that every log line of one piece of work has: the request's id, or the job's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_fields: ContextVar[Mapping[str, str]] = ContextVar("log fields", default=MappingProxyType({}))


def log_fields() -> Mapping[str, str]:
    """What lines that are written here and now have besides their own fields."""
    return _fields.get()


@contextmanager
def logged_with(**fields: str) -> Iterator[None]:
    """Lines written inside, in this thread and in what copies its context, have these fields."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)
