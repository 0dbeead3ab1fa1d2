"""A proof that waits in the session until the password of its address's account has been entered."""

import time
from dataclasses import asdict

from django.http import HttpRequest

from accounts.google.state import Returned, returned_from

KEY = "google_waits_for_password"
SECONDS = 600


def remember(request: HttpRequest, returned: Returned) -> None:
    request.session[KEY] = {"until": time.time() + SECONDS, "returned": asdict(returned)}


def recall(request: HttpRequest) -> Returned | None:
    """None when nothing waits, or not any more."""
    kept = request.session.get(KEY)
    if not kept or kept["until"] < time.time():
        return None
    return returned_from(kept["returned"])


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)
