"""The REST API under /api/: every room's operations in one document."""

import json
from collections.abc import Callable
from functools import cached_property, partial, wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.operation import Operation

from accounts.access import public_view
from accounts.documents import SHARED, refusal, security_schemes, workspace_parameter
from accounts.operations import routers
from accounts.problems import Problem, ProblemOut, handle_problems, respond

METHOD_NOT_ALLOWED = 405
DESCRIPTION = (
    "Everything the portal does. Errors are application/problem+json with a stable `code`; lists are pages by cursor; "
    "what is still at work answers 202 with the address to ask again."
)


# The rooms in reading order.
TAGS = {
    "People": "Who is calling, the workspace and its settings, its members.",
    "Domains": "Host names that are watched: what is served there, proof of ownership, what is wrong.",
    "Certificates": "Issuing by ACME, the certificates on file, and their bundles.",
    "Replacements": "Everything that an incident touched, replaced with new keys.",
    "Pull": "Tokens by which servers and jobs fetch their certificate themselves.",
    "CAs": "Where certificates come from: accounts, keys, and what limits leave.",
    "Readiness": "Whether the next renewal will succeed, rehearsed weeks before.",
    "Deployment": "Servers, targets, and deployments that are seen being served.",
    "Panels": "Accounts at cPanel, Plesk and Cloudflare, where certificates are installed without SSH.",
    "Billing": "The balance that automation is paid from, and its entries.",
    "Alerts": "Where messages go, who gets which, and what became of them.",
    "Logs": "What happened, and who did it.",
}


class PortalApi(NinjaAPI):
    """Completes the document, and answers wrong methods in the API's own form."""

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document; plain JSON values, built once, not to be changed."""
        document = json.loads(json.dumps(super().get_openapi_schema()))
        components = document["components"]
        components["schemas"]["ProblemOut"] = ProblemOut.model_json_schema()
        components["schemas"] = {plain_name(name): schema for name, schema in components["schemas"].items()}
        components["parameters"] = {"workspace": workspace_parameter()}
        components["responses"] = {name: refusal(status) for status, name in SHARED.items()}
        components["securitySchemes"] = security_schemes()
        _tidy(document["paths"])
        _tidy(components)
        return dict(document)

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        return self.document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        found = super()._get_urls()
        for pattern in found:
            if isinstance(pattern, URLPattern) and not isinstance(pattern.callback, partial):  # ninja's own two
                pattern.callback = _in_our_form(pattern.callback)
        return found


def plain_name(name: str) -> str:
    """`DomainOut` is Domain and `Page_DomainOut_` is DomainPage for whoever reads the document."""
    if name.startswith("Page_"):
        return plain_name(name.removeprefix("Page_").removesuffix("_")) + "Page"
    return name.removesuffix("Out")


def _tidy(node: Any) -> None:
    """References by plain names; titles only repeat the names."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            place, _, name = node["$ref"].rpartition("/")
            node["$ref"] = f"{place}/{plain_name(name)}"
        if isinstance(node.get("title"), str):
            del node["title"]
        for value in node.values():
            _tidy(value)


def _in_our_form(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != METHOD_NOT_ALLOWED:
            return response
        allowed = ", ".join(sorted(response["Allow"].split(", ")))
        refusal = respond(Problem(METHOD_NOT_ALLOWED, "method_not_allowed", method=request.method, allowed=allowed))
        refusal["Allow"] = allowed
        return refusal

    return answer


def build_api() -> PortalApi:
    """Collect the routers that the rooms' `api.py` modules registered."""
    autodiscover_modules("api")
    api = PortalApi(
        title=settings.SITE_NAME,
        version="1",
        description=DESCRIPTION,
        urls_namespace="api",
        docs_url=None,
        servers=[{"url": settings.SITE_URL}],
        openapi_extra={"tags": [{"name": name, "description": words} for name, words in TAGS.items()]},
        docs_decorator=public_view("the document describes operations and holds no data"),
    )
    for router in routers:
        api.add_router("", router)
    handle_problems(api)
    return api


api = build_api()


@csrf_exempt
@public_view("an unknown address answers 404 in the API's own form")
def no_such_operation(request: HttpRequest, rest: str = "") -> HttpResponse:
    return respond(Problem(404, "not_found"))
