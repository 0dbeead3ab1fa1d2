"""The REST API under /api/: every room's operations in one document."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from accounts.access import public_view
from accounts.operations import routers
from accounts.problems import Problem, ProblemOut, handle_problems, respond


class PortalApi(NinjaAPI):
    """Adds the shape of errors, which operations refer to, to the document."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**kwargs)
        document["components"]["schemas"]["Problem"] = ProblemOut.model_json_schema()
        return document


def build_api() -> NinjaAPI:
    """Collect the routers that the rooms' `api.py` modules registered."""
    autodiscover_modules("api")
    api = PortalApi(
        title=settings.SITE_NAME,
        version="1",
        description="Everything the portal does. Errors are application/problem+json with a stable `code`.",
        urls_namespace="api",
        docs_url=None,
        servers=[{"url": settings.SITE_URL}],
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
