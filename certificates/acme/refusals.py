"""Which of our errors a CA's problem is: wait, ask a person, or give up (RFC 8555, section 6.7)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from certificates.acme.facts import Authorization, Order, Problem
from config.lib import clock
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient

# Boulder always names a time with rateLimited; an hour is the longest refill of what we can run into
# repeatedly (failed validations), so a CA that names none is not asked more often than that.
RATE_LIMIT_WAIT = timedelta(hours=1)

Make = Callable[..., ExpectedError]

# Refusals of one name's validation. They end the authorization and its order, so the person who
# repairs the cause needs a fresh challenge.
_VALIDATION: dict[str, str] = {
    "unauthorized": "acme_unauthorized",
    "incorrectResponse": "acme_unauthorized",
    "connection": "acme_connection",
    "tls": "acme_connection",
    "dns": "acme_dns",
    "dnssec": "acme_dns",
    "caa": "acme_caa",
}

# The same of a challenge that the CA looks for on port 80.
_OVER_HTTP = {
    **_VALIDATION,
    "unauthorized": "acme_http_unauthorized",
    "incorrectResponse": "acme_http_unauthorized",
    "connection": "acme_http_unreachable",
}

_REQUEST: dict[str, tuple[Make, str]] = {
    "accountDoesNotExist": (Transient, "acme_account_gone"),
    "alreadyReplaced": (Permanent, "acme_already_replaced"),
    "badCSR": (Permanent, "acme_bad_csr"),
    "badPublicKey": (Permanent, "acme_bad_csr"),
    "badNonce": (Transient, "acme_server_error"),
    "caa": (NeedsUser, "acme_caa"),
    "dns": (NeedsUser, "acme_dns"),
    "externalAccountRequired": (NeedsUser, "acme_external_account_required"),
    "invalidContact": (NeedsUser, "acme_contact_refused"),
    "invalidProfile": (Permanent, "acme_invalid_profile"),
    "orderNotReady": (Transient, "acme_order_not_ready"),
    "rejectedIdentifier": (Permanent, "acme_rejected_identifier"),
    "serverInternal": (Transient, "acme_server_error"),
    "unsupportedContact": (NeedsUser, "acme_contact_refused"),
    "unsupportedIdentifier": (Permanent, "acme_rejected_identifier"),
    "userActionRequired": (NeedsUser, "acme_terms_changed"),
}


def request_refusal(problem: Problem, retry_at: datetime | None) -> ExpectedError:
    """Our error for a request that the CA answered with `problem`."""
    if problem.kind == "rateLimited" or problem.status == 429:
        retry_at = retry_at or clock.now() + RATE_LIMIT_WAIT
        return Transient("acme_rate_limited", retry_at=retry_at, **_params(problem, until=retry_at))
    make, code = _REQUEST.get(problem.kind, (Permanent, "acme_refused"))
    if problem.status >= 500:
        make, code = Transient, "acme_server_error"
    if make is Transient:
        return Transient(code, retry_at=retry_at, **_params(problem))
    return make(code, **_params(problem))


def challenge_refusal(authorization: Authorization) -> ExpectedError:
    """Why `authorization`, which is no longer pending, did not become valid."""
    problem = authorization.problem or Problem("")
    shown = f"*.{authorization.name}" if authorization.wildcard else authorization.name
    if not problem.kind:
        return NeedsUser("acme_order_expired", name=shown, detail=f"The authorization is {authorization.status}.")
    if problem.kind == "rateLimited":
        return request_refusal(problem, None)
    kinds = _OVER_HTTP if _is_over_http(authorization) else _VALIDATION
    code = kinds.get(problem.kind, "acme_not_validated")
    told = {"detail": problem.detail, "kind": problem.kind, "place": place_of(problem.detail)}
    return NeedsUser(code, name=shown, record=authorization.txt_name, **told)


def _is_over_http(authorization: Authorization) -> bool:
    return any(challenge.kind == "http-01" and challenge.problem for challenge in authorization.challenges)


def place_of(detail: str) -> str:
    """From where the CA saw what it says: Boulder looks from one place first and then from several others."""
    is_further = detail.startswith("During secondary validation")
    return "from another of its places than the first" if is_further else "from its own place first"


def order_refusal(order: Order) -> ExpectedError:
    """Why `order` is invalid."""
    if order.problem is None:
        return NeedsUser("acme_order_expired", name=", ".join(order.names), detail="The order is no longer open.")
    if order.problem.kind in _VALIDATION:
        return NeedsUser(_VALIDATION[order.problem.kind], **_params(order.problem))
    error = request_refusal(order.problem, None)
    # An invalid order stays invalid: what would be worth waiting for with a request is over here.
    return NeedsUser(error.code, **error.params) if isinstance(error, Transient) else error


def _params(problem: Problem, *, until: datetime | None = None) -> dict[str, Any]:
    """Parameters for the catalogue: the name it is about and the CA's own words, part by part."""
    details = [problem.detail, *(f"{part.name}: {part.detail}" for part in problem.parts)]
    names = [problem.name, *(part.name for part in problem.parts)]
    params: dict[str, Any] = {
        "detail": " ".join(filter(None, details))[:1000] or f"HTTP {problem.status}",
        "name": ", ".join(filter(None, names)),
        "place": place_of(problem.detail),
        "kind": problem.kind,
        "status": problem.status,
        "instance": problem.instance,
    }
    return params if until is None else {**params, "until": f"{until:%Y-%m-%d %H:%M} UTC"}
