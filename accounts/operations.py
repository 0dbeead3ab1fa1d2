"""`operation()`: one API operation with its policy, its refusals in the promised order, and its documents."""

import inspect
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Router, Schema
from pydantic import ValidationError, WithJsonSchema

from accounts.access import Access, has_verified_email, lacks_second_factor
from accounts.callers import ApiRequest, BearerToken, SignedInSession
from accounts.documents import Promise, describe_operation
from accounts.fresh import is_fresh
from accounts.policy import ACTIONS_NEEDING_VERIFIED_EMAIL, POLICY, is_allowed
from accounts.problems import Problem, invalid_input, to_problem
from config.lib.errors import ExpectedError
from config.lib.registry import Registry

type Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
type Scope = Literal["read", "write", "keys"]
type Load = Callable[..., Any]

# Rooms add theirs in their `api.py`; config.api mounts them all under /api/.
routers: Registry[Router] = Registry("API routers")

# Any text is taken here and judged after sign-in: a malformed id is as unknown as a foreign one.
type PathId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]

AUTH = (BearerToken(), SignedInSession())


class Accepted(Schema):
    """202: still at work; poll `url`."""

    id: uuid.UUID
    url: str


def operation(
    router: Router,
    method: Method,
    path: str,
    action: str,
    *,
    scope: Scope | None = None,
    fresh: bool = False,
    load: Load | None = None,
    check: Load | None = None,
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    response: Any = None,
    status: int = 200,
    errors: Mapping[str, int] | None = None,
    summary: str = "",
    download: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare one operation; `path` has its ids as `{id}`, which arrive as UUIDs.

    Called as `op(request, *ids, query=…, body=…)`, the last two where a schema is given; with `load(request, *ids)`,
    which raises Http404, as `op(request, what it returned, …)`. `check(request, the same)` may refuse before the
    body is read. Returns what `response` describes under `status`, or `Status(202, …)` where it maps statuses, or a
    `download` of that type. `scope`: read for GET, else write; `fresh` asks a session for fresh re-authentication,
    and `keys` always does. `errors`: each ExpectedError's status (else 409, 503). Refused in this order: 401, 404,
    403, 402/409, 422.
    """
    rules = _Rules(action, scope or _usual_scope(method), fresh, load, check, query, body, errors or {})
    answers = response if isinstance(response, Mapping) else {status: response}
    told = (action, rules.scope, rules.needs_freshness, method != "GET", tuple(answers), summary)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        extra = describe_operation(Promise(*told, query, body, errors, download), function.__doc__)
        declare = router.api_operation([method], path, auth=AUTH, response=answers, openapi_extra=extra)
        declare(_guarded(function, rules, re.findall(r"{(\w+)}", path)))
        return function

    return decorate


@dataclass(frozen=True)
class _Rules:
    """What `operation` was told; see there."""

    action: str
    scope: Scope
    is_fresh_wanted: bool
    load: Load | None
    check: Load | None
    query: type[Schema] | None
    body: type[Schema] | None
    errors: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.action not in POLICY:
            raise LookupError(f"{self.action!r} is not in accounts.policy.POLICY")

    @property
    def needs_freshness(self) -> bool:
        return self.is_fresh_wanted or self.scope == "keys"


def _usual_scope(method: Method) -> Scope:
    return "read" if method == "GET" else "write"


def _guarded(function: Callable[..., Any], rules: _Rules, names: list[str]) -> Callable[..., Any]:
    """The function as ninja calls it, behind its refusals in their order."""

    def run(request: ApiRequest, **ids: str) -> Any:
        given = [_parse_id(ids[name]) for name in names]
        found = [rules.load(request, *given)] if rules.load else given
        _refuse(request, rules)
        try:
            if rules.check:
                rules.check(request, *found)
            return function(request, *found, **_input(request, rules.query, rules.body))
        except ExpectedError as error:
            raise to_problem(error, rules.errors) from error

    run.__name__, run.__module__, run.__doc__ = function.__name__, function.__module__, function.__doc__
    run.__signature__ = _signature(names)  # type: ignore[attr-defined]
    run.access = Access("operation", rules.action, fresh=rules.needs_freshness)  # type: ignore[attr-defined]
    return run


def _signature(names: list[str]) -> inspect.Signature:
    parameter = partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([parameter("request"), *(parameter(name, annotation=PathId.__value__) for name in names)])


def _parse_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Http404("no such row") from error


def _refuse(request: ApiRequest, rules: _Rules) -> None:
    """403 in all its kinds; a signed-in session has every scope, and may have to be fresh instead."""
    if not is_allowed(request.role, rules.action):
        raise Problem(403, "role_too_low")
    if not request.token and lacks_second_factor(request):
        raise Problem(403, "second_factor_required")
    if request.token and rules.scope not in request.token.scopes:
        raise Problem(403, "key_scope_required" if rules.scope == "keys" else "scope_missing", scope=rules.scope)
    if rules.action in ACTIONS_NEEDING_VERIFIED_EMAIL and not has_verified_email(request.membership.user):
        raise Problem(403, "email_unverified")
    if rules.needs_freshness and not request.token and not is_fresh(request):
        raise Problem(403, "reauthentication_needed")


def _input(request: ApiRequest, query: type[Schema] | None, body: type[Schema] | None) -> dict[str, Any]:
    read: dict[str, Any] = {}
    try:
        if query:
            read["query"] = query.model_validate(_without_nul(request.GET.dict()))
        if body:
            # Strict: "443" is no port, and 1 is no yes.
            read["body"] = body.model_validate_json(json.dumps(_without_nul(_json(request))), strict=True)
    except ValidationError as error:
        raise invalid_input(error) from error
    return read


def _without_nul(given: Any, name: str = "body") -> Any:
    """What was given; PostgreSQL refuses NUL in any text, so we do before it. `name` is the field's path."""
    if isinstance(given, str) and "\0" in given:
        raise Problem(422, "input_invalid", fields={name: "NUL is not allowed in text."}, names=[name])
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(given, dict):
        parts = given.items()
    elif isinstance(given, list):
        parts = enumerate(given)
    for key, value in parts:
        _without_nul(value, str(key).replace("\0", "") if name == "body" else f"{name}.{key}")
    return given


def _json(request: ApiRequest) -> dict[str, Any]:
    """The body as a JSON object; none at all counts as an empty one."""
    try:
        given = json.loads(request.body or b"{}")
        # What no UTF-8 can say, such as half a surrogate pair, no database stores.
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise Problem(422, "body_malformed", fields={"body": "This is not JSON."}) from error
    if not isinstance(given, dict):
        raise Problem(422, "body_malformed", fields={"body": "This is not a JSON object."})
    return given
