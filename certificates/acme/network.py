"""One signed exchange with a CA: nonces, the bounded badNonce repeat, and errors in our terms."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from acme import client, errors, jws, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.b64 import b64encode
from josepy.jwa import ES256, JWASignature
from josepy.jwk import JWK, JWKEC

from certificates.acme.facts import Problem, bad_answer, read_problem
from certificates.acme.kept import Kept
from certificates.acme.refusals import request_refusal
from config.lib import clock, egress
from config.lib.errors import ExpectedError, Transient

# Its DEBUG level prints payloads and nonces; whatever the root logger is set to, they stay out of the log.
logging.getLogger("acme").setLevel(logging.INFO)

# With every other nonce refused, 30 tries fail once in a thousand million requests; an honest CA needs two.
NONCE_TRIES = 30
REQUEST_SECONDS = 30
# Directory, nonce, request and its repeats together: shorter than the lease under which they are sent,
# or a second worker places the same order again.
EXCHANGE_SECONDS = 45
LONGEST_WAIT = timedelta(days=7)
USER_AGENT = "ManageMyCert/0.1"


def account_key(pem: bytes) -> tuple[JWK, JWASignature]:
    """The account key and its algorithm; the library signs with RS256 unless told otherwise."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("account keys are ECDSA P-256")
    return JWKEC(key=key), ES256


class Network(client.ClientNetwork):
    """The library's signing network around a session that can reach only this CA."""

    def __init__(self, kept: Kept, account_key_pem: bytes, account_uri: str, host: str) -> None:
        self.account_key, algorithm = account_key(account_key_pem)
        super().__init__(self.account_key, alg=algorithm, user_agent=USER_AGENT, timeout=REQUEST_SECONDS)
        self.session.close()
        self.session = kept.session
        self._nonces = kept.nonces
        self.verify_ssl = kept.session.verify  # type: ignore[assignment]  # requests takes a path here
        self.host = host
        self.has_answered = False
        self._deadline: egress.Deadline | None = None
        self.use_account(account_uri)

    def __del__(self) -> None:
        """The library closes the session here: of a kept one, under the next client's feet, or within its own lock."""

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A total deadline for every request inside; one that runs already stays."""
        outer = self._deadline
        self._deadline = outer or egress.Deadline(seconds)
        try:
            yield
        finally:
            self._deadline = outer

    def use_account(self, uri: str) -> None:
        """Sign as the account at `uri`; without one, with the bare key as newAccount demands."""
        body = messages.Registration()
        self.account = messages.RegistrationResource(uri=uri, body=body) if uri else None

    def key_change(self, new_key_pem: bytes, url: str) -> jws.JWS:
        """The inner message of a key change, signed by the new key about the old one."""
        new_key, algorithm = account_key(new_key_pem)
        uri = self.account["uri"] if self.account else ""
        told = json.dumps({"account": uri, "oldKey": self.account_key.public_key().to_json()}).encode()
        message: jws.JWS = jws.JWS.sign(told, key=new_key, alg=algorithm, nonce=None, url=url)
        return message

    @property
    def thumbprint(self) -> str:
        return b64encode(self.account_key.thumbprint()).decode()

    def post(self, url: str, payload: Any, **kwargs: Any) -> requests.Response:
        """POST `payload` (None: POST-as-GET). The library repeats a badNonce once only."""
        for attempt in range(1, NONCE_TRIES + 1):
            try:
                return self._post_once(url, payload, **kwargs)
            except _BadNonce as refusal:
                if attempt == NONCE_TRIES:
                    raise Transient("acme_server_error", detail=refusal.detail) from refusal
        raise AssertionError("unreachable")

    def _get_nonce(self, url: str, new_nonce_url: str) -> str:
        if not self._nonces:
            self._check_response(self.head(new_nonce_url), content_type=None)
        if not self._nonces:
            raise bad_answer("No nonce where RFC 8555 demands one.")
        return self._nonces.pop()

    def _add_nonce(self, response: requests.Response) -> None:
        """Errors bring nonces too (RFC 8555, 6.5), and the library throws those away."""
        if self.REPLAY_NONCE_HEADER not in response.headers:
            return
        try:
            super()._add_nonce(response)
        except errors.BadNonce as error:
            raise bad_answer("A nonce is not base64url.") from error

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            if self._deadline:
                kwargs["timeout"] = min(self._deadline.check(), REQUEST_SECONDS)
            response = super()._send_request(method, url, *args, **kwargs)
        except ExpectedError as error:
            raise unreachable(error, self.host) from error
        self.has_answered = self.has_answered or response.status_code < 500
        self._add_nonce(response)
        return response

    @classmethod
    def _check_response(
        cls,
        response: requests.Response,
        content_type: str | None = None,  # noqa: ARG003  (whoever needs JSON reads it with json_of)
    ) -> requests.Response:
        if response.ok:
            return response
        problem = _problem_of(response)
        if problem.kind == "badNonce":
            raise _BadNonce(problem)
        raise request_refusal(problem, retry_at(response))


class _BadNonce(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.detail = problem.detail


def unreachable(error: ExpectedError, host: str) -> Transient:
    """A CA out of reach is never the customer's to repair, so each of egress's reasons is a wait."""
    return Transient("acme_unreachable", host=host, detail=error.code)


def retry_at(response: requests.Response) -> datetime | None:
    """When the CA wants to be asked again: `Retry-After` in seconds or as a date, within reason."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        wait = timedelta(seconds=int(value)) if value.isdigit() else parsedate_to_datetime(value) - clock.now()
    except (ValueError, TypeError, OverflowError):
        return None
    return clock.now().astimezone(UTC) + min(max(wait, timedelta(0)), LONGEST_WAIT)


def json_of(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise bad_answer("The answer is not JSON.") from error
    if not isinstance(body, dict):
        raise bad_answer("The answer is not a JSON object.")
    return body


def _problem_of(response: requests.Response) -> Problem:
    try:
        body = response.json()
    except ValueError:
        body = None
    return read_problem(body, response.status_code)
