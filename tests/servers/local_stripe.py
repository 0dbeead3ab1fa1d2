"""localstripe, a stateful Stripe of other hands, behind the same wire as our stand-in.

Customers, cards, payments, refunds and signed messages are localstripe's own. What it lacks is the stand-in's: Checkout
pages, repeated keys, disputes, the list of messages, and the fields in which a refusal says why.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.servers.child import Child
from tests.servers.places import TOOLS, plain_environment, private_directory
from tests.servers.ports import accepts, free_port
from tests.servers.stripe_api import ASKS, GOOD, KEY, SECRET, Said, Stripe, served

# Attached without a word, and declined when it is charged.
FAILS = "0341"
NUMBERS = {GOOD: "4242424242424242", ASKS: "4000002760003184", FAILS: "4000000000000341"}
# Its own start listens everywhere and keeps its state in a fixed place.
SERVE = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda self: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
"""
_KINDS = {"pi": "payment_intents", "pm": "payment_methods", "ch": "charges", "re": "refunds", "cus": "customers"}


def flat(asked: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in asked.items():
        path = f"{before}[{name}]" if before else name
        if isinstance(value, Mapping):
            yield from flat(value, path)
        else:
            yield path, str(value)


class LocalStripe(Stripe):
    """`heard`: (body, Stripe-Signature) of each message, as localstripe signed and sent it."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.heard: list[tuple[bytes, str]] = []

    def ask(self, method: str, path: str, asked: Mapping[str, Any] | None = None) -> Said:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        told = urlencode(list(flat(asked or {})))
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        if method == "GET":
            connection.request(method, f"{path}?{told}" if told else path, headers=headers)
        else:
            connection.request(method, path, told, headers)
        answer = connection.getresponse()
        said = json.loads(answer.read() or b"{}")
        connection.close()
        return answer.status, said

    def sure(self, method: str, path: str, asked: Mapping[str, Any] | None = None) -> dict[str, Any]:
        status, said = self.ask(method, path, asked)
        assert status == 200, said
        return said

    def found(self, number: str) -> dict[str, Any]:
        if number in self.objects:
            return self.objects[number]
        return self._dressed(self.sure("GET", f"/v1/{_KINDS[number.split('_')[0]]}/{number}"))

    def paid(self) -> list[dict[str, Any]]:
        intents = self.sure("GET", "/v1/payment_intents", {"limit": 100})["data"]
        return [one for one in intents if one["status"] == "succeeded"]

    def card(self, customer: str, last4: str) -> dict[str, Any]:
        told = {"number": NUMBERS[last4], "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        made = self.sure("POST", "/v1/payment_methods", {"type": "card", "card": told})
        return self.sure("POST", f"/v1/payment_methods/{made['id']}/attach", {"customer": customer})

    def charge(self, customer: str, amount: int, method: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        told = {"amount": amount, "currency": "usd", "customer": customer, "payment_method": method}
        return self.sure("POST", "/v1/payment_intents", {**told, "confirm": "true", "metadata": metadata})

    def refund(self, intent: str, cents: int, status: str = "succeeded") -> dict[str, Any]:
        made = self.sure("POST", "/v1/refunds", {"payment_intent": intent, "amount": cents})
        self.happened("refund.created", made)
        return made

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        if target == "/heard":
            self.heard.append((body, headers["stripe-signature"]))
            self.events.append(json.loads(body))
            return 200, {}
        return super().respond(method, target, headers, body)

    def _answer(self, method: str, path: list[str], asked: dict[str, Any]) -> Said:
        if path[0] not in _KINDS.values():
            return super()._answer(method, path, asked)
        if path == ["payment_intents"] and method == "POST":
            return self._charge_off_session(asked)
        if path == ["payment_intents"]:
            asked = {"limit": 100}
        asked.pop("expand", None)
        status, said = self.ask(method, "/v1/" + "/".join(path), asked)
        if said.get("object") == "payment_intent":
            said = self._whole(self._dressed(said))
        return status, said

    def is_known(self, customer: str) -> bool:
        return customer in self.objects or self.ask("GET", f"/v1/customers/{customer}")[0] == 200

    def _charge_off_session(self, asked: dict[str, Any]) -> Said:
        """Nobody is there who could confirm, so Stripe refuses what would want it."""
        asked.pop("description", None)
        status, said = self.ask("POST", "/v1/payment_intents", asked)
        why = ""
        if status == 402:
            why, said = "generic_decline", self.found(self.found(said["error"]["charge"])["payment_intent"])
        elif said["status"] == "requires_action":
            why = "authentication_required"
        if not why:
            return status, self._dressed(said)
        code = "card_declined" if why == "generic_decline" else why
        error = {"type": "card_error", "code": code, "decline_code": why, "message": "Your card was declined."}
        return 402, {"error": {**error, "payment_intent": said}}

    def _dressed(self, said: dict[str, Any]) -> dict[str, Any]:
        if said.get("object") == "payment_intent":
            said["amount_received"] = said["amount"] if said["status"] == "succeeded" else 0
            if isinstance(said.get("latest_charge"), dict):
                said["latest_charge"]["receipt_url"] = f"https://pay.stripe.com/receipts/{said['id']}"
        return said


@contextmanager
def local_stripe() -> Iterator[LocalStripe]:
    port = free_port()
    with private_directory("localstripe") as place:
        python = str(TOOLS / "localstripe" / "bin" / "python")
        command = [python, "-c", SERVE, str(port)]
        child = Child("localstripe", command, log=place / "log", env=plain_environment(), cwd=place)
        try:
            child.wait_ready(lambda: accepts(port))
            with served(LocalStripe(port)) as there:
                there.sure("POST", "/_config/webhooks/portal", {"url": f"{there.url}/heard", "secret": SECRET})
                yield there
        finally:
            child.stop()
