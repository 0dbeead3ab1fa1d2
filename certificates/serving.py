"""Where a certificate is served: known to the rooms above, asked through a registry."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from certificates.models import Certificate
from config.lib.registry import Registry


@dataclass(frozen=True)
class Place:
    """Somewhere a certificate was installed, as people know it; `state` is one of config.lib.states."""

    label: str
    url: str
    state: str
    at: datetime | None


@dataclass(frozen=True)
class Reporter:
    """`report` names the targets seen serving a certificate, out of the rows that `prefetch` loads for a list.

    `places` says where a certificate lies just now, for its own page; it may ask the database.
    """

    prefetch: str
    report: Callable[[Certificate], list[uuid.UUID]]
    places: Callable[[Certificate], list[Place]]


# Whoever installs certificates registers one.
reporters: Registry[Reporter] = Registry("serving reporters")


def with_serving(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """Certificates whose `serving_targets` cost no further query each."""
    return rows.prefetch_related(*(reporter.prefetch for reporter in reporters))


def serving_targets(certificate: Certificate) -> list[uuid.UUID]:
    """Ids of the targets that were last seen serving `certificate`."""
    return [target for reporter in reporters for target in reporter.report(certificate)]


def places_of(certificate: Certificate) -> list[Place]:
    """Everywhere it is known to be installed."""
    return [place for reporter in reporters for place in reporter.places(certificate)]
