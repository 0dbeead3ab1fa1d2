"""Fresh authentication: private keys, tokens, team and money wait for a proof that is minutes old.

Signing in is none: a stolen session must not reach keys. allauth takes people who have neither a password
nor a second factor for fresh at all times; here they are not, and Google is asked again.
"""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest


def is_fresh(request: HttpRequest | Any) -> bool:
    """Whether the person at the browser has proven within ACCOUNT_REAUTHENTICATION_TIMEOUT who they are."""
    if not request.user.is_authenticated:
        return False
    proofs = [each["at"] for each in get_authentication_records(request, request.user) if each.get("reauthenticated")]
    return bool(proofs) and time.time() - proofs[-1] < app_settings.REAUTHENTICATION_TIMEOUT
