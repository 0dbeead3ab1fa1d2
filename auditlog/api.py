"""The API about what happened."""

import re
import uuid
import zoneinfo
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from django.http import FileResponse, StreamingHttpResponse
from ninja import Router, Schema
from pydantic import Field, WithJsonSchema

from accounts.api import ApiRequest, ListQuery, OneOf, Page, Problem, operation, routers
from accounts.models import Workspace
from accounts.paging import make_cursor, open_cursor
from auditlog.events import record
from auditlog.pages.csv import write_csv
from auditlog.pages.feed import Line, load_lines
from auditlog.pages.wanted import Wanted, domains_called
from config.lib import clock
from config.lib.later import later
from config.lib.moments import parse_moment

router = Router(tags=["Logs"])
routers.add("logs", router)

DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


type Moment = Annotated[
    str, WithJsonSchema({"anyOf": [{"type": "string", "format": kind} for kind in ("date", "date-time")]})
]


class LogFilter(Schema):
    """`start` and `end` are `YYYY-MM-DD` (whole days of the workspace's time zone, `end` included) or RFC 3339."""

    start: Moment | None = Field(None, description="From this day or moment on.")
    end: Moment | None = Field(None, description="Up to the end of this day, or before this moment.")
    domain_id: uuid.UUID | None = Field(None, description="Only what concerns this domain.")
    hostname: str = Field(
        "", max_length=300, description="Only what concerns the domains of this name, also gone ones."
    )
    person: str = Field("", max_length=254, description="Only what this person did, by e-mail address.")
    kind: str = Field("", max_length=64, description="A kind, or a group of kinds that ends in a dot: `certificate.`")
    severity: Literal["", "info", "warning", "critical"] = ""
    show: Literal["", "security", "runs"] = Field("", description="One of the quick filters of the page.")


class LogQuery(LogFilter, ListQuery):
    """A page of what is wanted."""


class ActorOut(Schema):
    """Who did it."""

    kind: Annotated[str, OneOf(("user", "token", "system"))]
    label: str


class LogOut(Schema):
    """One event, or one step of a run; `run` is the issuance, the run or the deployment around it.

    Admins alone see `data`, the details by kind, the address `ip` that it came from, and the place in the chain:
    `number` and `hash`, null until it is sealed.
    """

    id: uuid.UUID
    at: datetime
    kind: str
    severity: Annotated[str, OneOf(("info", "warning", "critical"))]
    sentence: str
    actor: ActorOut
    domain: uuid.UUID | None
    hostname: str
    run: uuid.UUID | None
    data: dict[str, Any]
    ip: str | None
    number: int | None
    hash: str | None


@operation(router, "GET", "/logs", "log.view", query=LogQuery, response=Page[LogOut], summary="List what happened")
def list_logs(request: ApiRequest, query: LogQuery) -> dict[str, Any]:
    """Events, and the steps of runs as the kind `run.step`. Members get what the domains' activity logs show."""
    is_admin = request.role == "admin"
    wanted = replace(wanted_by(request.workspace, query), of_domains_only=not is_admin)
    before = open_cursor(query.cursor) if query.cursor else None
    lines = load_lines(request.workspace, wanted, before, query.limit + 1)
    shown = lines[: query.limit]
    following = make_cursor(*shown[-1].place) if len(lines) > query.limit else None
    return {"items": [show_line(line, is_admin=is_admin) for line in shown], "next": following}


@operation(
    router,
    "GET",
    "/logs/export.csv",
    "log.export",
    query=LogFilter,
    summary="What happened, as CSV",
    download="text/csv",
)
def export_csv(request: ApiRequest, query: LogFilter) -> StreamingHttpResponse:
    """All lines, newest first, then one for each day on which the chain was sealed, with its head."""
    wanted = wanted_by(request.workspace, query)
    record_export(request, query, "CSV")
    answer = StreamingHttpResponse(write_csv(request.workspace, wanted), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{export_name()}.csv"'
    return answer


@operation(
    router,
    "GET",
    "/logs/export.pdf",
    "log.export",
    query=LogFilter,
    summary="What happened, as PDF",
    download="application/pdf",
)
def export_pdf(request: ApiRequest, query: LogFilter) -> FileResponse:
    """The newest 50,000 lines at most; the document says so where there are more."""
    wanted = wanted_by(request.workspace, query)
    record_export(request, query, "PDF")
    written = later("auditlog.pages.pdf.write_pdf")(
        request.workspace, wanted, filters_in_words(query), request.actor.label
    )
    return FileResponse(written, content_type="application/pdf", as_attachment=True, filename=f"{export_name()}.pdf")


def wanted_by(workspace: Workspace, query: LogFilter) -> Wanted:
    """Raises Problem (422) where a time is none."""
    domains = None if query.domain_id is None else frozenset({query.domain_id})
    if query.hostname:
        called = domains_called(workspace, query.hostname)
        domains = called if domains is None else domains & called
    return Wanted(
        start=None if query.start is None else _moment("start", query.start, workspace),
        end=None if query.end is None else _moment("end", query.end, workspace, days=1),
        person=query.person,
        domains=domains,
        kind=query.kind,
        severity=query.severity,
        show=query.show,
    )


def filters_in_words(query: LogFilter) -> str:
    """`person: ann@example.net, severity: critical`, or that there are none."""
    given = query.model_dump(mode="json", exclude_defaults=True, include=set(LogFilter.model_fields))
    return ", ".join(f"{name}: {value}" for name, value in given.items() if value) or "everything"


def record_export(request: ApiRequest, query: LogFilter, form: str) -> None:
    told = {"form": form, "filters": filters_in_words(query)}
    record("log.exported", workspace_id=request.workspace.pk, actor=request.actor, data=told)


def export_name() -> str:
    return f"audit-log-{clock.now():%Y-%m-%d}"


def show_line(line: Line, *, is_admin: bool) -> dict[str, Any]:
    return {
        "id": line.key,
        "at": line.at,
        "kind": line.kind,
        "severity": line.severity,
        "sentence": line.what,
        "actor": {"kind": line.who_kind, "label": line.who},
        "domain": line.domain_id,
        "hostname": line.domain,
        "run": line.run_id,
        "data": line.data if is_admin else {},
        "ip": line.ip if is_admin else None,
        "number": line.number if is_admin else None,
        "hash": line.hash or None if is_admin else None,
    }


def _moment(field: str, text: str, workspace: Workspace, *, days: int = 0) -> datetime:
    """A moment as it stands; a day as its start in the workspace's time zone, `days` later."""
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    try:
        if DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=days)
            start = datetime(day.year, day.month, day.day, tzinfo=zone)
            return parse_moment(start.isoformat())
        return parse_moment(text)
    except (ValueError, OverflowError) as error:
        raise _bad(field) from error


def _bad(field: str) -> Problem:
    words = "Give a day as YYYY-MM-DD, or a moment with its offset, such as 2026-11-23T17:00:00Z."
    return Problem(422, "input_invalid", fields={field: words})
