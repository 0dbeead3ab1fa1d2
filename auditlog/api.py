"""The API about what happened."""

import re
import uuid
import zoneinfo
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from ninja import Router, Schema
from pydantic import Field, WithJsonSchema

from accounts.api import ApiRequest, ListQuery, OneOf, Page, Problem, operation, page_of, routers
from accounts.models import Workspace
from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages.exports import csv_of, pdf_of
from config.lib.moments import parse_moment

router = Router(tags=["Logs"])
routers.add("logs", router)

DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


type Moment = Annotated[
    str, WithJsonSchema({"anyOf": [{"type": "string", "format": kind} for kind in ("date", "date-time")]})
]


class LogQuery(ListQuery):
    """`start` and `end` are `YYYY-MM-DD` (whole days of the workspace's time zone, `end` included) or RFC 3339."""

    start: Moment | None = Field(None, description="From this day or moment on.")
    end: Moment | None = Field(None, description="Up to the end of this day, or before this moment.")
    domain_id: uuid.UUID | None = Field(None, description="Only what concerns this domain.")


class ActorOut(Schema):
    """Who did it."""

    kind: Annotated[str, OneOf(("user", "token", "system"))]
    label: str


class LogOut(Schema):
    """One event; `run` is the run or deployment that it belongs to, `data` its details by kind."""

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


@operation(router, "GET", "/logs", "log.view", query=LogQuery, response=Page[LogOut], summary="List what happened")
def list_logs(request: ApiRequest, query: LogQuery) -> dict[str, Any]:
    rows = Event.objects.for_workspace(request.workspace)
    if query.domain_id:
        rows = rows.filter(domain_id=query.domain_id)
    return page_of(_between(rows, query, request.workspace), query, show_event, at="at")


class ExportQuery(Schema):
    """As of `GET /logs`, and all of it."""

    start: Moment | None = Field(None, description="From this day or moment on.")
    end: Moment | None = Field(None, description="Up to the end of this day, or before this moment.")
    domain_id: uuid.UUID | None = Field(None, description="Only what concerns this domain.")


@operation(
    router,
    "GET",
    "/logs/export.csv",
    "log.export",
    query=ExportQuery,
    summary="Export what happened as CSV",
    download="text/csv",
)
def export_csv(request: ApiRequest, query: ExportQuery) -> HttpResponseBase:
    return csv_of(request.workspace, _chosen(request, query), _words(query), request.actor)


@operation(
    router,
    "GET",
    "/logs/export.pdf",
    "log.export",
    query=ExportQuery,
    summary="Export what happened as PDF",
    download="application/pdf",
)
def export_pdf(request: ApiRequest, query: ExportQuery) -> HttpResponseBase:
    return pdf_of(request.workspace, _chosen(request, query), _words(query), request.actor)


def _chosen(request: ApiRequest, query: ExportQuery) -> QuerySet[Event]:
    rows = Event.objects.for_workspace(request.workspace).order_by("-at", "-id")
    if query.domain_id:
        rows = rows.filter(domain_id=query.domain_id)
    return _between(rows, query, request.workspace)


def _words(query: ExportQuery) -> list[str]:
    told = {"from": query.start, "to": query.end, "domain": query.domain_id}
    return [f"{name}: {value}" for name, value in told.items() if value]


def show_event(event: Event) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at,
        "kind": event.kind,
        "severity": event.severity,
        "sentence": sentence(event),
        "actor": {"kind": event.actor_kind, "label": event.actor_label},
        "domain": event.domain_id,
        "hostname": event.domain_label,
        "run": event.run_id,
        "data": event.data,
    }


def _between(rows: QuerySet[Event], query: LogQuery | ExportQuery, workspace: Workspace) -> QuerySet[Event]:
    if query.start is not None:
        rows = rows.filter(at__gte=_moment("start", query.start, workspace))
    if query.end is not None:
        rows = rows.filter(at__lt=_moment("end", query.end, workspace, days=1))
    return rows


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
