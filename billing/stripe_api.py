"""Stripe by its own library, over egress. Only workers ask, with no transaction open.

Our jobs repeat what failed, so the library does not; whoever moves money gives a key of the row that it is for.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import stripe
from django.conf import settings

from config.lib import egress
from config.lib.errors import NeedsUser, Permanent, Transient

SECONDS = 30.0
_MOST_BYTES = 2_000_000
# Declines that a new day may mend; all others want another card or a person (Stripe's list of decline codes).
SOFT = frozenset({"insufficient_funds", "try_again_later", "processing_error", "issuer_not_available"})
NEEDS_PERSON = "authentication_required"


class Declined(NeedsUser):
    """The card was not charged. `intent` is the payment that was tried, `is_final`: no other try with this card."""

    def __init__(self, code: str, *, decline: str, intent: str) -> None:
        super().__init__(code, decline=decline)
        self.intent = intent
        self.is_final = decline not in SOFT


class _OverEgress(stripe.HTTPClient):
    """The library's transport."""

    name = "egress"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        told = {name: value for name, value in (headers or {}).items() if value is not None}
        try:
            answer = egress.http(
                method.upper(),
                url,
                headers=told,
                body=body,
                deadline=egress.Deadline(SECONDS),
                max_bytes=_MOST_BYTES,
            )
        except (egress.Unreachable, egress.Refused) as error:
            raise stripe.APIConnectionError(error.code, should_retry=False) from error  # type: ignore[no-untyped-call]
        return answer.body.decode("utf-8", "replace"), answer.status, answer.headers

    def close(self) -> None:
        """Every request has a connection of its own."""


def client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,
        http_client=_OverEgress(),
    )


@contextmanager
def asking() -> Iterator[stripe.StripeClient]:
    """Stripe's refusals as ours: Declined, Transient `stripe_away`, Permanent `stripe_refused`. Blocks."""
    try:
        yield client()
    except stripe.CardError as error:
        raise _declined(error) from error
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise Transient("stripe_away", answer=_words(error)) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # The operator's key: nothing that was paid may be given up for it.
        raise Transient("stripe_key_refused", answer=_words(error)) from error
    except stripe.IdempotencyError as error:
        raise Permanent("stripe_asked_otherwise", answer=_words(error)) from error
    except stripe.InvalidRequestError as error:
        is_gone = error.code == "resource_missing" and error.param == "customer"
        code = "stripe_customer_gone" if is_gone else "stripe_refused"
        raise Permanent(code, answer=_words(error), status=error.http_status) from error
    except stripe.StripeError as error:
        _raise_by_status(error)


def _raise_by_status(error: stripe.StripeError) -> NoReturn:
    if error.http_status and error.http_status < 500 and error.http_status != 409:
        raise Permanent("stripe_refused", answer=_words(error), status=error.http_status) from error
    raise Transient("stripe_away", answer=_words(error)) from error


def _words(error: stripe.StripeError) -> str:
    return " ".join(str(error.user_message or error).split())[:300]


def _declined(error: stripe.CardError) -> Declined:
    told = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
    decline = str(told.get("decline_code") or error.code or "generic_decline")
    intent = told.get("payment_intent") or {}
    return Declined(decline_code(decline), decline=decline, intent=str(intent.get("id", "")))


def decline_code(decline: str) -> str:
    """The catalogue's code: what a person can do about it. Stripe asks not to tell of lost and stolen cards."""
    if decline == NEEDS_PERSON:
        return "card_needs_you"
    if decline in ("expired_card", "incorrect_cvc", "invalid_account", "incorrect_number"):
        return "card_unusable"
    return "card_without_funds" if decline == "insufficient_funds" else "card_declined"


def open_customer(workspace_id: uuid.UUID, name: str, key: str) -> str:
    """One for a key, however often it is asked for within a day."""
    with asking() as stripe_:
        told = {"name": name, "metadata": {"workspace": str(workspace_id)}}
        made = stripe_.v1.customers.create(told, {"idempotency_key": key})  # type: ignore[arg-type]
        return made.id


