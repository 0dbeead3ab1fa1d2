"""What a row of the corpus consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.corpus.serving import Handler, Tls, speaks

HOST = "www.forge.org"


@dataclass(frozen=True)
class Expected:
    """All that a visit has to say: `outcome` empty where it was reached, `problems` in their order."""

    outcome: str = ""
    problems: tuple[str, ...] = ()
    tls: str = "TLS 1.3"
    protocol: str = "tls"


@dataclass(frozen=True)
class Setup:
    """`serve` None: nobody listens there."""

    title: str
    serve: Handler | Tls | None
    expected: Expected
    host: str = HOST

    @property
    def handler(self) -> Handler:
        if isinstance(self.serve, Tls):
            return speaks(self.serve)
        assert self.serve
        return self.serve


def shows(title: str, ders: Sequence[bytes], *problems: str, host: str = HOST, kind: str = "P-256 leaf") -> Setup:
    """A server that differs from a good one only in its certificates."""
    return Setup(title, Tls(ders, kind), Expected(problems=tuple(one for one in problems if one)), host)
