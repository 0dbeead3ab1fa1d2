"""Certificates that were just stored: told to the rooms above, inside the transaction that stored them."""

from collections.abc import Callable

from auditlog.events import Actor
from certificates.models import Certificate
from config.lib.registry import Registry

type Arrival = Callable[[Certificate, Actor], None]

# Whoever installs certificates registers what is to be done with a new one.
arrivals: Registry[Arrival] = Registry("arrivals of certificates")


def tell_arrival(certificate: Certificate, actor: Actor) -> None:
    """Call inside a transaction: what follows from a certificate is as lasting as the certificate."""
    for arrival in arrivals:
        arrival(certificate, actor)
