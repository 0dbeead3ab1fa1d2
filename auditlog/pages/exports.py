"""Events as CSV, streamed, and as PDF, drawn page by page."""

import json
import tempfile
import zoneinfo
from collections.abc import Iterator, Sequence
from typing import IO

from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse

from accounts.models import Workspace
from auditlog.events import Actor, record, sentence
from auditlog.models import Event
from auditlog.pages.pdf import Paper
from auditlog.pages.sealing import head_of
from config.lib import clock
from config.lib.spreadsheets import csv_lines

COLUMNS = ("time", "severity", "kind", "what", "who", "from", "domain", "run", "details", "id", "entry", "seal")
PDF_ROWS = 50_000
CHUNK = 2_000
SPOOLED = 4_000_000


def csv_of(workspace: Workspace, rows: QuerySet[Event], filters: Sequence[str], actor: Actor) -> StreamingHttpResponse:
    """All of them, with memory that does not grow with their number."""
    _note(workspace, filters, actor, "CSV")
    lines = csv_lines(COLUMNS, _cells(rows))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return answer


def _cells(rows: QuerySet[Event]) -> Iterator[tuple[str, ...]]:
    for event in rows.iterator(chunk_size=CHUNK):
        details = json.dumps(event.data, ensure_ascii=False, sort_keys=True) if event.data else ""
        yield (
            *(event.at.isoformat(), event.severity, event.kind, sentence(event), event.actor_label),
            *(event.actor_ip or "", event.domain_label, str(event.run_id or ""), details, str(event.pk)),
            *(str(event.seq or ""), event.hash or ""),
        )


def pdf_of(workspace: Workspace, rows: QuerySet[Event], filters: Sequence[str], actor: Actor) -> FileResponse:
    """The newest PDF_ROWS of them; it says so when there are more."""
    _note(workspace, filters, actor, "PDF")
    file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115  (the answer closes it)
    _draw(file, workspace, rows, filters)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="audit-log.pdf", content_type="application/pdf")


def _draw(file: IO[bytes], workspace: Workspace, rows: QuerySet[Event], filters: Sequence[str]) -> None:
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    made = f"Made {clock.now().astimezone(zone):%Y-%m-%d %H:%M} ({workspace.time_zone})"
    head = [made, "; ".join(filters) or "All events"]
    paper = Paper(file, title=f"Audit log of {workspace.name}", head=head)
    totals = {"info": 0, "warning": 0, "critical": 0}
    is_cut = False
    for number, event in enumerate(rows[: PDF_ROWS + 1].iterator(chunk_size=CHUNK)):
        if number == PDF_ROWS:
            is_cut = True
            break
        totals[event.severity] = totals.get(event.severity, 0) + 1
        by = " ".join(filter(None, (event.actor_label, event.actor_ip)))
        paper.add(f"{event.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", event.severity, sentence(event), by)
    told = [f"{count} {severity}" for severity, count in totals.items() if count]
    end = [f"{sum(totals.values())} events: {', '.join(told)}" if told else "No event matches."]
    if is_cut:
        end.append(f"There are more: a PDF holds the newest {PDF_ROWS:,}. The CSV has all of them.")
    number, seal = head_of(workspace.pk)
    if number:
        end.append(f"The log is sealed up to entry {number:,}: SHA-256 {seal}")
    paper.close(end)


def _note(workspace: Workspace, filters: Sequence[str], actor: Actor, form: str) -> None:
    """Who takes the log away is part of it."""
    told = {"form": form, "filters": "; ".join(filters) or "everything"}
    record("log.exported", workspace_id=workspace.pk, actor=actor, data=told)
