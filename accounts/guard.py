"""Setting a first password is a way in for ever, so it waits for a fresh proof; allauth asks for none."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.access import to_reauthentication
from accounts.fresh import is_fresh

# Whatever allauth guards itself asks AccountAdapter.is_reauthentication_required.
GUARDED = frozenset({"account_set_password"})


def fresh_first_password(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.url_name if request.resolver_match else ""
        if name not in GUARDED or not request.user.is_authenticated or is_fresh(request):
            return None
        return to_reauthentication(request)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware
