"""Domains come and go."""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.access import has_verified_email
from accounts.models import User, Workspace
from auditlog.events import Actor, difference, record
from auditlog.models import Event
from config.lib import clock, egress, jobs
from config.lib.errors import NeedsUser
from domains.leaving import hold, put_away
from domains.models import Domain, DomainTag, Hosting, Ownership, State, Visit, readable_name
from domains.ownership import enclosing, forget_unused
from domains.protocols import HTTPS, parse_port, parse_protocol, usual_port
from domains.state import Known, domain_state, urgency
from domains.turns import require_patience

TAGS_AT_MOST = 10
NOTES_AT_MOST = 2_000
# Adding makes the portal connect to a host; an address that nobody has proven buys few of these.
ADDED_UNPROVEN_AT_MOST = 5

_WITH_PORT = re.compile(r"(?P<host>[^:]+):(?P<port>\d{1,5})")
# What a browser's address line holds. No user name: `https://your-bank.com@evil.com` reads as the one and is the other.
_WEB_ADDRESS = re.compile(r"https?://(?P<target>[^/?#@\\\s]+)([/?#]\S*)?", re.IGNORECASE)
_TAG = re.compile(r"[\w][\w .-]{0,39}")


def parse_target(text: str, port: int | None = None, protocol: str | None = None) -> tuple[str, int]:
    """(host, port) out of `host`, `host:port` or a website's address; a `port` of its own must not contradict it.

    Without any, it is the usual one of `protocol`, which is not checked here.

    Raises NeedsUser: host_malformed, host_wildcard, host_is_ip, host_single_label, host_public_suffix,
    host_reserved, port_not_allowed, port_contradicted.
    """
    address = _WEB_ADDRESS.fullmatch(text.strip())
    target = address["target"] if address else text.strip()
    found = _WITH_PORT.fullmatch(target)
    host = _parse_host(found["host"] if found else target)
    written = int(found["port"]) if found else None
    given = [one for one in (written, port) if one is not None]
    if len(set(given)) > 1:
        raise NeedsUser("port_contradicted", host=host, written=written, port=port)
    return host, parse_port(given[0] if given else usual_port(protocol))


def _parse_host(text: str) -> str:
    if text.startswith("*."):
        above = egress.parse_hostname(text[2:])
        raise NeedsUser("host_wildcard", host=f"*.{above}", above=above)
    return egress.parse_hostname(text)


def parse_tags(tags: Iterable[str]) -> list[str]:
    """Lower case, in order, without repetitions. Raises NeedsUser: tag_malformed, too_many_tags."""
    names = list(dict.fromkeys(" ".join(tag.lower().split()) for tag in tags if tag.strip()))
    for name in names:
        if not _TAG.fullmatch(name):
            raise NeedsUser("tag_malformed", tag=name[:60])
    if len(names) > TAGS_AT_MOST:
        raise NeedsUser("too_many_tags", most=TAGS_AT_MOST)
    return names


def parse_notes(text: str) -> str:
    """Free text with plain line ends. Raises NeedsUser("notes_too_long")."""
    notes = "\n".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}").strip().splitlines())
    if len(notes) > NOTES_AT_MOST:
        raise NeedsUser("notes_too_long", most=f"{NOTES_AT_MOST:,}", length=f"{len(notes):,}")
    return notes


@dataclass(frozen=True, slots=True)
class NewDomain:
    """What is to be watched, checked by `parse_new`; `key` is what a workspace lists once."""

    host: str
    port: int = HTTPS
    protocol: str = "tls"
    tags: tuple[str, ...] = ()
    notes: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        return self.host, self.port, self.protocol

    @property
    def label(self) -> str:
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"


def parse_new(
    *,
    hostname: str,
    port: int | None = None,
    protocol: str | None = None,
    tags: Iterable[str] = (),
    notes: str = "",
) -> NewDomain:
    """Raises NeedsUser as parse_target, parse_protocol, parse_tags and parse_notes do."""
    host, port = parse_target(hostname, port, protocol)
    return NewDomain(host, port, parse_protocol(protocol, port), tuple(parse_tags(tags)), parse_notes(notes))


@dataclass(frozen=True)
class FirstLook:
    """When a new domain is first visited and its hosting detected, each by the row's id; `priority` as in jobs.

    A person who waits is told that it is under way; others find the date of it.
    """

    visit: Callable[[uuid.UUID], datetime]
    hosting: Callable[[uuid.UUID], datetime]
    priority: int = jobs.BACKGROUND


def add_domain(
    *,
    workspace: Workspace,
    actor: Actor,
    hostname: str,
    port: int | None = None,
    protocol: str | None = None,
    tags: Iterable[str] = (),
    notes: str = "",
    user: User | None = None,
) -> Domain:
    """Start to watch a host; its first visit and its detection are due at once. Opens no connection itself.

    Raises NeedsUser as parse_new does, confirm_address_first, and domain_exists; Transient("checked_too_often").
    """
    require_room(workspace, user)
    new = parse_new(hostname=hostname, port=port, protocol=protocol, tags=tags, notes=notes)
    now = clock.now()
    at_once = FirstLook(visit=lambda _: now, hosting=lambda _: now, priority=jobs.INTERACTIVE)
    with transaction.atomic():
        made = insert_domains(workspace=workspace, actor=actor, user=user, wanted=[new], first_look=at_once)
        if not made:
            raise NeedsUser("domain_exists", host=new.label)
        # Deleting and adding it over and over would be as good as the button.
        require_patience(made[new.key], actor, counted=1)
    jobs.ring("visit", interactive=True)
    jobs.ring("hosting", interactive=True)
    return made[new.key]


def require_room(workspace: Workspace, user: User | None) -> None:
    """Raises NeedsUser("confirm_address_first")."""
    room = room_left(workspace, user)
    if user is not None and room is not None and room <= 0:
        raise confirm_first(user)


def room_left(workspace: Workspace, user: User | None) -> int | None:
    """How many domains this person may add today; None: any number. Counts what was added, not what is still there."""
    if user is None or has_verified_email(user):
        return None
    today = clock.now() - timedelta(days=1)
    events = Event.objects.for_workspace(workspace)
    added = events.filter(kind="domain.added", actor_id=user.pk, at__gt=today).count()
    return max(0, ADDED_UNPROVEN_AT_MOST - added)


def confirm_first(user: User) -> NeedsUser:
    """The refusal of what exceeds the room of somebody whose address is not confirmed."""
    return NeedsUser("confirm_address_first", most=ADDED_UNPROVEN_AT_MOST, email=user.email)


@transaction.atomic
def insert_domains(
    *, workspace: Workspace, actor: Actor, user: User | None, wanted: Sequence[NewDomain], first_look: FirstLook
) -> dict[tuple[str, int, str], Domain]:
    """Make the rows of these domains, of which no two are the same, and say by key which are new; repeatable.

    A constant number of statements, but for one event each. The caller rings.
    """
    proven = _proven_hosts(workspace, wanted)
    rows = [_row(workspace, user, new, is_proven=not proven.isdisjoint(enclosing(new.host))) for new in wanted]
    Domain.unscoped.bulk_create(rows, ignore_conflicts=True)
    ours = set(
        Domain.objects.for_workspace(workspace).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    )
    made = [(row, new) for row, new in zip(rows, wanted, strict=True) if row.pk in ours]
    _insert_beside([row for row, _ in made], first_look)
    tags = [DomainTag(workspace=workspace, domain=row, name=name) for row, new in made for name in new.tags]
    DomainTag.unscoped.bulk_create(tags)
    for row, _ in made:
        record("domain.added", workspace_id=workspace.pk, actor=actor, domain_id=row.pk, domain_label=row.label)
    return {new.key: row for row, new in made}


def _proven_hosts(workspace: Workspace, wanted: Sequence[NewDomain]) -> set[str]:
    above = {host for new in wanted for host in enclosing(new.host)}
    rows = Ownership.objects.for_workspace(workspace).filter(host__in=above, proven_at__isnull=False)
    return set(rows.values_list("host", flat=True))


def _row(workspace: Workspace, user: User | None, new: NewDomain, *, is_proven: bool) -> Domain:
    now = clock.now()
    state = domain_state(Known(is_verified=is_proven, has_certificate=False), now)
    return Domain(
        workspace=workspace,
        host=new.host,
        readable=readable_name(new.host),
        port=new.port,
        protocol=new.protocol,
        notes=new.notes,
        created_by=user,
        verified_at=now if is_proven else None,
        state=state,
        urgency=urgency(state),
    )


def _insert_beside(domains: Sequence[Domain], first_look: FirstLook) -> None:
    """What every domain has from its first moment: visit, detection, and something that its proof hangs on."""
    asked_at = clock.now() if first_look.priority == jobs.INTERACTIVE else None
    given = {"asked_at": asked_at, "priority": first_look.priority}
    visits = [Visit(workspace_id=one.workspace_id, domain=one, **given) for one in domains]
    hostings = [Hosting(workspace_id=one.workspace_id, domain=one, **given) for one in domains]
    for visit in visits:
        visit.run_after = first_look.visit(visit.pk)
    for hosting in hostings:
        hosting.run_after = first_look.hosting(hosting.pk)
    Visit.unscoped.bulk_create(visits)
    Hosting.unscoped.bulk_create(hostings)
    unproven = {one.host: one for one in domains if not one.is_verified}
    proofs = [Ownership(workspace_id=one.workspace_id, host=host) for host, one in unproven.items()]
    Ownership.unscoped.bulk_create(proofs, ignore_conflicts=True)


def set_tags(*, domain: Domain, tags: Iterable[str]) -> None:
    """Make the domain's tags exactly these. Raises as parse_tags does; repeatable."""
    names = parse_tags(tags)
    with transaction.atomic():
        DomainTag.unscoped.filter(domain=domain).exclude(name__in=names).delete()
        rows = [DomainTag(workspace_id=domain.workspace_id, domain=domain, name=name) for name in names]
        DomainTag.unscoped.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def change_domain(*, domain: Domain, actor: Actor, tags: Iterable[str] | None = None, notes: str | None = None) -> None:
    """Set what is given, with one event. Raises as parse_tags and parse_notes do; repeatable."""
    before = _described(domain)
    if tags is not None:
        set_tags(domain=domain, tags=tags)
    if notes is not None:
        domain.notes = parse_notes(notes)
        domain.save(update_fields=["notes"])
    changes = [name for name, value in (("tags", tags), ("notes", notes)) if value is not None]
    if changes:
        record(
            "domain.changed",
            workspace_id=domain.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
            data={"changes": " and ".join(changes), **difference(before, _described(domain))},
        )


def _described(domain: Domain) -> dict[str, Any]:
    """What the audit log compares."""
    tags = DomainTag.unscoped.filter(domain=domain).order_by("name").values_list("name", flat=True)
    return {"tags": list(tags), "notes": domain.notes}


@transaction.atomic
def delete_domain(*, domain: Domain, actor: Actor) -> None:
    """Forget a domain with everything that hangs on it; what its servers serve stays as it is. Repeatable."""
    hold([domain.pk])
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
    put_away(row)
    row.delete()
    forget_unused(domain)
