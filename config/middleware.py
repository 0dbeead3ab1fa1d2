"""Middleware of our own."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


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