def open_session(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    with asking() as stripe_:
        made = stripe_.v1.checkout.sessions.create(dict(told), {"idempotency_key": key})  # type: ignore[arg-type]
        return made.to_dict()


def session_of(number: str) -> dict[str, Any]:
    """With the payment, its card and its receipt, and with the invoice."""
    expand = [
        "payment_intent.payment_method",
        "payment_intent.latest_charge",
        "setup_intent.payment_method",
        "invoice",
    ]
    with asking() as stripe_:
        return stripe_.v1.checkout.sessions.retrieve(number, {"expand": expand}).to_dict()


def charge_card(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A payment without the customer. Raises Declined; never with another key for the same row."""
    with asking() as stripe_:
        made = stripe_.v1.payment_intents.create(dict(told), {"idempotency_key": key})  # type: ignore[arg-type]
        return made.to_dict()


def intent_of(number: str) -> dict[str, Any]:
    with asking() as stripe_:
        found = stripe_.v1.payment_intents.retrieve(number, {"expand": ["payment_method", "latest_charge"]})
        return found.to_dict()


def intents_for(customer: str, since: int) -> list[dict[str, Any]]:
    """The newest hundred of a customer, from `since` (unix seconds)."""
    with asking() as stripe_:
        found = stripe_.v1.payment_intents.list({"customer": customer, "created": {"gte": since}, "limit": 100})
        return [one.to_dict() for one in found.data]


def refunds_of(intent: str) -> list[dict[str, Any]]:
    with asking() as stripe_:
        return [one.to_dict() for one in stripe_.v1.refunds.list({"payment_intent": intent, "limit": 100}).data]


def disputes_of(intent: str) -> list[dict[str, Any]]:
    with asking() as stripe_:
        return [one.to_dict() for one in stripe_.v1.disputes.list({"payment_intent": intent, "limit": 100}).data]


def expire_session(number: str) -> None:
    """Nobody can pay there any more. One that is over is left as it is."""
    with asking() as stripe_:
        try:
            stripe_.v1.checkout.sessions.expire(number)
        except stripe.InvalidRequestError as error:
            if error.http_status not in (400, 404):
                raise


def card_of(method: str) -> dict[str, Any]:
    with asking() as stripe_:
        return stripe_.v1.payment_methods.retrieve(method).to_dict()


def forget_card(method: str) -> None:
    """One that is gone there already is no failure."""
    with asking() as stripe_:
        try:
            stripe_.v1.payment_methods.detach(method)
        except stripe.InvalidRequestError as error:
            if error.http_status not in (400, 404):
                raise


def forget_customer(customer: str) -> None:
    """With its cards; one that is gone there already is no failure."""
    with asking() as stripe_:
        try:
            stripe_.v1.customers.delete(customer)
        except stripe.InvalidRequestError as error:
            if error.http_status != 404:
                raise


def events_between(
    start: datetime, end: datetime, kinds: list[str], after: str = ""
) -> tuple[list[dict[str, Any]], bool]:
    """(a page of up to 100, the newest first, whether more follow). Stripe keeps them for 30 days."""
    created = {"gte": int(start.timestamp()), "lt": int(end.timestamp()) + 1}
    asked: dict[str, Any] = {"created": created, "types": kinds, "limit": 100}
    if after:
        asked["starting_after"] = after
    with asking() as stripe_:
        page = stripe_.v1.events.list(asked)  # type: ignore[arg-type]
        return [one.to_dict() for one in page.data], bool(page.has_more)


def is_signed(body: bytes, header: str, secrets: list[str]) -> bool:
    """Whether one of our endpoint's secrets signed it within the last five minutes; two hold while one is rolled."""
    if not header.isascii():
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return True
    return False


def is_live() -> bool:
    return "_live_" in settings.STRIPE_SECRET_KEY
