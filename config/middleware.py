"""Middleware of our own."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.lib.log_context import logged_with
from config.lib.redact import LOG_ID

log = logging.getLogger("web")

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Asked every few seconds by machines; their lines would be most of the log.
_UNTOLD = frozenset({"healthz", "readyz", "metrics"})


def request_ids(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Every request has an id, in its answer and in all log lines that it causes, and a line when it is answered.

    A proxy in front may name it (X-Request-ID); nobody else may. The line has the pattern of the path instead of
    the path, which may hold what a mailed link holds.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        began, name = time.monotonic(), _request_id(request)
        setattr(request, LOG_ID, name)
        with logged_with(request=name):
            response = get_response(request)
            match = request.resolver_match
            if match and match.url_name not in _UNTOLD:
                took = round((time.monotonic() - began) * 1000)
                fields = {"method": request.method, "route": match.route, "status": response.status_code, "ms": took}
                log.info("request.answered", extra=fields)
        response["X-Request-ID"] = name
        return response

    return middleware


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "") if settings.TRUSTED_PROXY_COUNT else ""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def private_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Pages of signed-in people are never kept by shared caches nor shown after signing out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "Cache-Control" in response:  # before anybody asks who it is: that would open the session
            return response
        user = getattr(request, "user", None)
        is_private = "Authorization" in request.headers or (user is not None and user.is_authenticated)
        if is_private:
            response["Cache-Control"] = "no-store"
        return response

    return middleware
