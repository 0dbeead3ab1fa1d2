"""Stripe as a stand-in at the wire, stateful, written from its documents: what the portal asks, and no more.

Cards decide as Stripe's own test cards do. `fails`: statuses said instead of the next answers, before anything is
done; `is_silent`: the next POST is done and never answered; `is_lost`: the next charge is made, and its answer is an
error. `tell` signs an event as its webhooks are.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

KEY, SECRET = "sk_test_portal", "whsec_portal"
GOOD, BROKE, LOST, ASKS = "4242", "9995", "9987", "3184"
_DECLINES = {
    BROKE: ("card_declined", "insufficient_funds"),
    LOST: ("card_declined", "lost_card"),
    ASKS: ("authentication_required", "authentication_required"),
}
type Said = tuple[int, dict[str, Any]]


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`metadata[top_up]=1` and `expand[0]=a` as Stripe reads them."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        path = name.replace("]", "").split("[")
        at = found
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
    return found


class Stripe:
    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.RLock()
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.replies: dict[str, tuple[str, Said]] = {}
        self.requests: list[tuple[str, str]] = []
        self.fails: list[int] = []
        self.is_silent = False
        self.is_lost = False
        self.over = threading.Event()

    def made(self, kind: str, **fields: Any) -> dict[str, Any]:
        number = f"{kind}_{secrets.token_hex(6)}"
        self.objects[number] = {"id": number, "livemode": False, "created": int(time.time()), **fields}
        return self.objects[number]

    def found(self, number: str) -> dict[str, Any]:
        return self.objects[number]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for number, one in self.objects.items() if number.startswith(f"{kind}_")]

    def paid(self) -> list[dict[str, Any]]:
        return [one for one in self.of("pi") if one["status"] == "succeeded"]

    def happened(self, kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
        event = {
            "id": f"evt_{secrets.token_hex(8)}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": dict(told)},
        }
        self.events.append(event)
        return event

    # What people and banks do.

    def pay(self, session: str, last4: str = GOOD) -> None:
        """At Stripe's page, with a card that ends so."""
        found = self.objects[session]
        card = self.card(found["customer"], last4)
        found["status"] = "complete"
        if found["mode"] == "setup":
            found["setup_intent"] = self.made("seti", payment_method=card["id"])["id"]
        else:
            intent = self.charge(found["customer"], found["amount_total"], card["id"], found["intent_metadata"])
            found.update(payment_status="paid", payment_intent=intent["id"])
        self.happened("checkout.session.completed", found)

    def card(self, customer: str, last4: str) -> dict[str, Any]:
        told = {"brand": "visa", "last4": last4, "exp_month": 12, "exp_year": 2030}
        return self.made("pm", customer=customer, type="card", card=told)

    def charge(self, customer: str, amount: int, method: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        intent = self._intent(customer, amount, method, metadata)
        self._succeed(intent)
        return intent

    def refund(self, intent: str, cents: int, status: str = "succeeded") -> dict[str, Any]:
        made = self.made("re", payment_intent=intent, amount=cents, status=status, currency="usd")
        self.happened("refund.created", made)
        return made

    def dispute(self, intent: str, status: str = "needs_response") -> dict[str, Any]:
        made = self.made("du", payment_intent=intent, amount=self.found(intent)["amount"], status=status)
        self.happened("charge.dispute.created", made)
        return made

    def _intent(self, customer: str, amount: int, method: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        told = {"customer": customer, "amount": amount, "amount_received": 0, "currency": "usd"}
        return self.made("pi", **told, payment_method=method, metadata=dict(metadata), status="processing")

    def _succeed(self, intent: dict[str, Any]) -> None:
        charge = self.made("ch", receipt_url=f"https://pay.stripe.com/receipts/{intent['id']}")
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
        self.happened("payment_intent.succeeded", intent)

    # The interface.

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        if headers.get("authorization") != f"Bearer {KEY}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
        parts = urlsplit(target)
        asked = nested(parse_qsl(body.decode() or parts.query, keep_blank_values=True))
        path = parts.path.removeprefix("/v1/").split("/")
        key = headers.get("idempotency-key", "")
        with self.lock:
            if method == "POST" and key in self.replies:
                before, said = self.replies[key]
                if before != body.decode():
                    return 400, {"error": {"type": "idempotency_error", "message": "Keys for other parameters"}}
                return said
            said = self._answer(method, path, asked)
            if method == "POST" and key:
                self.replies[key] = (body.decode(), json.loads(json.dumps(said)))
            return said

    def _answer(self, method: str, path: list[str], asked: dict[str, Any]) -> Said:
        name = "_".join(part for part in path if part not in self.objects)
        number = next((part for part in path if part in self.objects), "")
        handler = getattr(self, f"{method.lower()}_{name}", None)
        if handler is None or (len(path) > 1 and not number and path[-1] != "sessions"):
            return 404, {"error": {"type": "invalid_request_error", "message": f"No such {path[0]}"}}
        customer = asked.get("customer")
        if method == "POST" and customer and not self.is_known(customer):
            gone = {"code": "resource_missing", "param": "customer", "message": f"No such customer: '{customer}'"}
            return 400, {"error": {"type": "invalid_request_error", **gone}}
        said = handler(number, asked)
        return said if isinstance(said, tuple) else (200, said)

    def is_known(self, customer: str) -> bool:
        return customer in self.objects

    def post_customers(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        if number:
            self.objects[number].update(asked)
            return self.objects[number]
        return self.made("cus", name=asked.get("name"), metadata=asked.get("metadata", {}))

    def delete_customers(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        for card in self.of("pm"):
            if card.get("customer") == number:
                card["customer"] = None
        del self.objects[number]
        return {"id": number, "deleted": True}

    def post_checkout_sessions(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        amount = int(asked["line_items"]["0"]["price_data"]["unit_amount"]) if asked["mode"] == "payment" else None
        made = self.made(
            "cs",
            mode=asked["mode"],
            customer=asked["customer"],
            status="open",
            payment_status="unpaid" if amount else "no_payment_required",
            amount_total=amount,
            metadata=asked["metadata"],
            intent_metadata=asked.get("payment_intent_data", {}).get("metadata", {}),
            payment_intent=None,
            setup_intent=None,
            invoice=None,
            success_url=asked["success_url"],
        )
        made["url"] = f"https://checkout.stripe.com/c/pay/{made['id']}"
        return made

    def get_checkout_sessions(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        found = dict(self.objects[number])
        for name in ("payment_intent", "setup_intent"):
            if found[name]:
                found[name] = self._whole(self.found(found[name]))
        if found["payment_status"] == "paid":
            found["invoice"] = {"id": "in_1", "hosted_invoice_url": "https://invoice.stripe.com/i/1"}
        return found

    def _whole(self, intent: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in ("payment_method", "latest_charge") if isinstance(intent.get(name), str)]
        return {**intent, **{name: self.found(intent[name]) for name in names}}

    def post_payment_intents(self, number: str, asked: dict[str, Any]) -> Said | dict[str, Any]:
        assert (asked["off_session"], asked["confirm"]) == ("true", "true")
        card = self.objects[asked["payment_method"]]
        intent = self._intent(asked["customer"], int(asked["amount"]), card["id"], asked["metadata"])
        decline = _DECLINES.get(card["card"]["last4"])
        if decline is None:
            self._succeed(intent)
            return intent
        code, why = decline
        error = {"type": "card_error", "code": code, "decline_code": why, "message": "Your card was declined."}
        intent.update(status="requires_payment_method", last_payment_error=error)
        self.happened("payment_intent.payment_failed", intent)
        return 402, {"error": {**error, "payment_intent": dict(intent)}}

    def get_payment_intents(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        if number:
            return self._whole(self.objects[number])
        return self._list([one for one in self.of("pi") if one["customer"] == asked["customer"]])

    def get_refunds(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._list([one for one in self.of("re") if one["payment_intent"] == asked["payment_intent"]])

    def get_disputes(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._list([one for one in self.of("du") if one["payment_intent"] == asked["payment_intent"]])

    def post_checkout_sessions_expire(self, number: str, asked: dict[str, Any]) -> dict[str, Any] | Said:
        if self.objects[number]["status"] != "open":
            return 400, {"error": {"type": "invalid_request_error", "message": "Only open sessions can be expired"}}
        self.objects[number]["status"] = "expired"
        return self.objects[number]

    def get_payment_methods(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self.objects[number]

    def post_payment_methods_detach(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.objects[number]["customer"] = None
        self.happened("payment_method.detached", self.objects[number])
        return self.objects[number]

    def get_events(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        since, end, kinds = int(asked["created"]["gte"]), int(asked["created"]["lt"]), set(asked["types"].values())
        newest = sorted(self.events, key=lambda event: -event["created"])
        rows = [event for event in newest if since <= event["created"] < end and event["type"] in kinds]
        after = asked.get("starting_after")
        if after:
            rows = rows[[event["id"] for event in rows].index(after) + 1 :]
        limit = int(asked["limit"])
        return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": "/v1/events"}

    def _list(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"object": "list", "data": rows, "has_more": False, "url": "/v1/x"}


def signed(event: Mapping[str, Any], secret: str = SECRET, *, at: int | None = None) -> tuple[bytes, str]:
    """(body, Stripe-Signature) of a message."""
    body = json.dumps(event)
    moment = at or int(time.time())
    mark = stripe.WebhookSignature._compute_signature(f"{moment}.{body}", secret)
    return body.encode(), f"t={moment},v1={mark}"


@contextmanager
def stripe_server() -> Iterator[Stripe]:
    with served(Stripe()) as there:
        yield there


@contextmanager
def served[S: Stripe](there: S) -> Iterator[S]:

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            there.requests.append((self.command, self.path))
            if there.fails:
                status = there.fails.pop(0)
                self._reply(status, {"error": {"type": "api_error", "message": "Try again"}})
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = there.respond(self.command, self.path, headers, body)
            if there.is_silent and self.command == "POST":
                there.is_silent = False
                there.over.wait(20)
                return
            if there.is_lost and self.path == "/v1/payment_intents":
                there.is_lost = False
                status, said = 503, {"error": {"type": "api_error", "message": "Try again"}}
            self._reply(status, said)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  (the library's names)

        def _reply(self, status: int, said: Mapping[str, Any]) -> None:
            content = json.dumps(said).encode()
            self.send_response(status)
            for name, value in (("Content-Length", str(len(content))), ("Connection", "close")):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    there.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        there.over.set()
        server.shutdown()
        server.server_close()
