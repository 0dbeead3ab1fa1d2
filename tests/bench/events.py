"""A long past, generated: events and steps in bulk, in the shape and mixture of a busy workspace's.

    python -m tests.bench.events [EVENTS] [STEPS]

fills the database of the settings, so start it on one that may be thrown away; prints the workspace as JSON.
"""

import json
import random
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import django
from django.db import transaction

BATCH = 5000
DOMAINS = 200
# kind, share among 100, what its sentence needs
MIXTURE = (
    ("domain.certificate_seen", 30, {"issuer": "R11", "not_after": "2027-02-21T18:29:14Z"}),
    ("finding.opened", 20, {"title": "The certificate ends in 12 days"}),
    ("finding.closed", 20, {"title": "The certificate ends in 12 days"}),
    ("deployment.succeeded", 12, {"names": "shop.example.net", "summary": "2 of 2 targets serve it"}),
    ("issuance.failed", 10, {"names": "shop.example.net", "error": "The CA saw another TXT record"}),
    ("domain.changed", 5, {"changes": "tags: shop instead of blog"}),
    ("certificate.downloaded", 2, {"names": "shop.example.net"}),
    ("member.role_changed", 1, {"email": "ann@example.net", "role": "admin", "before": "member"}),
)


def make_events(workspace_id: uuid.UUID, domains: list[Any], count: int, end: datetime) -> Iterator[Any]:
    """Every 20 seconds one, the newest at `end`."""
    from auditlog.kinds import KINDS
    from auditlog.models import Event

    chance = random.Random(7)
    kinds = chance.choices(MIXTURE, [share for _, share, _ in MIXTURE], k=count)
    for number, (kind, _, data) in enumerate(kinds):
        domain = domains[number % len(domains)]
        who = f"person{number % 20}@example.net" if number % 4 == 0 else ""
        yield Event(
            workspace_id=workspace_id,
            at=end - timedelta(seconds=20 * (count - number)),
            kind=kind,
            severity=KINDS[kind].severity,
            actor_kind="user" if who else "system",
            actor_label=who or "ManageMyCert",
            actor_ip="203.0.113.7" if who else None,
            domain_id=domain.pk,
            domain_label=domain.host,
            data=data,
        )


def make_steps(domains: list[Any], count: int, end: datetime) -> None:
    from deploy.models import RunStep, TargetRun

    owner = {"workspace_id": domains[0].workspace_id}
    what = {"kind": "deploy", "state": "succeeded", "label": "web-01", "requested_by": "person1@example.net"}
    runs = [
        TargetRun(domain=domain, **what, **owner) for domain in domains for _ in range(-(-count // (len(domains) * 10)))
    ]
    TargetRun.unscoped.bulk_create(runs, batch_size=BATCH)
    steps = (
        RunStep(
            run=runs[number % len(runs)],
            position=number // len(runs),
            name="Write /etc/ssl/shop/fullchain.pem",
            state="failed" if number % 50 == 0 else "succeeded",
            started_at=end - timedelta(seconds=100 * (count - number)),
            ended_at=end - timedelta(seconds=100 * (count - number) - 1),
            **owner,
        )
        for number in range(count)
    )
    _in_batches(RunStep, steps)


def _in_batches(model: Any, rows: Iterator[Any]) -> None:
    while batch := [row for _, row in zip(range(BATCH), rows, strict=False)]:
        with transaction.atomic():
            model.unscoped.bulk_create(batch)


def main(events: int = 1_000_000, steps: int = 100_000) -> None:
    django.setup()
    from auditlog.models import Event
    from config.lib import clock
    from domains.models import Domain
    from tests.cast import make_cast

    cast = make_cast()
    domains = [Domain.unscoped.create(workspace=cast.acme, host=f"h{number}.example.net") for number in range(DOMAINS)]
    end = clock.now() - timedelta(minutes=5)
    _in_batches(Event, make_events(cast.acme.pk, domains, events, end))
    make_steps(domains, steps, end)
    print(json.dumps({"workspace": str(cast.acme.pk), "domain": str(domains[3].pk), "host": domains[3].host}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
