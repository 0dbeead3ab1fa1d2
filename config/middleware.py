"""Middleware of our own."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def private_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Pages of signed-in people are never kept by shared caches nor shown after signing out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        user = getattr(request, "user", None)
        is_private = "Authorization" in request.headers or (user is not None and user.is_authenticated)
        if is_private and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response

    return middleware
