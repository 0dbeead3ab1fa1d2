"""Where Stripe tells of payments. It answers as soon as the message is kept; workers act on it."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.access import public_view
from billing.prices import is_on

# Stripe's messages are some kilobytes.
MOST_BYTES = 1_000_000


@csrf_exempt
@public_view("Stripe signs what it sends here")
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """204 for what was kept or concerns nobody, 400 for what Stripe did not sign just now."""
    from billing import messages, stripe_api  # The library is dear, and this is the one page that needs it.

    body = request.body
    secrets = [secret.strip() for secret in settings.STRIPE_WEBHOOK_SECRET.split(",") if secret.strip()]
    if not is_on() or not secrets or len(body) > MOST_BYTES:
        return HttpResponse(status=404 if not is_on() else 400)
    if not stripe_api.is_signed(body, request.headers.get("Stripe-Signature", ""), secrets):
        return HttpResponse("signature", status=400, content_type="text/plain")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return HttpResponse("json", status=400, content_type="text/plain")
    if isinstance(event, dict):
        messages.keep([event])
    return HttpResponse(status=204)
