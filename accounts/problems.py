"""API errors: problem details (RFC 9457) whose words come from the catalogue."""

import contextlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError
from pydantic import Field, ValidationError

from config.lib import clock
from config.lib.errors import ExpectedError, Transient, describe

log = logging.getLogger("api")

CONTENT_TYPE = "application/problem+json"
# A body of two megabytes may be wrong in a million places.
MOST_FIELDS = 50


class Problem(Exception):
    """Ends an operation with `status` and the words of `code`; `fields` names bad input by its path."""

    def __init__(
        self,
        status: int,
        code: str,
        /,  # `params` may hold a CA's own `status` and `code`
        *,
        fields: Mapping[str, str] | None = None,
        retry_after: int | None = None,
        **params: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.fields = dict(fields) if fields else None
        self.retry_after = retry_after
        self.params = params


class ProblemOut(Schema):
    """Every refusal, as RFC 9457 describes it."""

    status: int = Field(description="The HTTP status.")
    title: str = Field(description="What happened.")
    detail: str = Field(description="Why.")
    code: str = Field(description="Stable; for scripts.")
    fix: str = Field(description="What to do.")
    fields: dict[str, str] = Field({}, description="For bad input only: what is wrong, by the field's path.")


class ErrorOut(Schema):
    """Why something did not work; `code` as in the list of errors."""

    code: str
    detail: str
    fix: str


@contextlib.contextmanager
def bad_field(name: str) -> Iterator[None]:
    """An ExpectedError raised inside is bad input: 422 with `fields` naming `name`."""
    try:
        yield
    except ExpectedError as error:
        why = describe(error.code, error.params).why
        raise Problem(422, error.code, fields={name: why}, **error.params) from error


def to_problem(error: ExpectedError, statuses: Mapping[str, int]) -> Problem:
    """409 for what a person must change, 503 for what passes by itself, unless `statuses` names the code."""
    default = 503 if isinstance(error, Transient) else 409
    wait = None
    if isinstance(error, Transient) and error.retry_at:
        wait = max(1, math.ceil((error.retry_at - clock.now()).total_seconds()))
    return Problem(statuses.get(error.code, default), error.code, retry_after=wait, **error.params)


def invalid_input(error: ValidationError) -> Problem:
    """pydantic's first findings as `fields`, without the input itself, which may be a secret."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MOST_FIELDS]
    fields = {".".join(str(part) for part in one["loc"]) or "body": one["msg"] for one in found}
    return Problem(422, "input_invalid", fields=fields, names=list(fields))


def respond(problem: Problem) -> HttpResponse:
    wording = describe(problem.code, problem.params)
    body: dict[str, Any] = {
        "status": problem.status,
        "title": wording.title,
        "detail": wording.why,
        "code": problem.code,
        "fix": wording.fix,
    }
    if problem.fields:
        body["fields"] = problem.fields
    response = HttpResponse(json.dumps(body), status=problem.status, content_type=CONTENT_TYPE)
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


def handle_problems(api: NinjaAPI) -> None:
    """Every exception that leaves an operation becomes a problem, bugs included."""
    for kind in (Problem, ExpectedError, *PLAIN, Exception):
        api.add_exception_handler(kind, _handle)


PLAIN: dict[type[Exception], tuple[int, str]] = {
    AuthenticationError: (401, "not_signed_in"),
    Http404: (404, "not_found"),
    PermissionDenied: (403, "role_too_low"),
    RequestDataTooBig: (413, "body_too_large"),
    SuspiciousOperation: (422, "request_malformed"),
    BadRequest: (422, "request_malformed"),
    MultiPartParserError: (422, "request_malformed"),
}


def _handle(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if isinstance(error, Problem):
        return respond(error)
    if isinstance(error, ExpectedError):
        return respond(to_problem(error, {}))
    for kind, (status, code) in PLAIN.items():
        if isinstance(error, kind):
            return respond(Problem(status, code))
    log.error("api.crashed", extra={"path": request.path}, exc_info=error if isinstance(error, Exception) else None)
    return respond(Problem(500, "internal_error"))
