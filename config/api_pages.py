"""The API's reference at /docs/api/, rendered from our own OpenAPI document."""

from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import public_view
from accounts.api_limits import LIMIT
from accounts.paging import ListQuery
from config.api import api
from config.api_reference import Room, read_fields, read_item, read_rooms
from config.docs_pages import list_entries


@public_view("documentation is for everybody")
def show_api(request: HttpRequest) -> HttpResponse:
    """How to call it, and all operations at a glance."""
    context = {
        "entries": list_entries("api"),
        "rooms": list_rooms(),
        "base": f"{settings.SITE_URL}/api",
        "example": f'curl {settings.SITE_URL}/api/me \\\n  -H "Authorization: Bearer $TOKEN"',
        "session_cookie": settings.SESSION_COOKIE_NAME,
        "limit": LIMIT,
        "problem": read_item(api.document, "Problem"),
        "accepted": read_item(api.document, "Accepted"),
        "paging": read_fields(ListQuery.model_json_schema()),
    }
    return render(request, "docs/api.html", context)


@public_view("documentation is for everybody")
def show_api_room(request: HttpRequest, slug: str) -> HttpResponse:
    """The operations of one room and the objects that they answer with."""
    room = next((room for room in list_rooms() if room.slug == slug), None)
    if room is None:
        raise Http404(slug)
    return render(request, "docs/api_room.html", {"entries": list_entries("api"), "rooms": list_rooms(), "room": room})


@lru_cache(maxsize=1)
def list_rooms() -> tuple[Room, ...]:
    """Read once per process; the document is part of the release."""
    return read_rooms(api.document)
