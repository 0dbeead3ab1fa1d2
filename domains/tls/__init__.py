"""The visit engine: what a host serves, seen without trusting it."""

from domains.starttls import NotOpened, Opener
from domains.tls.client import TlsFailed
from domains.tls.engine import FrontPage, Observation, Target, visit_many
from domains.tls.fetch import ServedChain, fetch_chain, fetch_chain_over
from domains.tls.politeness import POLITENESS, Politeness

__all__ = [
    "POLITENESS",
    "FrontPage",
    "NotOpened",
    "Observation",
    "Opener",
    "Politeness",
    "ServedChain",
    "Target",
    "TlsFailed",
    "fetch_chain",
    "fetch_chain_over",
    "visit_many",
]
