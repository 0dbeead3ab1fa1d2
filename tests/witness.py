"""No test may get an answer from the API that its OpenAPI document does not promise.

A middleware of the test run, around all others: every test that asks the API, whatever it is about, also asks this.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonschema_rs
from django.http import HttpRequest, HttpResponse

from config.api import api

WRONG_METHOD = 405


def api_witness(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        operation = find_operation(request.method or "", request.path)
        if operation and response.status_code != WRONG_METHOD:
            broken = broken_promises(operation, response)
            assert broken == [], f"{request.method} {request.path}: {broken}"
        return response

    return middleware


def find_operation(method: str, path: str) -> dict[str, Any] | None:
    for pattern, operations in _patterns():
        if pattern.fullmatch(path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


@lru_cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    paths = api.document["paths"].items()
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), operations) for path, operations in paths]


def broken_promises(operation: dict[str, Any], response: HttpResponse) -> list[str]:
    """What the document does not say, or says differently, in words."""
    promised = operation["responses"].get(str(response.status_code))
    if promised is None:
        return [f"{response.status_code} is not documented: {response.content[:200]!r}"]
    promised = _resolved(promised)
    broken = [f"{name} is missing" for name in _required_headers(promised) if name not in response.headers]
    content_type = response.headers.get("Content-Type", "").partition(";")[0]
    contents = promised.get("content", {})
    if contents and content_type not in contents:
        return [*broken, f"{content_type!r} is not documented"]
    if not contents and response.content:
        return [*broken, "a body is not documented"]
    if "json" in content_type and contents:
        broken += _faults(json.dumps(contents[content_type]["schema"]), json.loads(response.content))
    return broken


def _required_headers(promised: dict[str, Any]) -> list[str]:
    return [name for name, header in promised.get("headers", {}).items() if header["required"]]


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = api.document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _faults(schema: str, answer: Any) -> list[str]:
    return [f"{error.instance_path}: {error.message[:300]}" for error in _validator(schema).iter_errors(answer)]


@lru_cache
def _validator(schema: str) -> Any:
    whole = {**json.loads(schema), "components": api.document["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
