"""Everything that can be asked for: each URL with its stated policy, each API operation with its."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.access import Access
from config.api import api

# Other people's pages, by where their views come from. They state no policy in our form.
THIRD_PARTY = {
    "allauth.": "sign-in, sign-up and a person's own account; allauth's decorators guard them, its own pages only",
    "django.contrib.admin": "Django's admin lets in active staff only; tests/unit/accounts/test_admin.py asks it",
    "django.contrib.contenttypes": "the admin's 'view on site' link, behind the admin's door",
    "django.views.generic.base": "allauth's redirects from old addresses to new ones",
    "ninja.openapi": "the API's root answers 404 and nothing else",
}
# ninja's one view per path; what stands behind it is asked operation by operation.
OPERATIONS = "ninja.operation"


@dataclass(frozen=True)
class Page:
    """One URL pattern. `names` are its arguments in order."""

    route: str
    names: tuple[str, ...]
    module: str
    access: Access | None

    def path(self, values: dict[str, Any]) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), self.route)


@dataclass(frozen=True)
class ApiOperation:
    method: str
    path: str
    access: Access | None
    body: dict[str, Any] | None
    statuses: frozenset[int]
    # The fields of its query that take an id, `workspace` aside, which says where one stands.
    query_ids: tuple[str, ...] = ()


def pages(resolver: URLResolver | None = None, before: str = "") -> Iterator[Page]:
    """Every pattern below `resolver`, the whole portal's by default."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + _route(entry)
        if isinstance(entry, URLResolver):
            yield from pages(entry, route)
        elif isinstance(entry, URLPattern):
            yield _page(entry, route)


def _page(entry: URLPattern, route: str) -> Page:
    view = entry.callback
    names = tuple(re.findall(r"<(?:\w+:)?(\w+)>", route))
    module = getattr(view, "func", view).__module__  # a partial speaks of functools otherwise
    return Page(route, names, module, getattr(view, "access", None))


def _route(entry: URLPattern | URLResolver) -> str:
    return str(entry.pattern) if isinstance(entry.pattern, RoutePattern) else f"^{entry.pattern.regex.pattern}"


def unstated(found: Iterator[Page]) -> list[str]:
    """Routes whose view carries no policy and is not one of the listed third parties'."""
    return [page.route for page in found if page.access is None and not is_third_party(page)]


def is_third_party(page: Page) -> bool:
    return page.module.startswith((OPERATIONS, *THIRD_PARTY))


def operations() -> Iterator[ApiOperation]:
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                extra = operation.openapi_extra or {}
                body = extra.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
                access = getattr(operation.view_func, "access", None)
                statuses = frozenset(code for code in operation.response_models if isinstance(code, int))
                query_ids = tuple(_ids_in_query(extra.get("parameters", ())))
                yield ApiOperation(operation.methods[0], path, access, body, statuses, query_ids)


def _ids_in_query(parameters: Iterable[dict[str, Any]]) -> Iterator[str]:
    for parameter in parameters:
        if "$ref" not in parameter and "uuid" in json.dumps(parameter["schema"]):
            yield parameter["name"]
