"""What a rehearsal finds, as a plain value; here alone, so that whoever names it loads no CA's protocol."""

from dataclasses import dataclass

from config.lib.errors import ExpectedError


@dataclass(frozen=True)
class Check:
    """One thing that a renewal needs. `error`: why it would fail by it today; a Transient may pass by itself."""

    key: str
    detail: str = ""
    error: ExpectedError | None = None
