"""Is the record of what happened as it was sealed? Reads every chain from its beginning."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auditlog.chain import COVERED, NO_WORKSPACE, SETTLED_AFTER, Head, chain_of, head_of, link
from auditlog.models import Archive, Event, Seal
from config.lib import clock

ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Verdict:
    """On one chain. `fault` names its first altered or missing event, empty when it is whole."""

    workspace_id: uuid.UUID
    head: Head
    unsealed: int
    fault: str = ""


def list_chains() -> list[uuid.UUID]:
    """Every workspace that has a chain, also those that are gone by now, or events that wait for their seal."""
    sealed = set(Seal.objects.values_list("workspace_id", flat=True).distinct())
    owners = Event.unscoped.order_by().values_list("workspace_id", flat=True).distinct()
    return sorted(sealed | {owner or NO_WORKSPACE for owner in owners})


def verify_chain(workspace_id: uuid.UUID) -> Verdict:
    """Read one chain through; memory does not grow with its length."""
    waiting = chain_of(workspace_id).filter(seq=None, at__lt=clock.now() - SETTLED_AFTER).count()
    end = head_of(workspace_id)
    try:
        head = _walk(workspace_id, end)
        _refuse_beyond(workspace_id, end)
    except Broken as broken:
        return Verdict(workspace_id, broken.head, waiting, str(broken))
    return Verdict(workspace_id, head, waiting)


class Broken(Exception):
    """`head` is as far as the chain is whole; the text names what comes then."""

    def __init__(self, head: Head, words: str) -> None:
        super().__init__(words)
        self.head = head


def _walk(workspace_id: uuid.UUID, end: Head) -> Head:
    """The chain's head, which is `end` when it is whole; raises Broken."""
    head = _begin(workspace_id)
    seals = _seals(workspace_id, head)
    seal = next(seals, None)
    _refuse_gap(head, seal)
    for number, digest, *values in _rows(workspace_id, head.number, end.number):
        head = follow(head, number, digest, values)
        if seal and number == seal.last:
            if digest != seal.hash:
                raise Broken(head, f"event {number} ({_named(values)}) is not the one that was sealed")
            seal = next(seals, None)
            _refuse_gap(head, seal)
    if seal:
        raise Broken(head, f"event {head.number + 1} is missing, and all after it up to {end.number}")
    return head


def _begin(workspace_id: uuid.UUID) -> Head:
    """Where the log begins: after what was archived, each archive ending as its events were sealed; raises Broken."""
    head = Head()
    for archive in Archive.objects.filter(workspace_id=workspace_id).order_by("first").defer("content"):
        ends = Seal.objects.filter(workspace_id=workspace_id, last=archive.last, hash=archive.hash)
        if archive.first != head.number + 1 or not ends.exists():
            raise Broken(head, f"the archive from {archive.first} to {archive.last} is not what was sealed")
        head = Head(archive.last, archive.hash)
    return head


def _seals(workspace_id: uuid.UUID, head: Head) -> Iterator[Seal]:
    rows = Seal.objects.filter(workspace_id=workspace_id, first__gt=head.number)
    return rows.order_by("first").iterator(chunk_size=ROWS_AT_ONCE)


def _rows(workspace_id: uuid.UUID, before: int, last: int) -> Iterator[tuple[Any, ...]]:
    """(number, hash, *COVERED) after `before` up to `last`, by ranges: a number that stands there twice comes twice."""
    for first in range(before + 1, last + 1, ROWS_AT_ONCE):
        some = chain_of(workspace_id).filter(seq__gte=first, seq__lte=min(first + ROWS_AT_ONCE - 1, last))
        yield from some.order_by("seq", "id").values_list("seq", "hash", *COVERED)


def follow(head: Head, number: int, digest: str, values: Sequence[Any]) -> Head:
    """The head after one more event, given by what stands in its row; raises Broken when it is not the next one."""
    expected = head.number + 1
    if number > expected:
        raise Broken(head, f"event {expected} is missing, before {_named(values)}")
    if number < expected:
        raise Broken(head, f"event {number} stands there twice ({_named(values)})")
    if link(head.hash, number, values) != digest:
        raise Broken(head, f"event {number} ({_named(values)}) is altered")
    return Head(number, digest)


def _refuse_gap(head: Head, seal: Seal | None) -> None:
    if seal and seal.first != head.number + 1:
        raise Broken(head, f"the seal of event {head.number + 1} is missing")


def _refuse_beyond(workspace_id: uuid.UUID, end: Head) -> None:
    beyond = chain_of(workspace_id).filter(seq__gt=end.number).order_by("seq").values_list("seq", *COVERED).first()
    if beyond:
        raise Broken(end, f"event {beyond[0]} ({_named(beyond[1:])}) bears a number that was never sealed")


def _named(values: Sequence[Any]) -> str:
    """An event by its COVERED columns."""
    told = dict(zip(COVERED, values, strict=True))
    return f"{told['kind']}, {told['id']}, {told['at']:%Y-%m-%d %H:%M:%S} UTC"
