"""What the OpenAPI document says about an operation beyond what ninja sees: who may call it, input, refusals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from django.conf import settings
from ninja import Schema
from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from accounts.policy import ACTIONS_NEEDING_VERIFIED_EMAIL, is_allowed
from accounts.problems import CONTENT_TYPE

TOKEN, SESSION, CSRF = "ApiToken", "Session", "CsrfToken"
WORKSPACE = {"$ref": "#/components/parameters/workspace"}

REFUSALS = {
    401: "Not signed in",
    402: "The balance is too low",
    403: "Role or scope too low, or the e-mail address is not confirmed",
    404: "Not found: unknown and foreign ids alike",
    409: "Not possible now",
    413: "The body is too large",
    422: "Bad input; `fields` names what is wrong",
    429: "Too many requests",
    503: "Works by itself later",
}
# These are the same everywhere and stand in the document once, under these names.
SHARED = {
    401: "NotSignedIn",
    403: "NotAllowed",
    404: "NotFound",
    413: "TooLarge",
    422: "BadInput",
    429: "TooManyRequests",
}
ANSWERS = {200: "Done", 201: "Made", 202: "Still at work; ask `url` again", 204: "Done; there is no body"}


def _header(words: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"description": words, "required": required, "schema": schema}


_SECONDS = {"type": "integer", "minimum": 1}
HEADERS = {
    401: {"WWW-Authenticate": _header("The scheme to use.", {"type": "string", "const": "Bearer"})},
    429: {"Retry-After": _header("Seconds until the next request is answered.", _SECONDS)},
    503: {"Retry-After": _header("Seconds until it is worth asking again, if known.", _SECONDS, required=False)},
}


class OneOf:
    """`Annotated[str, OneOf(State)]`: the document lists the values; nothing is checked here."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = [str(value) for value in values]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "enum": self.values}


@dataclass(frozen=True)
class Promise:
    """What the document promises of one operation; `errors` is None where its codes are not listed."""

    action: str
    scope: str
    needs_freshness: bool
    changes: bool
    statuses: tuple[int, ...]
    summary: str
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    errors: Mapping[str, int] | None = None
    download: str = ""


def security_schemes() -> dict[str, Any]:
    """The ways to sign in, by the names that operations refer to."""
    return {
        TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "mmc_…",
            "description": "An API token of one workspace, made under Settings, API tokens.",
        },
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The browser's session. With several workspaces, add `?workspace=<id>`.",
        },
        CSRF: {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "A change by a signed-in session carries the CSRF token of its page.",
        },
    }


def workspace_parameter() -> dict[str, Any]:
    return {
        "in": "query",
        "name": "workspace",
        "description": "Which workspace a signed-in session means; a token belongs to one already.",
        "required": False,
        "schema": {"type": "string", "format": "uuid"},
    }


def describe_operation(promise: Promise, words: str | None) -> dict[str, Any]:
    """To be merged into what ninja writes about the operation; `words` is its docstring."""
    needs = _needs(promise)
    extra: dict[str, Any] = {
        **({"summary": promise.summary} if promise.summary else {}),
        "description": "\n\n".join(filter(None, (cleandoc(words or ""), needs_in_words(needs)))),
        "x-needs": needs,
        "security": _security(promise),
        "parameters": [*(_parameters(promise.query) if promise.query else ()), WORKSPACE],
        "responses": _answers(promise) | _refusals(promise),
    }
    if promise.body:
        schema = inlined(promise.body)
        extra["requestBody"] = {
            "content": {"application/json": {"schema": schema}},
            "required": bool(schema.get("required")),
        }
    return extra


def _needs(promise: Promise) -> dict[str, Any]:
    """`role` is the lowest that will do, `fresh` that a session has to confirm again who it is."""
    return {
        "action": promise.action,
        "role": "member" if is_allowed("member", promise.action) else "admin",
        "scope": promise.scope,
        "confirmed_email": promise.action in ACTIONS_NEEDING_VERIFIED_EMAIL,
        "fresh": promise.needs_freshness,
    }


def needs_in_words(needs: Mapping[str, Any]) -> str:
    who = "members and admins" if needs["role"] == "member" else "admins"
    proven = " whose e-mail address is confirmed" if needs["confirmed_email"] else ""
    fresh = "; a signed-in session confirms again who it is first" if needs["fresh"] else ""
    return f"For {who}{proven}. A token needs the scope {needs['scope']}{fresh}."


def _security(promise: Promise) -> list[dict[str, list[str]]]:
    session: dict[str, list[str]] = {SESSION: [], CSRF: []} if promise.changes else {SESSION: []}
    return [{TOKEN: [promise.scope]}, session]


def _answers(promise: Promise) -> dict[int, Any]:
    answers: dict[int, Any] = {status: {"description": ANSWERS[status]} for status in promise.statuses}
    if promise.download:
        answers[200]["content"] = {promise.download: {"schema": {"type": "string", "format": "binary"}}}
    return answers


def _refusals(promise: Promise) -> dict[int, Any]:
    codes: dict[int, list[str]] = {status: [] for status in (401, 403, 404, 422, 429)}
    if promise.body:
        codes[413] = []
    if promise.errors is None and promise.changes:
        codes |= {409: [], 503: []}
    for code, status in (promise.errors or {}).items():
        codes.setdefault(status, []).append(code)
    return {status: _refusal(status, codes[status]) for status in sorted(codes)}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    """By its name where every operation refuses alike, else with the codes that may come."""
    if not codes and status in SHARED:
        return {"$ref": f"#/components/responses/{SHARED[status]}"}
    return refusal(status) | ({"x-codes": codes} if codes else {})


def refusal(status: int) -> dict[str, Any]:
    """A refusal written out."""
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    written: dict[str, Any] = {"description": REFUSALS[status], "content": {CONTENT_TYPE: {"schema": schema}}}
    return written | ({"headers": HEADERS[status]} if status in HEADERS else {})


def _parameters(query: type[Schema]) -> list[dict[str, Any]]:
    schema = inlined(query)
    required = schema.get("required", ())
    return [
        {
            "in": "query",
            "name": name,
            "description": details.pop("description", ""),
            "schema": details,
            "required": name in required,
        }
        for name, details in schema["properties"].items()
    ]


def inlined(schema: type[Schema]) -> dict[str, Any]:
    """The JSON schema with its `$defs` put where they are used, so that it can stand anywhere."""
    document = schema.model_json_schema()
    definitions = document.pop("$defs", {})

    def place(node: Any) -> Any:
        if isinstance(node, list):
            return [place(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return place({**definitions[node["$ref"].rpartition("/")[2]], **beside})
        return {key: place(value) for key, value in node.items()}

    placed: dict[str, Any] = place(document)
    return placed
