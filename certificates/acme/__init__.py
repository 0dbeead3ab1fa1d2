"""Talking ACME (RFC 8555): the only package that imports the `acme` library.

Plain dataclasses go in and out. Every call is one exchange (plus badNonce repeats), never sleeps,
and raises only `config.lib.errors.ExpectedError`s, worded in `certificates/catalogue.py`.
"""

from certificates.acme.client import AcmeClient, IssuedChain, connect
from certificates.acme.facts import (
    Authorization,
    Challenge,
    Directory,
    ExternalAccount,
    Order,
    Problem,
    RenewalInfo,
)
from certificates.acme.refusals import challenge_refusal, order_refusal

__all__ = [
    "AcmeClient",
    "Authorization",
    "Challenge",
    "Directory",
    "ExternalAccount",
    "IssuedChain",
    "Order",
    "Problem",
    "RenewalInfo",
    "challenge_refusal",
    "connect",
    "order_refusal",
]
