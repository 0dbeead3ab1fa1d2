"""The API about batches: imports, and how far they are."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, ErrorOut, OneOf, Status, bad_field, operation, routers
from config.lib.errors import NeedsUser, describe
from domains.batches.reading import LINES_AT_MOST, read_rows
from domains.batches.shown import NOT_DONE, counts_of
from domains.batches.starting import begin_batch, draft_import
from domains.models import Batch, BatchKind, BatchState

router = Router(tags=["Domains"])
routers.add("batches", router)

SHOWN_AT_MOST = 500


class ImportIn(Schema):
    """Either `lines` or `csv`."""

    lines: list[Annotated[str, Field(max_length=300)]] | None = Field(
        None,
        max_length=LINES_AT_MOST,
        description="Host names, each as `host` or `host:port`.",
        examples=[["shop.example.net", "mail.example.net:465"]],
    )
    csv: str | None = Field(
        None,
        max_length=1024 * 1024,
        description="A CSV file's text; columns hostname, port, protocol, tags, notes, of which the first is needed.",
    )


class RefusedLineOut(ErrorOut):
    """A line that was not done; `hostname` is as it was given where it could not be read."""

    line: int
    hostname: str


class CountsOut(Schema):
    """How many lines are in each state; `waiting` are still to be done."""

    waiting: int
    done: int
    watched: int
    twice: int
    refused: int
    failed: int


class BatchOut(Schema):
    """Work over many domains; `refused` names what is not done and why, the first 500 of it."""

    id: uuid.UUID
    kind: Annotated[str, OneOf(BatchKind)]
    state: Annotated[str, OneOf(BatchState)]
    total: int
    counts: CountsOut
    created_at: datetime
    ended_at: datetime | None
    error: ErrorOut | None = Field(description="Why it stopped before its end.")
    refused: list[RefusedLineOut]


@operation(
    router,
    "POST",
    "/domains/import",
    "domain.add",
    body=ImportIn,
    response=Accepted,
    status=202,
    errors={
        "batches_full": 409,
        "batch_empty": 422,
        "batch_too_long": 422,
        "batch_too_large": 422,
        "batch_malformed": 422,
        "batch_both": 422,
    },
    summary="Add many domains",
)
def import_domains(request: ApiRequest, body: ImportIn) -> Any:
    """Lines that cannot be added are told in the batch, and stop nothing else. First visits are spread over minutes."""
    with bad_field("lines" if body.csv is None else "csv"):
        rows = read_rows(_text(body))
    user = request.membership.user
    batch = draft_import(workspace=request.workspace, actor=request.actor, user=user, rows=rows, source="the API")
    begin_batch(batch=batch, actor=request.actor, user=user)
    return Status(202, {"id": batch.pk, "url": f"/api/batches/{batch.pk}"})


def _text(body: ImportIn) -> str:
    if body.csv is None:
        return "\n".join(_one_line(line) for line in body.lines or ())
    if body.lines is not None:
        raise NeedsUser("batch_both")
    return body.csv


def _one_line(text: str) -> str:
    """Quoted, so that it stays one cell whatever is in it."""
    return '"' + " ".join(text.split()).replace('"', '""') + '"'


def load_batch(request: ApiRequest, batch_id: uuid.UUID) -> Batch:
    return get_object_or_404(Batch.objects.for_workspace(request.workspace), pk=batch_id)


@operation(
    router,
    "GET",
    "/batches/{id}",
    "domain.view",
    load=load_batch,
    response=BatchOut,
    summary="How far an import or a bulk action is",
)
def get_batch(request: ApiRequest, batch: Batch) -> dict[str, Any]:
    return show_batch(batch)


def show_batch(batch: Batch) -> dict[str, Any]:
    lines = batch.lines.filter(state__in=NOT_DONE).order_by("number")[:SHOWN_AT_MOST]
    return {
        "id": batch.pk,
        "kind": batch.kind,
        "state": batch.state,
        "total": batch.total,
        "counts": counts_of(batch),
        "created_at": batch.created_at,
        "ended_at": batch.ended_at,
        "error": _error(batch.error_code, batch.error_params) if batch.error_code else None,
        "refused": [{"line": line.number, "hostname": line.label, **_error(line.code, line.params)} for line in lines],
    }


def _error(code: str, params: dict[str, Any]) -> dict[str, str]:
    wording = describe(code, params)
    return {"code": code, "detail": wording.why, "fix": wording.fix}
