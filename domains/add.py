"""Domains come and go."""

import re
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction

from accounts.access import has_verified_email
from accounts.models import User, Workspace
from auditlog.events import Actor, record
from auditlog.models import Event
from config.lib import clock, egress, jobs
from config.lib.errors import NeedsUser
from domains.models import Domain, DomainTag, Hosting, State, Visit
from domains.ownership import forget_unused, ownership_of, proofs_of
from domains.protocols import parse_port, parse_protocol, usual_port
from domains.standing import known_of
from domains.state import domain_state, urgency

TAGS_AT_MOST = 10
# Adding makes the portal connect to a host; an address that nobody has proven buys few of these.
ADDED_UNPROVEN_AT_MOST = 5

_WITH_PORT = re.compile(r"(?P<host>[^:]+):(?P<port>\d{1,5})")
_TAG = re.compile(r"[\w][\w .-]{0,39}")


def parse_target(text: str, port: int | None = None, protocol: str | None = None) -> tuple[str, int]:
    """(host, port) out of `host` or `host:port`; a `port` of its own must not contradict it.

    Without any, it is the usual one of `protocol`, which is not checked here.

    Raises NeedsUser: host_malformed, host_is_ip, host_single_label, host_public_suffix,
    host_reserved, port_not_allowed, port_contradicted.
    """
    found = _WITH_PORT.fullmatch(text.strip())
    host = egress.parse_hostname(found["host"] if found else text.strip())
    written = int(found["port"]) if found else None
    given = [one for one in (written, port) if one is not None]
    if len(set(given)) > 1:
        raise NeedsUser("port_contradicted", host=host, written=written, port=port)
    return host, parse_port(given[0] if given else usual_port(protocol))


def parse_tags(tags: Iterable[str]) -> list[str]:
    """Lower case, in order, without repetitions. Raises NeedsUser: tag_malformed, too_many_tags."""
    names = list(dict.fromkeys(" ".join(tag.lower().split()) for tag in tags if tag.strip()))
    for name in names:
        if not _TAG.fullmatch(name):
            raise NeedsUser("tag_malformed", tag=name[:60])
    if len(names) > TAGS_AT_MOST:
        raise NeedsUser("too_many_tags", most=TAGS_AT_MOST)
    return names


def add_domain(
    *,
    workspace: Workspace,
    actor: Actor,
    hostname: str,
    port: int | None = None,
    protocol: str | None = None,
    tags: Iterable[str] = (),
    user: User | None = None,
) -> Domain:
    """Start to watch a host; its first visit and its detection are due at once. Opens no connection itself.

    Raises NeedsUser as parse_target, parse_protocol and parse_tags do, confirm_address_first, and
    domain_exists.
    """
    require_room(workspace, user)
    host, port = parse_target(hostname, port, protocol)
    names = parse_tags(tags)
    is_proven = proofs_of(workspace=workspace, name=host).exists()
    domain = Domain(
        workspace=workspace,
        host=host,
        port=port,
        protocol=parse_protocol(protocol, port),
        created_by=user,
        verified_at=clock.now() if is_proven else None,
    )
    domain.state = domain_state(known_of(domain), clock.now())
    domain.urgency = urgency(domain.state)
    _insert(domain, names, actor)
    jobs.ring("visit", interactive=True)
    jobs.ring("hosting", interactive=True)
    return domain


def require_room(workspace: Workspace, user: User | None) -> None:
    """Raises NeedsUser("confirm_address_first"). Counts what was added, not what is still there."""
    if user is None or has_verified_email(user):
        return
    today = clock.now() - timedelta(days=1)
    events = Event.objects.for_workspace(workspace)
    if events.filter(kind="domain.added", actor_id=user.pk, at__gt=today).count() >= ADDED_UNPROVEN_AT_MOST:
        raise NeedsUser("confirm_address_first", most=ADDED_UNPROVEN_AT_MOST, email=user.email)


def _insert(domain: Domain, tags: list[str], actor: Actor) -> None:
    now = clock.now()
    try:
        with transaction.atomic():
            domain.save(force_insert=True)
            for look in (Visit, Hosting):
                look.unscoped.create(
                    workspace=domain.workspace, domain=domain, asked_at=now, run_after=now, priority=jobs.INTERACTIVE
                )
            set_tags(domain=domain, tags=tags)
            ownership_of(domain)
            record(
                "domain.added",
                workspace_id=domain.workspace_id,
                actor=actor,
                domain_id=domain.pk,
                domain_label=domain.label,
            )
    except IntegrityError:
        raise NeedsUser("domain_exists", host=domain.label) from None


def set_tags(*, domain: Domain, tags: Iterable[str]) -> None:
    """Make the domain's tags exactly these. Raises as parse_tags does; repeatable."""
    names = parse_tags(tags)
    with transaction.atomic():
        DomainTag.unscoped.filter(domain=domain).exclude(name__in=names).delete()
        rows = [DomainTag(workspace_id=domain.workspace_id, domain=domain, name=name) for name in names]
        DomainTag.unscoped.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def change_tags(*, domain: Domain, actor: Actor, tags: Iterable[str]) -> None:
    """`set_tags` as somebody's doing, with its event. Raises as parse_tags does; repeatable."""
    set_tags(domain=domain, tags=tags)
    record(
        "domain.changed",
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data={"changes": "tags"},
    )


@transaction.atomic
def delete_domain(*, domain: Domain, actor: Actor) -> None:
    """Forget a domain with everything that hangs on it; what its servers serve stays as it is. Repeatable."""
    row = Domain.unscoped.select_for_update().filter(pk=domain.pk).first()
    if row is None:  # Somebody else deleted it meanwhile, and has said so.
        return
    record(
        "domain.deleted",
        workspace_id=row.workspace_id,
        actor=actor,
        domain_id=row.pk,
        domain_label=row.label,
        data={"was_verified": row.is_verified, "was_state": State(row.state).value},
    )
    row.delete()
    forget_unused(domain)
