"""Pages that belong to no room."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from config.pausing import current_pause


def site_context(request: HttpRequest) -> dict[str, Any]:
    """What every template may use."""
    return {
        "site_name": settings.SITE_NAME,
        "debug": settings.DEBUG,
        "has_google": bool(settings.GOOGLE_CLIENT_ID),
        # Asked for by the template, and only for staff: the others' pages need not pay for it.
        "current_pause": current_pause,
    }
