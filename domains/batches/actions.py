"""What is done with one chunk of a batch's lines; each runs in the transaction that also notes it down.

`actions[kind](batch, lines)` marks every line as done or failed, and may be given any of them again after a crash: what
a dead worker began was rolled back with its marks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, ProtectedError

from accounts.models import User
from auditlog.events import difference, record
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, NeedsUser
from domains.add import TAGS_AT_MOST, FirstLook, NewDomain, confirm_first, delete_domain, insert_domains, room_left
from domains.batches.judging import new_of
from domains.batches.pace import DETECTIONS_PER_SECOND, VISITS_PER_SECOND, spread_over
from domains.batches.reading import row_of
from domains.leaving import hold
from domains.models import Batch, BatchKind, BatchLine, Domain, DomainTag, LineState, Visit
from domains.turns import impatient
from domains.writing import update_rows

type Lines = Sequence[BatchLine]


def settle(line: BatchLine, error: ExpectedError | None = None) -> None:
    """Done, or failed with its reason."""
    line.state = LineState.FAILED if error else LineState.DONE
    line.code = error.code if error else ""
    line.params = jobs.storable(error.params) if error else {}


def add_lines(batch: Batch, lines: Lines) -> None:
    """Read each line anew, since rules and neighbours may have changed since the preview, and add what still stands."""
    wanted: dict[NewDomain, BatchLine] = {}
    for line in lines:
        try:
            wanted[new_of(row_of(line.number, line.given))] = line
        except ExpectedError as error:
            settle(line, error)
    for new, refusal in _beyond_room(batch, list(wanted)):
        settle(wanted.pop(new), refusal)
    now = clock.now()
    look = FirstLook(
        visit=spread_over(now, batch.total, VISITS_PER_SECOND),
        hosting=spread_over(now, batch.total, DETECTIONS_PER_SECOND),
    )
    made = insert_domains(
        workspace=batch.workspace, actor=batch.actor, user=batch.made_by, wanted=list(wanted), first_look=look
    )
    for new, line in wanted.items():
        added = made.get(new.key)
        line.domain_id = added.pk if added else None
        settle(line, None if added else NeedsUser("domain_exists", host=new.label))


def _beyond_room(batch: Batch, wanted: list[NewDomain]) -> list[tuple[NewDomain, NeedsUser]]:
    """What exceeds the person's room. The lock keeps two imports of one person from counting past each other."""
    person = batch.made_by
    if person is None or room_left(batch.workspace, person) is None:
        return []
    User.objects.select_for_update().get(pk=person.pk)
    return [(new, confirm_first(person)) for new in wanted[room_left(batch.workspace, person) :]]


def check_lines(batch: Batch, lines: Lines) -> None:
    """Make the visits due within the time that so many take; what is due sooner stays so.

    A host that was asked for too often is left out, as it is for who presses the button of its own page.
    """
    domains = _patient(batch, lines, _domains_of(batch, lines))
    now = clock.now()
    moment = spread_over(now, batch.total, VISITS_PER_SECOND)
    visits = Visit.objects.for_workspace(batch.workspace_id).filter(domain_id__in=domains)
    rows = visits.select_for_update(no_key=True).order_by("pk").values_list("pk", "run_after")
    changed = [
        {"id": key, "run_after": min(moment(key), due or moment(key)), "asked_at": now, "attempts": 0}
        for key, due in rows
    ]
    update_rows(Visit, changed)
    jobs.ring("visit")


def _patient(batch: Batch, lines: Lines, domains: Mapping[Any, Domain]) -> dict[Any, Domain]:
    """The domains that may be looked at; each is noted as asked for, so that the next batch counts it too."""
    refused = impatient(list(domains.values()))
    for line in lines:
        if line.domain_id in refused:
            settle(line, refused[line.domain_id])
    asked = {key: domain for key, domain in domains.items() if key not in refused}
    for domain in asked.values():
        _record("domain.inspection_asked", batch, domain)
    return asked


def tag_lines(batch: Batch, lines: Lines) -> None:
    domains = _domains_of(batch, lines)
    rows = DomainTag.objects.for_workspace(batch.workspace_id).filter(domain_id__in=domains)
    have = set(rows.filter(name=batch.tag).values_list("domain_id", flat=True))
    counted = rows.values_list("domain_id").annotate(count=Count("pk")).filter(count__gte=TAGS_AT_MOST)
    full = {key for key, _ in counted} - have
    for line in lines:
        if line.domain_id in full:
            settle(line, NeedsUser("too_many_tags", most=TAGS_AT_MOST))
    wanting = [one for key, one in domains.items() if key not in full | have]
    added = [DomainTag(workspace_id=batch.workspace_id, domain=one, name=batch.tag) for one in wanting]
    DomainTag.unscoped.bulk_create(added, ignore_conflicts=True)
    for domain in wanting:
        _record("domain.changed", batch, domain, changes="tags", **difference({}, {"tag": batch.tag}))


def untag_lines(batch: Batch, lines: Lines) -> None:
    domains = _domains_of(batch, lines)
    rows = DomainTag.objects.for_workspace(batch.workspace_id).filter(domain_id__in=domains, name=batch.tag)
    have = list(rows.values_list("domain_id", flat=True))
    rows.delete()
    for key in have:
        _record("domain.changed", batch, domains[key], changes="tags", **difference({"tag": batch.tag}, {}))


def delete_lines(batch: Batch, lines: Lines) -> None:
    hold([line.domain_id for line in lines if line.domain_id])
    domains = _domains_of(batch, lines)
    for line in lines:
        if line.domain_id in domains:
            try:
                with transaction.atomic():
                    delete_domain(domain=domains[line.domain_id], actor=batch.actor)
            except ProtectedError:
                settle(line, NeedsUser("domain_kept", host=line.label))


def _domains_of(batch: Batch, lines: Lines) -> dict[Any, Domain]:
    """The lines' domains by id, locked in order as everybody does; lines whose domain is gone are settled as failed."""
    rows = Domain.objects.for_workspace(batch.workspace_id).filter(pk__in=[line.domain_id for line in lines])
    found = {row.pk: row for row in rows.select_for_update(no_key=True).order_by("pk")}
    for line in lines:
        settle(line, None if line.domain_id in found else NeedsUser("domain_gone", host=line.label))
    return found


def _record(kind: str, batch: Batch, domain: Domain, **data: Any) -> None:
    record(
        kind,
        workspace_id=batch.workspace_id,
        actor=batch.actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data=data,
    )


actions: Mapping[str, Callable[[Batch, Lines], None]] = {
    BatchKind.IMPORT: add_lines,
    BatchKind.CHECK: check_lines,
    BatchKind.TAG: tag_lines,
    BatchKind.UNTAG: untag_lines,
    BatchKind.DELETE: delete_lines,
}
