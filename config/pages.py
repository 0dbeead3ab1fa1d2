"""Pages that belong to no room."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site_context(request: HttpRequest) -> dict[str, Any]:
    """What every template may use."""
    return {"site_name": settings.SITE_NAME, "debug": settings.DEBUG, "has_google": bool(settings.GOOGLE_CLIENT_ID)}
